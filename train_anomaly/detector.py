"""A trained anomaly detector: from an image of any size to its score map and its defects."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from datasets.coco import Category, Prediction
from datasets.masks.rle import encode, rle_box
from evaluate.values import OperatingPoint
from features.encoder import Encoder
from features.regions import find_regions
from features.score_map import DistanceNetwork, image_distances, score_map, to_scores
from features.weights import check_fits, check_runs
from system.errors import OptionError, WeightsError, first_line
from system.tensors import raise_lack_of_memory
from train_anomaly.alarms import describe_guarantee
from train_anomaly.methods import METHODS, needs_encoder, new_scorer
from train_anomaly.scorer import Scorer
from train_anomaly.spec import AnomalySpec, load_anomaly
from training.exported_model import ExportFormat, check_shape, existing_export, open_runner
from training.trainer import Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.exported_model import Runner
    from training.trainer import ScoreMapper

LIMIT_SCORE = 0.5  # of a distance at the threshold
FAINT_SCORE = 0.4  # lowest score of the regions that are listed for evaluation


class AnomalyDetector(Predictor):
    """`network` maps inputs N x 3 x rows x columns uint8 to distances N x h x w, by `spec`, on `device`."""

    default_score = LIMIT_SCORE

    def __init__(self, network: DistanceNetwork, spec: AnomalySpec, device: torch.device) -> None:
        self.network = network
        self.spec = spec
        self.device = device
        self.categories: list[Category] = [spec.category]
        self._image_scores: list[float] = []

    @property
    def image_scores(self) -> list[float]:
        """Of each image predicted so far."""
        return self._image_scores

    @property
    def operating_point(self) -> OperatingPoint:
        """The threshold from good images."""
        assert self.spec.guarantee is not None
        met = self.spec.guarantee.kept <= self.spec.guarantee.asked
        return OperatingPoint("good", LIMIT_SCORE, describe_guarantee(self.spec.guarantee), met)

    @property
    def good_scores(self) -> list[float]:
        """The scores of the good images that set the threshold."""
        assert self.spec.limits is not None
        return [peak / (peak + self.spec.limits.peak) for peak in self.spec.good_scores]

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """The regions of each image as masks; without `min_score` at least the most conspicuous one."""
        limits = self.spec.limits
        assert limits is not None
        score = FAINT_SCORE if min_score is None else min_score
        lowest = limits.peak * score / (1 - score)
        for image_id, rgb in images:
            distances = image_distances(self.network, rgb, self.spec, self.device)
            if not np.isfinite(distances).all():
                raise WeightsError("the anomaly detector", "gives values that are not numbers", "train again")
            self._image_scores.append(float(to_scores(distances, limits.peak).max()))
            regions = find_regions(distances, limits, *rgb.shape[:2], lowest=lowest, always=min_score is None)
            found = []
            for region in regions:
                mask = encode(region.pixels)
                found.append(Prediction(image_id, self.spec.category.id, rle_box(mask), region.score, mask))
            yield found

    @property
    def score_mapper(self) -> "ScoreMapper":
        """The score of each pixel: 0.5 at the threshold, tending to 1 above it."""
        return self.score_map

    def score_map(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """H x W float32, 0 to 1, of an H x W x 3 image."""
        return score_map(self.network, rgb, self.spec, self.device)


def as_network(run: "Runner") -> DistanceNetwork:
    """An exported network: pixels to distances. It raises WeightsError for another output."""

    def network(pixels: Tensor) -> Tensor:
        found = run(pixels.contiguous().numpy())
        check_shape(found, (len(pixels), None, None))
        return torch.from_numpy(found)

    return network


def load_detector(weights: Path, device: torch.device, *, exported: ExportFormat | None = None) -> AnomalyDetector:
    """The detector in a weights file, or with `exported` the exported network in the same folder.

    Raises OptionError, WeightsError, also if the training did not reach its end.
    """
    state, spec = load_anomaly(weights)
    if spec.limits is None:
        raise WeightsError(weights, "has no threshold yet", "continue the training with --resume RUN")
    if exported:
        run = open_runner(existing_export(weights, exported, "train_anomaly"), exported)
        return AnomalyDetector(as_network(run), spec, torch.device("cpu"))
    return AnomalyDetector(trained_scorer(weights, state, spec).to(device).eval(), spec, device)


def trained_scorer(weights: Path, state: Mapping[str, Tensor], spec: AnomalySpec) -> Scorer:
    """The network of `spec` with the tensors of the file `weights`. Raises WeightsError if they do not fit."""
    if needs_encoder(spec.options) != bool(spec.encoder):
        problem = f"the specification {'lacks' if spec.encoder is None else 'has'} an encoder"
        raise WeightsError(weights, f"{problem}, unlike its method {spec.options.method}", "train again")

    def build() -> Scorer:
        return new_scorer(spec, Encoder(spec.encoder) if spec.encoder else None)

    try:
        check_fits(weights, state, build, any_shape=METHODS[spec.options.method].learnt)
        scorer = build()
        scorer.restore(state)
    except (RuntimeError, KeyError, OptionError) as error:
        raise_lack_of_memory(weights, error)
        problem = f"the weights do not fit their network ({first_line(error, 80)})"
        raise WeightsError(weights, problem, "train again") from None
    check_runs(weights, scorer.eval(), spec.rows, spec.columns)
    return scorer
