"""Apply the best epoch of a run to images."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import torch
from torch import nn

from datasets.coco import Category, Prediction
from evaluate.run_folder import Run
from evaluate.values import DEFAULT_SCORE_THRESHOLD
from features.good_map import GoodMap
from system.errors import OptionError
from train_det import ultralytics_api
from train_det.checkpoints import BEST, load_detector
from train_det.exported import load_exported
from train_det.gamma import good_map_of
from train_det.infer import DetectionOptions, DetectorNetwork, detect_instances, network_of, to_predictions
from train_det.options import DetectorOptions
from train_det.tiling import detect_in_tiles
from training.checked_network import checked_network
from training.exported_model import ExportFormat
from training.good_channel import load_copy, with_map
from training.options import run_options
from training.trainer import Predictor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Detector(Predictor):
    """A trained network, the categories of its classes, and the options for reading boxes from it."""

    default_score = DEFAULT_SCORE_THRESHOLD

    def __init__(
        self,
        network: DetectorNetwork,
        categories: list[Category],
        detection: DetectionOptions,
        tile: int | None = None,
        good_map: GoodMap | None = None,
    ) -> None:
        """An image larger than `tile` pixels is cut into squares of that side; None never cuts.

        With `good_map`, the network has a fourth channel.
        """
        self.good_map = good_map
        self.tile = tile
        self.network = network
        self.categories = categories
        self.detection = detection

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """Boxes of each image, best first. Raises WeightsError if the output of the network is not numbers."""
        detection = self.detection
        network = msgspec.structs.replace(self.network, raw=checked_network(self.network.raw, "detector"))
        if min_score is not None:
            detection = msgspec.structs.replace(detection, min_score=min_score)
        ids: list[int] = []

        def pixels() -> "Iterator[NDArray[np.uint8]]":
            for image_id, rgb in images:
                ids.append(image_id)
                yield with_map(rgb, self.good_map) if self.good_map else rgb

        if self.tile:
            detected = detect_in_tiles(network, pixels(), detection, self.tile)
        else:
            detected = detect_instances(network, pixels(), detection)
        for number, found in enumerate(detected):
            yield to_predictions(found.boxes, ids[number], self.categories, found.masks)


def load_run_detector(
    run: Run,
    device: torch.device,
    *,
    tta: bool = False,
    tile: int | None = None,
    exported: ExportFormat | None = None,
) -> Detector:
    """The best epoch of a run, or its export. Raises OptionError, WeightsError."""
    ultralytics_api.choose_threads()
    options = run_options(run, DetectorOptions)
    model, categories = load_detector(run.weights / BEST, device)
    if tta and (family := ultralytics_api.family_of(model)) != "yolo":
        raise OptionError("--tta", f"not available for {family}, which has no grid of boxes alone", "leave it out")
    network = load_exported(run.weights / BEST, exported) if exported else network_of(model)
    detection = DetectionOptions(side=options.imgsz, symmetries=tta)
    good_map = stored_map(run.weights, model)
    return Detector(network, categories, detection, tile or options.tile or None, good_map)


def stored_map(folder: Path, model: nn.Module) -> GoodMap | None:
    """The map of the fourth channel of a model in a folder of weights; None without one. Raises WeightsError."""
    sha256 = good_map_of(model)
    return load_copy(folder, sha256) if sha256 else None
