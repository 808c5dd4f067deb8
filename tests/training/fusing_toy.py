"""The toy trainer with `fuse`: the fused predictor lists what every member predicts."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from unittest import mock

import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.coco import Prediction
from evaluate.run_folder import Run
from tests.training.toy_trainer import TRAINER, ToyLearner
from training.commands import run_trainer
from training.trainer import Predictor


class FusedToy(Predictor):
    """The predictions of all members, one after the other."""

    default_score = 0.1

    def __init__(self, members: Sequence[Predictor]) -> None:
        self.members, self.categories = members, members[0].categories

    def predict(
        self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        for image in images:
            yield [p for member in self.members for found in member.predict([image], min_score) for p in found]


class FusingToyLearner(ToyLearner):
    """The learner of the toy, whose runs can all be fused."""

    def check_fused(self, members: Sequence[Run], refine: Run | None) -> None:
        """Every run can be fused."""

    def fuse(self, members: Sequence[Predictor], refine: Predictor | None, types: Predictor | None) -> Predictor:
        return FusedToy(members)


FUSING = replace(TRAINER, learner=FusingToyLearner, fuses=True)


def run_fusing_toy(*arguments: object) -> int:
    """Exit status of `train_toy <arguments>`, with the command fuse."""
    argv = ["train_toy", *(str(argument) for argument in arguments)]
    with mock.patch.object(sys, "argv", argv), pytest.raises(SystemExit) as end:
        run_trainer(FUSING)
    return int(end.value.code or 0)
