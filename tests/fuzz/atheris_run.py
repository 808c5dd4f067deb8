"""Fuzz the targets guided by coverage with atheris, which is installed in an environment of its own.

    python -m tests.fuzz.atheris_run TARGET [-runs=100000] [libFuzzer options] FOLDER

FOLDER collects inputs that reach new code. Each finding is written as crash-* or timeout-* to the current folder.
"""

import os
import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(
    include=[
        "annotate",
        "datasets",
        "evaluate",
        "features",
        "system",
        "training",
        "train_anomaly",
        "train_cls",
        "train_det",
        "train_seg",
    ]
):
    from tests.fuzz.seeds import seeds
    from tests.fuzz.targets import LIMIT, survives


def main() -> None:
    """Fuzz one target."""
    os.environ.setdefault(*LIMIT)
    name = sys.argv.pop(1)
    corpus = Path(sys.argv[-1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(seed)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for seed in seeds(name):  # loads the libraries, which takes longer than an input may
            survives(name, Path(folder), seed)
        atheris.Setup(sys.argv, lambda data: survives(name, Path(folder), data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
