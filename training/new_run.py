"""New run folders, the same for every trainer: one run, or a cross-validation with its folds.

runs/<task>/<name>/                             a cross-validation
  config.yaml  environment.json  split.json     test: all images; `folds` in the configuration
  fold-1/ ... fold-K/                           each with everything of a run
  predictions/test.json  metrics.json           out-of-fold, pooled
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from datasets.coco import CocoFile, Image
from datasets.formats.dataset_folder import Dataset, annotations_sha256
from datasets.resplit import Options, assign_splits
from datasets.splits import strata_by_type
from evaluate.run_folder import Run, RunConfig, RunSplit
from system.console import print_status, progress
from system.errors import InputError, OptionError
from system.files import write_atomic
from system.json_file import write_json
from system.shown_names import shown
from training.boxes import check_boxes
from training.environment import environment
from training.negatives import DEFECTS_AND_NEGATIVES, ImageChoice, only_ignored
from training.options import SharedOptions
from training.pasted_images import pasted_names, write_pasted
from training.resume import remove_run
from training.run_dataset import PASTED, resplit_in_memory
from training.usual_epochs import decide_epochs, training_size


def check_learnable(dataset: Dataset, options: SharedOptions, images: ImageChoice) -> None:
    """Raise InputError if no split of the dataset has anything to learn from."""
    _check_not_all_ignored(dataset, "", list(dataset.splits.values()))
    if not any(images.choose(coco, options) for coco in dataset.splits.values()):
        raise InputError(dataset.root, f"there is no {images.needed} to learn from", "train on another dataset")


def training_images(dataset: Dataset, options: SharedOptions, images: ImageChoice) -> list[Image]:
    """The images of the split train that a run learns from. Raises InputError if there are none."""
    train = dataset.split("train")
    _check_not_all_ignored(dataset, " of the split train", [train])
    chosen = images.choose(train, options)
    if not chosen:
        raise InputError(
            dataset.root,
            f"the split train has no {images.needed} to learn from",
            "convert with another split",
        )
    return chosen


def new_run(
    task: str,
    dataset: Dataset,
    options: SharedOptions,
    runs: Path,
    name: str | None,
    images: ImageChoice = DEFECTS_AND_NEGATIVES,
    *,
    member: bool = False,
) -> Run:
    """Make `runs/<task>/<name>`, by default with the dataset's name, and paste its images.

    A `member` of a run of several is made in `runs` itself.

    Raises OptionError, InputError; nothing is left then.
    """
    check_boxes(dataset, task)
    _report_repairs(dataset)
    names = _names(dataset, options, images)
    options = decide_epochs(options, training_size(dataset, names["train"], options))
    config = _config(task, dataset, options)
    place = dataset.name if name is None else name
    run = create_run(runs, task, place, config, run_split(dataset, names), member=member)
    with removed_on_failure(run):
        _paste(run, dataset, options)
    return run


def new_folds(
    task: str,
    dataset: Dataset,
    options: SharedOptions,
    runs: Path,
    name: str | None,
    folds: int,
    val: float,
    images: ImageChoice = DEFECTS_AND_NEGATIVES,
    *,
    member: bool = False,
) -> Run:
    """Make the parent run and the folders of its folds, which can be trained in any order.

    `val` is the share of val in the images that a fold does not test. Raises OptionError for folds that cannot be
    made, and InputError; nothing is left then.
    """
    check_learnable(dataset, options, images)
    if not 0 <= val < 1:
        raise OptionError(f"--val {val}", "not a share", "give 0 or more and less than 1")
    strata = strata_by_type(dataset.splits.values())
    shares = assign_splits(strata, Options(ratios=(1 - val, val, 0.0), seed=options.seed, folds=folds))
    views = [resplit_in_memory(dataset, splits) for splits in shares.values()]
    check_boxes(dataset, task)
    _report_repairs(dataset)
    if not all(images.choose(view.splits["train"], options) for view in views):
        raise OptionError(f"--folds {folds}", "a fold has nothing to learn from", "give fewer folds")
    members = [_names(view, options, images) for view in views]
    sizes = [training_size(view, names["train"], options) for view, names in zip(views, members, strict=True)]
    options = decide_epochs(options, min(sizes))
    config = _config(task, dataset, options)
    everything = {"train": [], "val": [], "test": sorted(strata)}
    whole = msgspec.structs.replace(config, folds=folds)
    place = dataset.name if name is None else name
    run = create_run(runs, task, place, whole, run_split(dataset, everything), member=member)
    with removed_on_failure(run):
        for number, (view, names) in enumerate(zip(views, members, strict=True), 1):
            _paste(create_fold(run, number, config, run_split(dataset, names)), view, options)
    return run


def _report_repairs(dataset: Dataset) -> None:
    """Print how many annotations of a dataset were corrected while reading, by code."""
    counts = Counter(repair.code for repair in dataset.repairs)
    if counts:
        codes = ", ".join(f"{code} {counts[code]}" for code in sorted(counts))
        print_status(f"{dataset.root}: corrected while reading: {codes}; datasets check lists them")


def _names(dataset: Dataset, options: SharedOptions, images: ImageChoice) -> dict[str, list[str]]:
    """The file names of each split; for train, those of the used images and of the images that will be pasted."""
    train, chosen = dataset.split("train"), training_images(dataset, options, images)
    taking_part = {image.id for image in chosen}
    if left_out := sum(image.id not in taking_part for image in only_ignored(train)):
        print_status(f"{dataset.root}: {left_out} training images with only ignore regions are left out")
    names = {split: [image.file_name for image in coco.images] for split, coco in dataset.splits.items()}
    names["train"] = [image.file_name for image in chosen] + pasted_names(options.paste)
    return names


def _check_not_all_ignored(dataset: Dataset, part: str, cocos: Sequence[CocoFile]) -> None:
    annotations = [annotation for coco in cocos for annotation in coco.annotations]
    if annotations and all(annotation.iscrowd for annotation in annotations):
        problem = f"every annotation{part} is an ignore region (iscrowd 1)"
        raise InputError(dataset.root, problem, "convert the source with coco2coco --crowd instance")


def _config(task: str, dataset: Dataset, options: SharedOptions) -> RunConfig:
    return RunConfig(task=task, dataset=str(dataset.root.resolve()), options=msgspec.to_builtins(options))


def _paste(run: Run, dataset: Dataset, options: SharedOptions) -> None:
    if options.paste:
        write_pasted(dataset, run.root / PASTED, options.paste, options.seed, progress)


@contextmanager
def removed_on_failure(run: Run) -> Iterator[None]:
    """Remove the folder of `run` if the block raises."""
    try:
        yield
    except BaseException:
        remove_run(run)
        raise


def create_run(
    runs: Path, task: str, name: str, config: RunConfig, split: RunSplit, *, member: bool = False
) -> Run:
    """Make `runs/<task>/<name>`, or `<name>-2` and so on if that exists, and write its configuration.

    A `member` of a run of several is made in `runs` itself.
    """
    if not name or Path(name).name != name or name.startswith("."):
        raise OptionError(f"--name {name}", "not a plain folder name", "use letters, digits, - and _")
    return _fill(_claim_folder(runs if member else runs / task, name), config, split)


def create_fold(run: Run, number: int, config: RunConfig, split: RunSplit) -> Run:
    """Make the folder of one fold of the cross-validation `run`, an ordinary run; `number` counts from 1."""
    root = run.root / f"fold-{number}"
    root.mkdir()
    return _fill(root, config, split)


def run_split(dataset: Dataset, images: Mapping[str, Sequence[str]]) -> RunSplit:
    """The RunSplit of a training on `dataset`; `images` is split -> file names."""
    sha256 = dataset.provenance.content_sha256 if dataset.provenance else None
    members = {split: list(names) for split, names in images.items()}
    return RunSplit(dataset.name, sha256, members, dataset.intensities, annotations_sha256(dataset.root))


def write_config(run: Run, config: RunConfig) -> None:
    """Write config.yaml, with the URL of a dataset instead of its copy."""
    recorded = msgspec.structs.replace(config, dataset=shown(config.dataset))
    write_atomic(run.config, msgspec.yaml.encode(recorded))


def _fill(root: Path, config: RunConfig, split: RunSplit) -> Run:
    run = Run(root, config.task)
    if not (config.folds or config.seeds):
        run.weights.mkdir()
    (root / "predictions").mkdir()
    write_config(run, config)
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
