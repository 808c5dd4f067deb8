"""Runs that use several trained runs as one model: their folders, and which training may predict which image.

runs/<task>/<name>/
  config.yaml     options: `fuse`, the runs that are used, relative to this folder, `refine_by` and `types_by`
  split.json      that of the first of these runs
  fold-1/ ...     if the first of them is a cross-validation: its folds, with the same files
  predictions/{val,test}.json  metrics.json

An image is predicted by one training of each run, never by one that trained on it: of a cross-validation by the
fold that tests the image. So cross-validations with different folds can be fused too.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import msgspec

from datasets.formats.dataset_folder import Dataset
from datasets.formats.members import home_splits
from evaluate.run_folder import (
    Run,
    RunConfig,
    RunSplit,
    is_fused,
    load_run,
    read_config,
    read_split,
    seeds_of,
    trainers,
)
from system.errors import InputError, OptionError
from system.files import write_atomic
from training.cross_validation import folds_of, training_without
from training.new_run import create_fold, create_run, removed_on_failure

OneT = TypeVar("OneT")
OtherT = TypeVar("OtherT")
FUSE_AGAIN = "fuse the runs again"
SPLITS_REMEDY = "fuse runs with the same splits, or cross-validations, which test every image"


class FuseOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The options in config.yaml: the runs whose predictions are fused, and the runs that correct them, or none.

    Paths are relative to the folder of the fused run, so that the folder of all runs can be moved.
    """

    fuse: Annotated[list[str], msgspec.Meta(min_length=1)]
    refine_by: str = ""
    types_by: str = ""


@dataclass(frozen=True, slots=True)
class Fusion(Generic[OneT]):
    """What is fused, as runs, trainings or predictors: `refine` refines the boxes, `types` corrects the types."""

    members: Sequence[OneT]
    refine: OneT | None
    types: OneT | None

    def __iter__(self) -> Iterator[OneT]:
        """All of them."""
        return iter([*self.members, *(one for one in (self.refine, self.types) if one is not None)])

    def each(self, change: Callable[[OneT], OtherT]) -> "Fusion[OtherT]":
        """The same with `change` applied to all."""
        refine, types = (None if one is None else change(one) for one in (self.refine, self.types))
        return Fusion([change(one) for one in self.members], refine, types)


