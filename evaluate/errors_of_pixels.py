"""Wrong pixels of the predictions at the operating point, by kind and by image.

Every pixel whose type differs between the painted predictions and the painted annotations is of exactly one kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

from datasets.coco import CocoFile, Prediction
from evaluate.cells import Table, rate_cell
from evaluate.metric import Metric, Tested
from evaluate.pixels import ignored_pixels, paint_annotations, paint_predictions, type_indices
from evaluate.truth import has_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUNDARY_PIXELS = 3.0
SHOWN_IMAGES = 10
TITLES = {
    "boundary": f"within {BOUNDARY_PIXELS:g} px of the outline",
    "wrong_type": "wrong type",
    "missed_whole": "defects missed whole",
    "invented_whole": "defects invented whole",
    "beyond_boundary": "further from the outline",
}


class WrongPixels(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers of wrong pixels by kind.

    `wrong_type`: defect in both, of different types. `missed_whole` and `invented_whole`: of a component of
    annotated or predicted defect pixels that the other side does not touch. Of the others, `boundary` are at most
    3 pixels from the true outline, `beyond_boundary` further away.
    """

    boundary: int = 0
    wrong_type: int = 0
    missed_whole: int = 0
    invented_whole: int = 0
    beyond_boundary: int = 0

    @property
    def total(self) -> int:
        """All wrong pixels."""
        return sum(msgspec.structs.astuple(self))


class PixelErrors(msgspec.Struct, frozen=True):
    """All wrong pixels by kind, their shares, which sum to 1, and those of each image, the worst image first."""

    wrong: WrongPixels
    shares: dict[str, float | None]
    images: dict[str, WrongPixels]


class PixelErrorMetric(Metric[PixelErrors]):
    """The kinds of wrong pixels, and the images that they are in."""

    key = "pixel_errors"
    value_type = PixelErrors
    lower_is_better = frozenset(f"wrong pixels, {title}" for title in TITLES.values())

    def measure(self, tested: Tested) -> PixelErrors | None:
        """By the predictions that count; None if one side has no masks."""
        if not tested.provides.masks or not has_masks(tested.truth):
            return None
        return pixel_errors(tested.truth, tested.counted)

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """The kinds in the order in which they are decided."""
        del truth
        return {
            "pixel_errors": "pixels whose type differs between predictions and annotations, painted as for the"
            " pixel measures; in this order: defect in both but of different types; in an 8-connected component of"
            " defect pixels that the other side does not touch; at most"
            f" {BOUNDARY_PIXELS:g} pixels (Euclidean) from the true outline; further away"
        }

    def tables(self, value: PixelErrors, definitions: Mapping[str, str]) -> Iterator[Table]:
        """A row for each kind, and one for each of the worst images."""
        counts, total = msgspec.structs.asdict(value.wrong), value.wrong.total
        rows = [[title, str(counts[kind]), rate_cell(counts[kind], total)] for kind, title in TITLES.items()]
        yield Table("Wrong pixels", ("", "pixels", "share"), rows, definitions["pixel_errors"])
        worst = [
            [name, str(of_image.total), rate_cell(of_image.total, total), _main_kind(of_image)]
            for name, of_image in list(value.images.items())[:SHOWN_IMAGES]
        ]
        yield Table("Images with most wrong pixels", ("", "pixels", "share", "mostly"), worst)

    def fold_numbers(self, value: PixelErrors) -> dict[str, float | None]:
        """The shares."""
        return {f"wrong pixels, {title}": value.shares[kind] for kind, title in TITLES.items()}


PIXEL_ERRORS = PixelErrorMetric()


def pixel_errors(truth: CocoFile, counted: Sequence[Prediction]) -> PixelErrors:
    """Wrong pixels of the predictions that reach the operating point; all annotations must have masks."""
    indices, annotations = type_indices(truth), truth.by_image()
    predictions: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in counted:
        predictions[p.image_id].append(p)
    images = {}
    for image in truth.images:
        if annotations[image.id] or predictions[image.id]:
            real = paint_annotations(image, annotations[image.id], indices)
            painted = paint_predictions(image, predictions[image.id], indices)
            of_image = wrong_pixels(real, painted, ignored_pixels(image, annotations[image.id]))
            if of_image.total:
                images[image.file_name] = of_image
    names = WrongPixels.__struct_fields__
    sums = [sum(getattr(of_image, name) for of_image in images.values()) for name in names]
    total = sum(sums)
    return PixelErrors(
        wrong=WrongPixels(**dict(zip(names, sums, strict=True))),
        shares={name: n / total if total else None for name, n in zip(names, sums, strict=True)},
        images=dict(sorted(images.items(), key=lambda item: (-item[1].total, item[0]))),
    )


def wrong_pixels(
    real: "NDArray[np.uint8]", painted: "NDArray[np.uint8]", ignored: "NDArray[np.bool_]"
) -> WrongPixels:
    """The wrong pixels of one image: index maps of truth and predictions, H x W, without the pixels `ignored`."""
    left = (real != painted) & ~ignored
    if not left.any():
        return WrongPixels()
    defect, predicted = real > 0, painted > 0
    kinds = {
        "wrong_type": defect & predicted,
        "missed_whole": _untouched(defect, predicted),
        "invented_whole": _untouched(predicted, defect),
        "boundary": near_outline(defect),
    }
    counts = {}
    for kind, pixels in kinds.items():
        counts[kind] = int((left & pixels).sum())
        left &= ~pixels
    return WrongPixels(**counts, beyond_boundary=int(left.sum()))


def _untouched(mask: "NDArray[np.bool_]", other: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The 8-connected components of `mask` without a pixel of `other`."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touched = np.bincount(labels[other], minlength=count) > 0
    touched[0] = True
    untouched: NDArray[np.bool_] = ~touched[labels]
    return untouched


def near_outline(defect: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """Pixels at most 3 pixels from the nearest pixel on the other side of the true outline."""
    distances = np.zeros(defect.shape, np.float32)
    for side in (defect, ~defect):
        if side.any() and not side.all():
            to_other = cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
            distances = np.where(side, to_other, distances)
        elif side.all():
            distances = np.full(defect.shape, np.inf, np.float32)
    near: NDArray[np.bool_] = distances <= BOUNDARY_PIXELS + 1e-4
    return near


def _main_kind(wrong: WrongPixels) -> str:
    counts = msgspec.structs.asdict(wrong)
    return TITLES[max(counts, key=lambda kind: counts[kind])]
