"""The type of a whole image: by its annotations, and by the scores that an image classifier gives to the types.

A classifier's predictions are COCO results: one for each image and defect type, with the whole image as the box
and the probability of the type as the score. The scores of an image sum to at most 1; the rest is that of `good`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, CocoFile, Image, Prediction
from evaluate.run_folder import Provides

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOOD = "good"
GOOD_INDEX = 0  # of good among the types; the categories follow in id order
PRESENT = 0.5  # probability from which an image has a type, where it may have several
ROUNDING = 1e-4  # by which the scores of an image may exceed 1


def image_answers(predictions: Sequence[Prediction], provides: Provides) -> Sequence[Prediction]:
    """The predictions by which an image is found or missed.

    A run that gives each image one type finds a defect by the sum of the probabilities of its types: of each image
    the most probable type, with that sum as score. Of other runs, all predictions.
    """
    if not provides.one_type:
        return predictions
    best: dict[int, Prediction] = {}
    sums: dict[int, float] = {}
    for p in predictions:
        sums[p.image_id] = sums.get(p.image_id, 0.0) + p.score
        if p.image_id not in best or p.score > best[p.image_id].score:
            best[p.image_id] = p
    return [msgspec.structs.replace(p, score=min(1.0, sums[image])) for image, p in best.items()]


def type_names(categories: Iterable[str]) -> list[str]:
    """`good` and the names of the categories, which are in id order; a category named good gets a mark."""
    names = list(categories)
    return [GOOD, *(f"{name} (defect)" if name == GOOD else name for name in names)]


def type_of_image(annotations: Sequence[Annotation]) -> int | None:
    """Category id of the type that covers the largest area in an image; None for a good image.

    Areas of annotations of one type are added; of equal areas the lowest id is taken. Ignore regions do not count.
    """
    areas: dict[int, float] = {}
    for annotation in annotations:
        if not annotation.iscrowd:
            areas[annotation.category_id] = areas.get(annotation.category_id, 0.0) + annotation.area
    return min(areas, key=lambda category: (-areas[category], category)) if areas else None


def types_of_images(truth: CocoFile) -> "tuple[list[Image], NDArray[np.intp]]":
    """The images whose type is known, and the index of the type of each: 0 good, k the k-th category in id order.

    An image with only ignore regions has no known type.
    """
    index = {category: k for k, category in enumerate(truth.names(), 1)}
    annotations = truth.by_image()
    images, types = [], []
    for image in truth.images:
        category = type_of_image(annotations[image.id])
        if category is None and annotations[image.id]:
            continue
        images.append(image)
        types.append(GOOD_INDEX if category is None else index[category])
    return images, np.asarray(types, np.intp)


def labels_of_images(truth: CocoFile, images: Sequence[Image]) -> "NDArray[np.bool_]":
    """Which categories each image has an annotation of, without ignore regions: images x categories."""
    column = {category: k for k, category in enumerate(truth.names())}
    annotations = truth.by_image()
    labels = np.zeros((len(images), len(column)), np.bool_)
    for row, image in enumerate(images):
        for annotation in annotations[image.id]:
            if not annotation.iscrowd:
                labels[row, column[annotation.category_id]] = True
    return labels


def type_probabilities(
    images: Sequence[Image],
    categories: Sequence[int],
    predictions: Iterable[Prediction],
    *,
    several: bool = False,
) -> "NDArray[np.float64]":
    """Probability of each type for each image: images x (1 + categories), `good` first; rows sum to 1.

    `categories` are ids in order. Predictions of other images are left out. Where an image may have `several`
    types, each has a probability of its own, and `good` has 1 minus the highest of them.
    """
    row = {image.id: i for i, image in enumerate(images)}
    column = {category: k for k, category in enumerate(categories, 1)}
    probabilities = np.zeros((len(images), 1 + len(categories)))
    for p in predictions:
        if p.image_id in row:
            probabilities[row[p.image_id], column[p.category_id]] += p.score
    taken = probabilities.max(axis=1) if several else probabilities.sum(axis=1)
    probabilities[:, GOOD_INDEX] = np.clip(1 - taken, 0, 1)
    return probabilities
