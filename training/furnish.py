"""What a new run of a trainer with masks or boxes takes from other runs: the good map and a teacher's labels."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from system.errors import InputError
from training.device import choose_device
from training.good_channel import COPY, copy_good_map
from training.trainer import PredictOptions, Predictor
from training.unlabelled import RECORD, add_unlabelled, teacher_for


class FurnishOptions(Protocol):
    """The options that name other runs; an empty text is none. See training.good_channel, training.unlabelled."""

    @property
    def good_map(self) -> str: ...  # noqa: D102
    @property
    def unlabelled(self) -> str: ...  # noqa: D102
    @property
    def teacher(self) -> str: ...  # noqa: D102
    @property
    def unlabelled_score(self) -> float: ...  # noqa: D102
    @property
    def device(self) -> str: ...  # noqa: D102


def furnish_run(
    run: Run,
    dataset: Dataset,
    options: FurnishOptions,
    load: Callable[[Run, torch.device, PredictOptions], Predictor],
) -> None:
    """Copy the weights of `good_map`, and label the images of `unlabelled` by the teacher, which `load` loads.

    Raises InputError, WeightsError.
    """
    if options.good_map:
        copy_good_map(run, dataset, Path(options.good_map))
    if options.unlabelled:
        teacher = teacher_for(run, Path(options.teacher))
        predictor = load(teacher, choose_device(options.device), PredictOptions())
        score = options.unlabelled_score
        add_unlabelled(run, dataset, Path(options.unlabelled), teacher, predictor, score)


def check_furnished(run: Run, options: FurnishOptions) -> None:
    """Raise InputError if `run` lacks what `furnish_run` adds, because the start of its training was interrupted.

    The first fold that a kill left without its unlabelled images would be trained without them otherwise.
    """
    asked = (
        (options.good_map, run.weights / COPY, "good_map"),
        (options.unlabelled, run.root / RECORD, "unlabelled"),
    )
    for source, file, option in asked:
        if source and not file.is_file():
            problem = f"was interrupted before {file.name}, which its option {option} needs, was written"
            raise InputError(run.root, problem, "delete the run and train again")
