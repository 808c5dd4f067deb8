"""Fuzz the targets guided by coverage with atheris, which is installed in an environment of its own.

    python -m tests.fuzz.atheris_run TARGET [-runs=100000] [libFuzzer options] FOLDER
    python -m tests.fuzz.atheris_run TARGET -merge=1 NEW FOLDER

FOLDER collects inputs that reach new code. Each finding is written as crash-* or timeout-* to the current folder.
The second form copies to the empty folder NEW a few inputs of FOLDER that reach the same code as all of them.
"""

import os
import shlex
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
    # To merge, libFuzzer starts the program again, by the shell: a crash must not end the merge.
    sys.argv[0] = shlex.join([sys.executable, "-m", "tests.fuzz.atheris_run", name])
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
