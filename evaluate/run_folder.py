"""The run folder: one training with everything that made and measured it, the same for every trainer.

runs/<det|seg>/<dataset name>[-N]/
  config.yaml  environment.json  split.json
  weights/best.*  weights/last.*
  history.csv  curves.png
  predictions/{val,test}.json
  metrics.json
"""

import csv
import io
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from datasets.formats.dataset_folder import Dataset
from system.errors import InputError, OptionError
from system.files import write_atomic
from training.options import options_in_file

PACKAGES = ("defectline", "torch", "torchvision", "ultralytics", "segmentation-models-pytorch", "lightning",
            "albumentations", "pycocotools", "numpy", "opencv-python-headless")  # fmt: skip
T = TypeVar("T")
Options = TypeVar("Options", bound=msgspec.Struct)


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


def create_run(runs: Path, kind: str, name: str, config: RunConfig, split: RunSplit) -> Run:
    """Make `runs/<kind>/<name>`, or `<name>-2` and so on where that exists, and write what was asked into it."""
    if not name or Path(name).name != name or name.startswith("."):
        raise OptionError(f"--name {name}", "not a plain folder name", "use letters, digits, - and _")
    return _fill(_claim_folder(runs / kind, name), config, split)


def create_fold(run: Run, number: int, config: RunConfig, split: RunSplit) -> Run:
    """Make the folder of one fold of the cross-validation `run`, an ordinary run; `number` counts from 1."""
    root = run.root / f"fold-{number}"
    root.mkdir()
    return _fill(root, config, split)


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


def run_options(run: Run, kind: type[Options]) -> Options:
    """The options of a run as its trainer types them. Raises InputError, OptionError."""
    return options_in_file(kind, read_config(run.root).options, run.config)


def read_split(run: Run) -> RunSplit:
    """On which images the run was made. Raises InputError."""
    return read_json(run.root / "split.json", RunSplit)


def run_split(dataset: Dataset, images: Mapping[str, Sequence[str]]) -> RunSplit:
    """The RunSplit of a training on `dataset`; `images` is split -> file names."""
    sha256 = dataset.provenance.content_sha256 if dataset.provenance else None
    return RunSplit(dataset.name, sha256, {split: list(names) for split, names in images.items()})


def read_json(path: Path, kind: type[T]) -> T:
    """Read a JSON file strictly as `kind`. Raises InputError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check whether the run was finished") from None
    except msgspec.MsgspecError as error:
        raise InputError(path, f"not as defectline writes it: {error}", "make the run anew") from None


def write_json(path: Path, value: object) -> None:
    """Write JSON, indented for people, atomically."""
    write_atomic(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write history.csv: one row an epoch, columns as in the last row, six significant digits."""
    text = io.StringIO()
    columns = list(rows[-1]) if rows else ["epoch"]
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" for k, v in row.items() if k in columns})
    write_atomic(path, text.getvalue().encode())


def read_history(path: Path) -> list[dict[str, float]]:
    """Read history.csv back; absent is empty, empty cells are left out."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def draw_curves(path: Path, rows: Sequence[Mapping[str, float]], groups: Mapping[str, Sequence[str]]) -> None:
    """Draw history rows as one panel per group (title -> columns) into a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(groups), 4), layout="constrained")
    for axes, (title, columns) in zip(
        figure.subplots(1, len(groups), squeeze=False)[0], groups.items(), strict=True
    ):
        for column in columns:
            points = [(row["epoch"], row[column]) for row in rows if column in row]
            axes.plot([p[0] for p in points], [p[1] for p in points], label=column, marker="." * (len(points) < 3))
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())


def environment() -> dict[str, Any]:
    """Versions, platform and git revision under which a run is made; no machine or user name."""
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git_revision": _git_revision(),
    }


def _fill(root: Path, config: RunConfig, split: RunSplit) -> Run:
    run = Run(root, config.kind)
    if not config.folds:
        run.weights.mkdir()
    (root / "predictions").mkdir()
    write_atomic(run.config, msgspec.yaml.encode(config))
    write_json(root / "environment.json", environment())
    write_json(root / "split.json", split)
    return run


def _claim_folder(parent: Path, name: str) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        root = parent / (name if number == 1 else f"{name}-{number}")
        try:
            root.mkdir()
        except FileExistsError:
            number += 1
        else:
            return root


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
