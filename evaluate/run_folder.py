"""The run folder: one training with everything that made and measured it, the same for every trainer.

runs/<det|seg>/<dataset name>[-N]/
  config.yaml  environment.json  split.json
  weights/best.*  weights/last.*
  history.csv  curves.png
  predictions/{val,test}.json
  metrics.json
"""

from pathlib import Path
from typing import Any

import msgspec

from system.errors import InputError
from system.json_file import read_json


class RunSplit(msgspec.Struct, frozen=True):
    """On which images a run was trained, validated and tested: split -> file names in the dataset."""

    dataset: str
    content_sha256: str | None
    images: dict[str, list[str]]


class Run(msgspec.Struct, frozen=True):
    """A run folder; `kind` is det or seg."""

    root: Path
    kind: str

    @property
    def config(self) -> Path:
        """What was asked."""
        return self.root / "config.yaml"

    @property
    def weights(self) -> Path:
        """Folder of best.* and last.*."""
        return self.root / "weights"

    @property
    def history(self) -> Path:
        """One row an epoch."""
        return self.root / "history.csv"

    @property
    def curves(self) -> Path:
        """The history as a picture."""
        return self.root / "curves.png"

    @property
    def metrics(self) -> Path:
        """The numbers."""
        return self.root / "metrics.json"

    def predictions(self, split: str) -> Path:
        """COCO results of a split."""
        return self.root / "predictions" / f"{split}.json"


class RunConfig(msgspec.Struct, frozen=True):
    """What every run's config.yaml holds: trainer (det or seg), dataset folder and the trainer's options.

    `folds` is the number of folds of a cross-validation, 0 of an ordinary run.
    """

    kind: str
    dataset: str
    options: dict[str, Any]
    folds: int = 0


def is_fold(run: Run) -> bool:
    """Whether the run is a fold of a cross-validation, whose folder is there before its first epoch."""
    parent = run.root.resolve().parent
    return (parent / "config.yaml").is_file() and read_config(parent).folds > 0


def load_run(root: Path) -> Run:
    """Open a run folder. Raises InputError where `root` is none."""
    if not (root / "config.yaml").is_file():
        raise InputError(
            root, "not a run folder (no config.yaml)", "name a folder made by train_det or train_seg fit"
        )
    return Run(root, read_config(root).kind)


def load_run_of(root: Path, kind: str) -> Run:
    """Open a run folder of the trainer `kind`, det or seg. Raises InputError where `root` is no such."""
    run = load_run(root)
    if run.kind != kind:
        raise InputError(root, f"a run of train_{run.kind}", f"name one of train_{kind}, or use train_{run.kind}")
    return run


def read_config(root: Path) -> RunConfig:
    """The config.yaml of a run folder. Raises InputError."""
    path = root / "config.yaml"
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=RunConfig)
    except msgspec.MsgspecError as error:
        raise InputError(path, f"not a run's configuration: {error}", "name another run folder") from None


def read_split(run: Run) -> RunSplit:
    """On which images the run was made. Raises InputError."""
    return read_json(run.root / "split.json", RunSplit)
