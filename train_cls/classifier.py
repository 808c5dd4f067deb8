"""A trained classifier: from an image of any size to the probability of each type."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from datasets.coco import Category, Prediction
from system.errors import WeightsError
from train_cls.data import pixels_to_tensor, to_square
from train_cls.fitted_net import FittedNet
from train_cls.heat_map import defect_log_odds, grad_cam, patch_map
from train_cls.model import ClassifierSpec, read_classifier_spec
from train_cls.stored_net import load_classifier_net
from training.exported_model import ExportFormat, check_shape, existing_export, open_runner
from training.letterbox import Letterbox
from training.trainer import MapMaker, Predictor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.exported_model import Runner

DEFAULT_SCORE = 0.5
ClassifierNetwork = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Classifier(Predictor):
    """A network (N x 3 x S x S uint8 RGB to logits), its specification and its device.

    `tta` averages the logits over the 8 symmetries of the square.
    """

    network: ClassifierNetwork
    spec: ClassifierSpec
    device: torch.device
    tta: bool = False

    @property
    def categories(self) -> list[Category]:  # type: ignore[override]
        """Of the training."""
        return self.spec.categories

    @property
    def default_score(self) -> float:  # type: ignore[override]
        """The score from which a type counts: 0.5, above which it is more probable than all others together."""
        return DEFAULT_SCORE

    def predict(
        self, images: "Iterable[tuple[int, NDArray[np.uint8]]]", min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        """A score of each category, with the whole image as box."""
        ids = [category.id for category in _in_order(self.spec.categories)]
        for image_id, rgb in images:
            height, width = rgb.shape[:2]
            scores = self.probabilities(rgb)[1:].tolist()
            if not np.isfinite(scores).all():
                raise WeightsError("the classifier", "gives values that are not numbers", "train again")
            predictions = [
                Prediction(image_id, k, (0, 0, width, height), s) for k, s in zip(ids, scores, strict=True)
            ]
            yield [p for p in predictions if p.score >= (min_score or 0.0)]

    def probabilities(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float64]":
        """Probability of `good` and of each category in id order, for an H x W x 3 image.

        They sum to 1, unless an image may have several types: then each category has a probability of its own, and
        an image is as probably good as the most probable type is absent.
        """
        square = pixels_to_tensor(to_square(rgb, self.spec.imgsz, self.spec.mean))[None].to(self.device)
        with torch.inference_mode():
            views = self.tta and not self.spec.symmetries
            logits = averaged_over_symmetries(self.network, square) if views else self.network(square)
        logits = logits[0].double().cpu() / self.spec.temperature
        if self.spec.several_types:
            types = logits.sigmoid()
            return np.concatenate([[1 - float(types.max())], types.numpy()])
        probabilities: NDArray[np.float64] = logits.softmax(0).numpy()
        return probabilities

    @property
    def map_maker(self) -> MapMaker | None:
        """The heat map: which places speak for a defect; None for an exported network, which has no gradients."""
        if not isinstance(self.network, nn.Module):
            return None
        return MapMaker("heat", self.heat_map, bounded=isinstance(self.network, FittedNet))

    def heat_map(self, rgb: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """The heat map of an H x W x 3 image, at the resolution of the network's square without its padding."""
        assert isinstance(self.network, nn.Module)
        square = pixels_to_tensor(to_square(rgb, self.spec.imgsz, self.spec.mean))[None].to(self.device)
        if isinstance(self.network, FittedNet):
            found = patch_map(self.network, square)
        else:
            several, last = self.spec.several_types, str(getattr(self.network.net, "output_fmt", "NCHW"))
            found = grad_cam(
                self.network,
                square,
                lambda logits: defect_log_odds(logits, several_types=several),
                channels_last=last.endswith("NHWC"),
            )
        side = self.spec.imgsz
        enlarged = cv2.resize(found.cpu().numpy(), (side, side), interpolation=cv2.INTER_LINEAR)
        top, left, height, width = Letterbox(rgb.shape[0], rgb.shape[1], side).inner
        return np.ascontiguousarray(enlarged[top : top + height, left : left + width], np.float32)


def load_classifier(
    weights: Path, device: torch.device, *, tta: bool = False, exported: ExportFormat | None = None
) -> Classifier:
    """The network of a weights file, or with `exported` the exported network in the same folder.

    Raises OptionError, WeightsError.
    """
    if exported:
        path = existing_export(weights, exported, "train_cls")
        spec = read_classifier_spec(weights)
        return Classifier(as_network(open_runner(path, exported), spec.outputs), spec, torch.device("cpu"), tta)
    network, spec = load_classifier_net(weights)
    return Classifier(network.to(device), spec, device, tta)


def as_network(run: "Runner", outputs: int) -> ClassifierNetwork:
    """An exported network: N x 3 x S x S uint8 RGB to logits, N x outputs. It raises WeightsError for others."""

    def network(rgb: Tensor) -> Tensor:
        found = run(rgb.contiguous().numpy())
        check_shape(found, (len(rgb), outputs))
        return torch.from_numpy(found)

    return network


def averaged_over_symmetries(network: ClassifierNetwork, square: Tensor) -> Tensor:
    """Mean logits over the 8 rotations and mirror images of a batch of one: 1 x K."""
    views = [torch.rot90(flip, k, (2, 3)) for flip in (square, square.flip(3)) for k in range(4)]
    return network(torch.cat(views)).mean(0, keepdim=True)


def _in_order(categories: list[Category]) -> list[Category]:
    return sorted(categories, key=lambda category: category.id)