class FusedMember:
    """A run that is fused with others: which of its trainings may predict an image."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._folds = folds_of(run)
        self._trained = set() if self._folds else set(read_split(run).images.get("train", []))
        self._fold_of = {image: one for one in self._folds for image in read_split(one).images.get("test", [])}

    def training_for(self, image: str) -> Run:
        """The training that may predict an image of val or test: the fold that tests it, or the run itself.

        Raises InputError if there is none.
        """
        if image in self._trained:
            problem = f"trained on {image}, which is in val or test here"
            raise InputError(self.run.root, problem, SPLITS_REMEDY)
        if self._folds and image not in self._fold_of:
            raise InputError(self.run.root, f"none of its folds tests {image}", SPLITS_REMEDY)
        return self._fold_of.get(image, self.run)

    def training_for_new(self, part: Run) -> Run:
        """The training for new images in the fused run or fold `part`: no image of its val or test trained it.

        Raises InputError if there is none, because the folds of this run are others.
        """
        if training := training_without(self.run, read_split(part).measured):
            return training
        problem = f"has no fold that was trained without the test images of {part.root}"
        raise InputError(self.run.root, problem, "fuse runs with the same folds, or without folds, for new images")


def fused_options(run: Run) -> FuseOptions:
    """The options of a fused run. Raises InputError."""
    try:
        return msgspec.convert(read_config(run.root).options, FuseOptions)
    except msgspec.ValidationError as error:
        raise InputError(run.config, f"not the options of a fused run ({error})", FUSE_AGAIN) from None


def fused_members(run: Run) -> Fusion[FusedMember]:
    """The runs that a fused run uses. Raises InputError if one is no longer there."""
    options = fused_options(run)
    paths: Fusion[str] = Fusion(options.fuse, options.refine_by or None, options.types_by or None)
    return paths.each(lambda path: _member(run, path))


def asked_fusion(task: str, roots: Sequence[Path], refine_by: Path | None, types_by: Path | None) -> Fusion[Run]:
    """The runs of a command line; the first has to be one of `task`. Raises InputError, OptionError."""
    members = expand_seeds([load_run(root) for root in roots])
    refine = load_run(refine_by) if refine_by else None
    types = load_run(types_by) if types_by else None
    if members[0].task != task:
        problem = f"a run of train_{members[0].task}"
        raise OptionError(str(roots[0]), problem, f"name one of train_{task} first")
    if len(members) == 1 and not (refine or types):
        raise OptionError(str(roots[0]), "a single run", "name at least two, or a run of several seeds")
    if refine and seeds_of(refine):
        raise OptionError(f"--refine-by {refine.root}", "several seeds", "fuse them first, or name one")
    check_types_by(types)
    if types and seeds_of(types):
        raise OptionError(f"--types-by {types.root}", "several seeds", "name one of them")
    return Fusion(members, refine, types)


def check_types_by(types: Run | None) -> None:
    """Raise OptionError if `types` has no types of images."""
    if types and not types.provides.image_types:
        problem = "has no types of images"
        raise OptionError(f"--types-by {types.root}", problem, f"name a run of {trainers('image_types')}")


def expand_seeds(runs: Sequence[Run]) -> list[Run]:
    """`runs` with each seed in place of a run of several seeds. Raises OptionError if one is itself fused."""
    single = [one for run in runs for one in seeds_of(run) or [run]]
    for run in single:
        if is_fused(run):
            raise OptionError(str(run.root), "is itself made of several runs", "name these instead")
    return single


def new_fused_run(task: str, fusion: Fusion[Run], dataset: Dataset, runs: Path, name: str) -> Run:
    """Make `runs/<task>/<name>` with the splits, and the folds, of the first member of `fusion`.

    Raises InputError if the runs are of different datasets, or if each training of one of them has trained on an
    image of val or test of the first; nothing is left then.
    """
    first = fusion.members[0]
    _check_same_content(list(fusion))
    folds = folds_of(first)
    readers = [FusedMember(one) for one in fusion]
    for part in folds or [first]:
        measured = read_split(part).measured
        for reader in readers:
            for image in measured:
                reader.training_for(image)
    count = len(folds)
    run = create_run(runs, task, name, _config(task, dataset, count), _split(first, dataset))
    with removed_on_failure(run):
        _write_options(run, fusion)
        for number, fold in enumerate(folds, 1):
            made = create_fold(run, number, _config(task, dataset, 0), _split(fold, dataset))
            _write_options(made, fusion)
    return run


def _member(run: Run, path: str) -> FusedMember:
    root = run.root / path
    if not root.is_dir():
        problem = f"uses the run {os.path.normpath(root)}, which does not exist"
        raise InputError(run.config, problem, "move it back, or fuse the runs again")
    return FusedMember(load_run(Path(os.path.normpath(root))))


def _check_same_content(runs: Sequence[Run]) -> None:
    contents = [(read_split(run).dataset, read_split(run).content_sha256) for run in runs]
    for run, content in zip(runs, contents, strict=True):
        if (content[1] or content[0]) != (contents[0][1] or contents[0][0]):
            problem = f"made on another dataset, or another content of it, than {runs[0].root}"
            raise InputError(run.root, problem, "fuse runs of one dataset")


def _config(task: str, dataset: Dataset, folds: int) -> RunConfig:
    return RunConfig(task=task, dataset=str(dataset.root.resolve()), options={}, folds=folds)


def _split(run: Run, dataset: Dataset) -> RunSplit:
    """The split of `run` without pasted images, which only its training needs."""
    split, known = read_split(run), home_splits(dataset)
    images = {name: [file for file in files if file in known] for name, files in split.images.items()}
    return msgspec.structs.replace(split, images=images)


def _write_options(run: Run, fusion: Fusion[Run]) -> None:
    def relative(member: Run) -> str:
        return Path(os.path.relpath(member.root.resolve(), run.root.resolve())).as_posix()

    paths = fusion.each(relative)
    options = FuseOptions(fuse=list(paths.members), refine_by=paths.refine or "", types_by=paths.types or "")
    config = msgspec.structs.replace(read_config(run.root), options=msgspec.to_builtins(options))
    write_atomic(run.config, msgspec.yaml.encode(config))
