"""From pixel shares to predictions: threshold, components, one type and one score per component."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from datasets.coco import Prediction
from datasets.masks.component import Component
from datasets.masks.edges import component_to_rle
from datasets.masks.find_components import components
from train_seg.model import ModelSpec
from train_seg.shares import Shares, sum_where, whole_shares
from train_seg.sizes import likeliest_type, type_evidence
from training.types_of_images import weigh

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAINT_SHARE = 0.25  # of the pixel threshold
MIN_SQUARE_PIXELS = 9  # a component must cover this many pixels of the input square, 3 x 3


def shares_to_predictions(
    shares: "NDArray[np.float32] | Shares",
    image_id: int,
    spec: ModelSpec,
    scale: float,
    min_score: float = 0.0,
    within: tuple[int, int, int, int] | None = None,
    types: Mapping[int, float] | None = None,
) -> list[Prediction]:
    """Predictions of one image from its shares, (1 + K) x H x W as an array, highest score first.

    `within` is (top, left, height, width) if the shares are a window of an image of that height and width. Outside
    the window, no pixel may reach FAINT_SHARE times the pixel threshold.

    A pixel is a defect if 1 - share of background >= `spec.pixel_threshold`. Each component is one prediction with
    one type, so no defect is split into types. The votes of its pixels and its size choose the type
    (train_seg/sizes.py), and `types`, the probability of each category id in this image. Components that cover
    less than MIN_SQUARE_PIXELS pixels of the input square are noise and are dropped. `scale` is the number of
    pixels of the square per original pixel.

    If no component reaches the threshold, the best component at FAINT_SHARE times the threshold is returned. Only
    such faint predictions have a score below the threshold. An image with a faint prediction therefore ranks
    before an image without one, and `min_score` = `spec.pixel_threshold` removes exactly the faint predictions.
    """
    shares = shares if isinstance(shares, Shares) else whole_shares(shares)
    defect = shares.defect
    top, left, height, width = within or (0, 0, *defect.shape)
    min_area = max(1, math.ceil(MIN_SQUARE_PIXELS / scale**2)) if scale < 1 else MIN_SQUARE_PIXELS
    threshold = spec.pixel_threshold
    scored = _scored(defect, threshold, min_area) or _scored(defect, FAINT_SHARE * threshold, min_area)[:1]
    predictions = []
    for score, component in scored:
        if score >= min_score:
            x, y, w, h = component.box
            placed = Component((x + left, y + top, w, h), component.pixels)
            area = component.area * (scale / spec.imgsz) ** 2
            category = _category(shares.votes(component), area, spec, types)
            mask = component_to_rle(placed, height, width)
            predictions.append(Prediction(image_id, category, placed.box, score, mask))
    return predictions


def _category(
    votes: "NDArray[np.float64]", area: float, spec: ModelSpec, types: Mapping[int, float] | None
) -> int:
    """Id of the type of a component; `area` is a share of the square."""
    if types is None:
        return spec.categories[likeliest_type(votes, area, spec.sizes)].id
    evidence = type_evidence(votes, area, spec.sizes).tolist()
    likely = weigh({c.id: value for c, value in zip(spec.categories, evidence, strict=True)}, types)
    return max(likely, key=likely.__getitem__)


def _scored(defect: "NDArray[np.float32]", threshold: float, min_area: int) -> list[tuple[float, Component]]:
    if not defect.size:
        return []
    large = [c for c in components(defect >= threshold) if c.area >= min_area]
    return sorted(((_score(defect, c), c) for c in large), key=lambda pair: -pair[0])


def _window(component: Component) -> tuple[slice, slice]:
    x, y, w, h = component.box
    return slice(y, y + h), slice(x, x + w)


def _score(defect: "NDArray[np.float32]", component: Component) -> float:
    """Mean defect share of the pixels of the component, rounded to six decimals."""
    return round(sum_where(defect[_window(component)], component.pixels) / component.area, 6)
