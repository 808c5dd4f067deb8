"""The run folder: one training with everything that made and measured it. Every trainer writes the same files.

runs/<task>/<dataset name>[-N]/
  config.yaml  environment.json  split.json
  weights/best.*  weights/last.*
  history.csv  curves.png
  predictions/{val,test}.json
  metrics.json
"""

from pathlib import Path
from typing import Literal

import msgspec

from datasets.images.bit_depth import IntensityRange
from system.errors import InputError
from system.json_file import read_json
from system.links import check_own_folder
from system.typed_yaml import read_yaml_as


class RunSplit(msgspec.Struct, frozen=True, omit_defaults=True):
    """The images on which a run was trained, validated and tested: split -> file names in the dataset.

    `intensities`: how images with more than 8 bits per channel are scaled (datasets.images.bit_depth); empty where
    none is recorded. `annotations_sha256` is that of the annotation files, None in older runs.
    """

    dataset: str
    content_sha256: str | None
    images: dict[str, list[str]]
    intensities: list[IntensityRange] = []
    annotations_sha256: str | None = None

    @property
    def measured(self) -> list[str]:
        """The images of val and test, which must not be learnt."""
        return [*self.images.get("val", []), *self.images.get("test", [])]


class Provides(msgspec.Struct, frozen=True, kw_only=True):
    """What the predictions of a run contain. Readers of a run test this, never the name of its task.

    `boxes`: a box for each prediction. `masks`: its instance mask too. `image_types`: a score of each type for a
    whole image, without a box; with `several_types` each by itself, because an image may have several.
    `score_maps`: a defect score for each pixel of an image. `types`: whether defects are distinguished by type;
    else all are of one category (evaluate.one_type).
    """

    boxes: bool = False
    masks: bool = False
    image_types: bool = False
    several_types: bool = False
    score_maps: bool = False
    types: bool = True

    @property
    def one_type(self) -> bool:
        """Whether the run gives each image one type, or good."""
        return self.image_types and not self.several_types


# Task of a run -> what it provides. A trainer outside this project adds its own task here when it is imported.
TASKS: dict[str, Provides] = {
    "det": Provides(boxes=True),
    "seg": Provides(boxes=True, masks=True, score_maps=True),
    "cls": Provides(image_types=True),
    "anomaly": Provides(boxes=True, masks=True, score_maps=True, types=False),
}

# Task of a run -> the values of its option `family` that have masks, where others have none.
FAMILIES_WITH_MASKS: dict[str, tuple[str, ...]] = {"det": ("yolo-seg",)}


class Run(msgspec.Struct, frozen=True):
    """A run folder; `task` is a key of TASKS."""

    root: Path
    task: str

    @property
    def provides(self) -> Provides:
        """What the predictions contain."""
        provides = TASKS[self.task]
        families = FAMILIES_WITH_MASKS.get(self.task)
        if families and self.config.is_file():
            masks = read_config(self.root).options.get("family") in families
            return msgspec.structs.replace(provides, masks=masks)
        if provides.image_types and self.config.is_file():
            several = read_config(self.root).options.get("several") == "multi"
            return msgspec.structs.replace(provides, several_types=several)
        return provides

    @property
    def config(self) -> Path:
        """The task, the dataset and the options."""
        return self.root / "config.yaml"

    @property
    def weights(self) -> Path:
        """Folder of best.* and last.*."""
        return self.root / "weights"

    @property
    def history(self) -> Path:
        """One row for each epoch."""
        return self.root / "history.csv"

    @property
    def curves(self) -> Path:
        """The plot of the history."""
        return self.root / "curves.png"

    @property
    def metrics(self) -> Path:
        """The measured numbers."""
        return self.root / "metrics.json"

    def predictions(self, split: str) -> Path:
        """The COCO results file of a split."""
        return self.root / "predictions" / f"{split}.json"


def trainers(what: Literal["boxes", "masks", "image_types", "score_maps"] | None = None) -> str:
    """The trainers for a message, such as "train_det or train_seg"; with `what`, those whose runs provide it."""
    names = [f"train_{task}" for task, provides in TASKS.items() if what is None or getattr(provides, what)]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


class RunConfig(msgspec.Struct, frozen=True):
    """The content of config.yaml: task (in the file `kind`), dataset folder and the trainer's options.

    `folds` is the number of folds of a cross-validation, 0 of an ordinary run. `seeds` are those of the runs in a
    folder of several, which has no folds itself.
    """

    task: str = msgspec.field(name="kind")
    dataset: str
    options: dict[str, object]
    folds: int = 0
    seeds: list[int] = []


def is_fused(run: Run) -> bool:
    """Whether a run consists of other runs that are used together, instead of weights of its own."""
    return "fuse" in read_config(run.root).options


def is_member(run: Run) -> bool:
    """Whether the run is a fold or one of several seeds, whose folder exists before its first epoch."""
    parent = run.root.resolve().parent
    if not (parent / "config.yaml").is_file():
        return False
    config = read_config(parent)
    return config.folds > 0 or bool(config.seeds)


def seeds_of(run: Run) -> list[Run]:
    """The runs with different seeds in the folder of several; none for any other run. Raises InputError."""
    return [load_member(run.root / f"seed-{seed}") for seed in read_config(run.root).seeds]


def load_member(root: Path) -> Run:
    """Open the folder of a fold or of one of several seeds. Raises InputError, also if it is a link."""
    check_own_folder(root)
    return load_run(root)


def check_own_predictions(run: Run) -> None:
    """Raise InputError if `run` consists of several seeds, each of which has its own weights and predictions."""
    if seeds := read_config(run.root).seeds:
        problem = "several seeds, without weights or predictions of its own"
        raise InputError(run.root, problem, f"name one: {run.root / f'seed-{seeds[0]}'}")


def load_run(root: Path) -> Run:
    """Open a run folder. Raises InputError if `root` is not one."""
    if not (root / "config.yaml").is_file():
        raise InputError(root, "not a run folder (no config.yaml)", f"name a folder made by {trainers()} fit")
    return Run(root, read_config(root).task)


def load_run_of(root: Path, task: str) -> Run:
    """Open a run folder of the task `task`. Raises InputError if `root` is not one, or of another task."""
    run = load_run(root)
    if run.task != task:
        raise InputError(root, f"a run of train_{run.task}", f"name one of train_{task}, or use train_{run.task}")
    return run


def read_config(root: Path) -> RunConfig:
    """Read the config.yaml of a run folder. Raises InputError for other content and for a task not in TASKS."""
    path = root / "config.yaml"
    config = read_yaml_as(path, RunConfig, "name another run folder")
    if config.task not in TASKS:
        raise InputError(path, f"unknown task {config.task!a}", f"known: {', '.join(TASKS)}")
    return config


def read_split(run: Run) -> RunSplit:
    """Read the split.json of a run.

    Raises InputError if it cannot be read or has other content, or lists an image twice: it would count twice, or
    be tested by a model that was trained on it.
    """
    path = run.root / "split.json"
    split = read_json(path, RunSplit)
    place: dict[str, str] = {}
    for name, files in split.images.items():
        for file in files:
            if file in place:
                where = f"twice in {name}" if place[file] == name else f"in {place[file]} and in {name}"
                raise InputError(path, f"{file} is {where}", "make the run again")
            place[file] = name
    return split
