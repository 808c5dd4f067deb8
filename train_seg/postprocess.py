"""Pixel shares to predictions: threshold, components, one type and one score per component."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from datasets.coco import Prediction
from datasets.masks import Component, component_to_rle, components

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_SQUARE_PIXELS = 9  # a component must cover this many pixels of the network's square, 3 x 3


def shares_to_predictions(
    shares: "NDArray[np.float32]",
    image_id: int,
    category_ids: Sequence[int],
    pixel_threshold: float,
    scale: float,
    min_score: float = 0.0,
) -> list[Prediction]:
    """Predictions of one picture from its (1 + K) x H x W shares, highest score first.

    A pixel is a defect where 1 - share of background >= `pixel_threshold`. Each component is one prediction of
    the type with the largest sum of shares in it: pixels vote, so that a defect is not torn into types.
    Components that cover less than MIN_SQUARE_PIXELS pixels of the network's square are speckle and dropped;
    `scale` is how many pixels of the square an original pixel is wide.
    """
    defect = 1 - shares[0]
    height, width = defect.shape
    least = max(1, math.ceil(MIN_SQUARE_PIXELS / scale**2)) if scale < 1 else MIN_SQUARE_PIXELS
    found = []
    for component in components(defect >= pixel_threshold):
        if component.area < least:
            continue
        window, score = _window(component), _score(defect, component)
        if score < min_score:
            continue
        votes = shares[1:, *window][:, component.pixels].sum(axis=1, dtype=np.float64)
        found.append(
            Prediction(
                image_id,
                category_ids[int(votes.argmax())],
                component.box,
                score,
                component_to_rle(component, height, width),
            )
        )
    return sorted(found, key=lambda p: -p.score)


def _window(component: Component) -> tuple[slice, slice]:
    x, y, w, h = component.box
    return slice(y, y + h), slice(x, x + w)


def _score(defect: "NDArray[np.float32]", component: Component) -> float:
    """Mean defect share of the component's pixels, six decimals."""
    return round(float(defect[_window(component)][component.pixels].mean(dtype=np.float64)), 6)
