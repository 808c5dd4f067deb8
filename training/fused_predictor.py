"""Several trained runs as one predictor; each image is predicted by trainings that have not seen it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from datasets.coco import Category, Image, Prediction
from evaluate.run_folder import Run, is_fused
from system.errors import InputError, OptionError
from training.fused_run import FUSE_AGAIN, FusedMember, Fusion, check_types_by, fused_members
from training.options import OptionsT
from training.other_trainers import trainer_of
from training.trainer import Learner, PredictOptions, Predictor, Trainer

if TYPE_CHECKING:
    from training.trainer import Rgb, ScoreMapper

Combine = Callable[[Sequence[Predictor], Predictor | None, Predictor | None], Predictor]


class FusedPredictor(Predictor):
    """The predictor of a fused run or one of its folds, `part`.

    `fusion` has the runs that are used; `load` loads a training, `combine` is Learner.fuse.
    """

    def __init__(
        self,
        part: Run,
        fusion: Fusion[FusedMember],
        load: Callable[[Run], Predictor],
        combine: Combine,
    ) -> None:
        self._part = part
        self._fusion = fusion
        self._load = load
        self._combine = combine
        self._loaded: dict[Path, Predictor] = {}
        self._combined: dict[tuple[int, ...], Predictor] = {}  # by the identities of the members

    @property
    def categories(self) -> Sequence[Category]:  # type: ignore[override]
        """Of the first run."""
        return self._any().categories

    @property
    def default_score(self) -> float:  # type: ignore[override]
        """Of the trainings that were combined last."""
        return self._any().default_score

    @property
    def score_mapper(self) -> "ScoreMapper | None":
        """The map of a new image."""
        return self._for_new.score_mapper

    def for_image(self, image: Image) -> Predictor:
        """The trainings that have not seen the image, as one predictor."""
        return self._of(lambda member: self._loaded_of(member.training_for(image.file_name)).for_image(image))

    def predict(
        self, images: "Iterable[tuple[int, Rgb]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """The predictions of new images. Raises InputError if the folds of the runs differ."""
        return self._for_new.predict(images, min_score)

    @cached_property
    def _for_new(self) -> Predictor:
        """Kept: `predict --watch` asks for it with every image, and finding it reads the splits of all folds."""
        return self._of(lambda member: self._loaded_of(member.training_for_new(self._part)))

    def _any(self) -> Predictor:
        return list(self._combined.values())[-1] if self._combined else self._for_new

    def _of(self, choose: Callable[[FusedMember], Predictor]) -> Predictor:
        chosen = self._fusion.each(choose)
        key = tuple(id(one) for one in chosen)
        if key not in self._combined:
            names = [sorted((c.id, c.name) for c in one.categories) for one in chosen]
            for member, of_member in zip(self._fusion, names, strict=True):
                if of_member != names[0]:
                    problem = f"its defect types differ from those of {self._fusion.members[0].run.root}"
                    raise InputError(member.run.root, problem, "fuse runs of one dataset")
            self._combined[key] = self._combine(chosen.members, chosen.refine, chosen.types)
        return self._combined[key]

    def _loaded_of(self, run: Run) -> Predictor:
        if run.root not in self._loaded:
            self._loaded[run.root] = self._load(run)
        return self._loaded[run.root]


def load_predictor(
    trainer: Trainer[OptionsT], run: Run, device: "torch.device", options: PredictOptions
) -> Predictor:
    """The best weights of `run`, or the runs that it is made of. Raises InputError, OptionError, WeightsError."""
    learner: Learner[OptionsT] = trainer.learner()
    if not is_fused(run):
        return learner.load(run, device, options)

    fusion = fused_members(run)
    _check_fusion(learner, run, fusion.each(lambda member: member.run))

    def load(member: Run) -> Predictor:
        if is_fused(member):  # perhaps of `run` itself, without end
            raise InputError(run.config, f"uses {member.root}, which is itself made of several runs", FUSE_AGAIN)
        if member.task == trainer.task:
            return load_predictor(trainer, member, device, options)
        return load_predictor(trainer_of(member.task), member, device, options)

    return FusedPredictor(run, fusion, load, learner.fuse)


def _check_fusion(learner: Learner[OptionsT], run: Run, fusion: Fusion[Run]) -> None:
    """Raise InputError if config.yaml names runs that `fuse` would refuse, as that of a received run may."""
    try:
        learner.check_fused(fusion.members, fusion.refine)
        check_types_by(fusion.types)
    except OptionError as error:
        problem = f"uses a run that cannot be fused: {error.where}: {error.problem}"
        raise InputError(run.config, problem, FUSE_AGAIN) from None
