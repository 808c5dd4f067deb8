"""`predict --on`: groups of images, predicted by the workers of a cluster with a model that each loads once."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.coco import Prediction
from datasets.images.bit_depth import IntensityRange
from evaluate.run_folder import Run
from system.on_cluster import pool_on
from system.workers import Pool
from training.read_ahead import MAX_IMAGES
from training.trainer import PredictOptions, Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GROUPS_PER_TASK = 8


class RemoteModel(msgspec.Struct, frozen=True):
    """How a worker loads the model: `task` and folder of its run, and the options of `predict`.

    `command` is another text for each command, so that a worker never uses the weights of an earlier command.
    """

    task: str
    root: str
    device: str
    options: PredictOptions
    command: str


class PredictedImage(msgspec.Struct, frozen=True):
    """What a worker returns of an image: its size in pixels, predictions and map (h x w), None without maps."""

    width: int
    height: int
    predictions: list[Prediction]
    map: "NDArray[np.float32] | None" = None


class PredictedGroup(msgspec.Struct, frozen=True):
    """The images of a group in order, and the image scores that its predictor collected."""

    images: list[PredictedImage]
    scores: list[float]


class PredictGroup(msgspec.Struct, frozen=True):
    """Predict a group of image files, each with its id, on a worker. Picklable.

    A group is as large as the batch that a detector computes together, so each image is in the same batch as
    without a cluster. With `maps` the map of each image is returned too. Raises InputError, OptionError,
    WeightsError.
    """

    model: RemoteModel
    min_score: float
    intensities: Sequence[IntensityRange]
    maps: bool

    def __call__(self, files: Sequence[tuple[int, str]]) -> PredictedGroup:
        """The result for the files, in order."""
        from datasets.images.pixels import read_rgb
        from evaluate.map_folder import reduced

        predictor = _loaded(self.model)
        known = len(predictor.image_scores)
        maker = predictor.map_maker if self.maps else None
        sizes: list[tuple[int, int]] = []
        maps: list[NDArray[np.float32] | None] = []

        def pixels() -> "Iterator[tuple[int, NDArray[np.uint8]]]":
            for image_id, file in files:
                rgb = read_rgb(Path(file), self.intensities)
                sizes.append((rgb.shape[1], rgb.shape[0]))
                maps.append(reduced(maker.make(rgb)) if maker else None)
                yield image_id, rgb

        found = list(predictor.predict(pixels(), self.min_score))
        images = [PredictedImage(*one) for one in zip(*zip(*sizes, strict=True), found, maps, strict=True)]
        return PredictedGroup(images, predictor.image_scores[known:])


class RemotePredictor:
    """The workers of `pool`, which predict with the model `model`."""

    def __init__(self, pool: Pool, model: RemoteModel) -> None:
        self._pool = pool
        self._model = model

    def predict(
        self,
        files: Sequence[tuple[int, Path]],
        min_score: float,
        intensities: Sequence[IntensityRange],
        scores: list[float],
        *,
        maps: bool,
    ) -> Iterator[PredictedImage]:
        """The result of each file (with its id), in order; image scores are appended to `scores`."""
        named = [(image_id, str(file)) for image_id, file in files]
        groups = [named[start : start + MAX_IMAGES] for start in range(0, len(named), MAX_IMAGES)]
        work = PredictGroup(self._model, min_score, intensities, maps)
        for group in self._pool.map_ordered(work, groups, GROUPS_PER_TASK):
            scores.extend(group.scores)
            yield from group.images


@contextmanager
def predicting_on(
    on: str | None, run: Run, device: str, options: PredictOptions
) -> Iterator[RemotePredictor | None]:
    """The workers of the cluster `on`, which load the model of `run`; None if this process predicts.

    Raises as `pool_on`.
    """
    with pool_on(on) as pool:
        model = RemoteModel(run.task, str(run.root), device, options, uuid.uuid4().hex)
        yield RemotePredictor(pool, model) if pool else None


@lru_cache(maxsize=1)
def _loaded(model: RemoteModel) -> Predictor:
    from training.device import choose_device
    from training.fused_predictor import load_predictor
    from training.other_trainers import trainer_of

    run = Run(Path(model.root), model.task)
    return load_predictor(trainer_of(model.task), run, choose_device(model.device), model.options)
