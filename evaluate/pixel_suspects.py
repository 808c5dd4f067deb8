"""Suspected errors of the outlines of annotations that are found, by the pixels of the predicted masks.

The score of a pixel is the highest of the masks that cover it. As in confident learning (Northcutt et al. 2021),
a pixel outside the annotations is suspect if its score is at least CONFIDENT_SHARE of the mean score of annotated
pixels; a pixel inside is suspect if no mask covers it. Pixels near an outline are left out. An annotation is
suspect if its suspect pixels are a large share of it, and a larger one than is usual for the run.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from datasets.masks.rle import decode
from evaluate.errors_of_pixels import near_outline
from evaluate.instance_suspects import CONFIDENT_SHARE, NEAR_IOU
from evaluate.label_suspects import Suspect, SuspectKind
from evaluate.matching import box_ious
from evaluate.pixels import ignored_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

USUAL_FACTOR = 3.0  # times the median share of a run
MIN_SHARE = 0.3  # of the pixels of an annotation and the prediction that meets it


def pixel_suspects(truth: CocoFile, predictions: Sequence[Prediction]) -> list[Suspect]:
    """The suspects of one run; all annotations and predictions must have masks."""
    of_image: dict[int, list[Prediction]] = {image.id: [] for image in truth.images}
    for p in predictions:
        of_image[p.image_id].append(p)
    annotations = {image_id: [a for a in listed if not a.iscrowd] for image_id, listed in truth.by_image().items()}
    defective = [image for image in truth.images if annotations[image.id]]
    sums = np.zeros(2)
    for image in defective:
        scores = pixel_scores(image, of_image[image.id])
        inside = _union(image, annotations[image.id])
        sums += float(scores[inside].sum()), int(inside.sum())
    threshold = CONFIDENT_SHARE * sums[0] / sums[1] if sums[1] else 0.0
    if not threshold:
        return []
    names, regions = truth.names(), truth.by_image()
    compared = [
        one
        for image in defective
        for one in _of_image(
            image, annotations[image.id], of_image[image.id], threshold, names,
            ignored_pixels(image, regions[image.id]),
        )
    ]  # fmt: skip
    limit = max(MIN_SHARE, USUAL_FACTOR * float(np.median([share for share, _ in compared] or [0.0])))
    return [suspect for share, suspect in compared if share >= limit]


def pixel_scores(image: Image, predictions: Sequence[Prediction]) -> "NDArray[np.float32]":
    """H x W: the highest score of the masks that cover each pixel, 0 without any."""
    scores = np.zeros((image.height, image.width), np.float32)
    for p in sorted(predictions, key=lambda p: p.score):
        scores[decode(p.segmentation or [], image.height, image.width) > 0] = p.score
    return scores


def _of_image(
    image: Image,
    annotations: Sequence[Annotation],
    predictions: Sequence[Prediction],
    threshold: float,
    names: dict[int, str],
    ignored: "NDArray[np.bool_]",
) -> list[tuple[float, Suspect]]:
    """Each annotation that is met, with the share of its pixels that are suspect."""
    scores = pixel_scores(image, predictions)
    union = _union(image, annotations)
    exact = near_outline(union) | ignored
    outside = (scores >= threshold) & ~union & ~exact
    ious = box_ious([p.bbox for p in predictions], [a.bbox for a in annotations])
    suspects = []
    for j, annotation in enumerate(annotations):
        meeting = [p for i, p in enumerate(predictions) if ious[i, j] >= NEAR_IOU and p.score >= threshold]
        mask = decode(annotation.segmentation, image.height, image.width) > 0
        predicted = np.zeros_like(mask)
        for p in meeting:
            predicted |= decode(p.segmentation or [], image.height, image.width) > 0
        if not (predicted & mask).any():
            continue
        lacking = int((mask & (scores == 0) & ~exact).sum())
        beyond = int((outside & predicted & _touching(predicted, mask)).sum())
        share = (lacking + beyond) / int((mask | predicted).sum())
        best = max(p.score for p in meeting)
        label = names[annotation.category_id]
        reason = f"outline of {label}: {beyond} pixels outside it are predicted, {lacking} inside are not"
        suspect = Suspect(
            kind=SuspectKind.other_pixels, image=image.file_name, suspicion=share * best, reason=reason,
            label=label, annotation=annotation.id, box=annotation.bbox,
        )  # fmt: skip
        suspects.append((share, suspect))
    return suspects


def _union(image: Image, annotations: Sequence[Annotation]) -> "NDArray[np.bool_]":
    union = np.zeros((image.height, image.width), bool)
    for a in annotations:
        union |= decode(a.segmentation, image.height, image.width) > 0
    return union


def _touching(mask: "NDArray[np.bool_]", other: "NDArray[np.bool_]") -> "NDArray[np.bool_]":
    """The 8-connected components of `mask` with a pixel of `other`."""
    count, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    touched = np.bincount(labels[other & mask], minlength=count) > 0
    touched[0] = False
    touching: NDArray[np.bool_] = touched[labels]
    return touching
