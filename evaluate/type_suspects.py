"""Suspected errors of the types of images: confident learning.

Source: Northcutt, Jiang, Chuang, Confident Learning: Estimating Uncertainty in Dataset Labels, JAIR 2021. The
threshold of a type is the mean probability of the type over the images labelled with it. An image is counted as
the most probable of the types whose threshold it reaches, and is suspect if that is not its label. As in the
authors' cleanlab, an image whose most probable type is its label is not suspect.
"""

from typing import TYPE_CHECKING

import numpy as np

from datasets.coco import CocoFile, Prediction
from evaluate.label_suspects import Suspect, SuspectKind
from evaluate.type_of_image import labels_of_images, type_names, type_probabilities, types_of_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def type_suspects(truth: CocoFile, predictions: "Sequence[Prediction]", *, several: bool) -> list[Suspect]:
    """The images whose type is suspect; where an image may have `several` types, each type by itself."""
    images, labels = types_of_images(truth)
    categories = truth.names()
    probabilities = type_probabilities(images, list(categories), predictions, several=several)
    names = type_names(categories.values())
    if not several:
        return [
            _suspect(images[i].file_name, names[own], names[k], probabilities[i, own], probabilities[i, k])
            for i, k in confident_errors(labels, probabilities)
            for own in (labels[i],)
        ]
    has = labels_of_images(truth, images)
    found = []
    for column, name in enumerate(names[1:]):
        scores = probabilities[:, column + 1]
        answers = (f"no {name}", name)
        for i, k in confident_errors(has[:, column].astype(np.intp), np.stack([1 - scores, scores], axis=1)):
            pair = scores[i], 1 - scores[i]
            own, other = pair[::-1] if k else pair
            found.append(_suspect(images[i].file_name, answers[1 - k], answers[k], own, other))
    return found


def confident_errors(labels: "NDArray[np.intp]", probabilities: "NDArray[np.float64]") -> list[tuple[int, int]]:
    """The images (rows) whose label is suspect, and the type that each is counted as.

    `labels` are indices of types, `probabilities` images x types.

    >>> scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.05, 0.95]])
    >>> confident_errors(np.array([0, 0, 1, 1, 0]), scores)
    [(4, 1)]
    """
    count = probabilities.shape[1]
    thresholds = np.array(
        [probabilities[labels == k, k].mean() if (labels == k).any() else np.inf for k in range(count)]
    )
    reached = np.where(probabilities >= thresholds - 1e-12, probabilities, -1.0)
    counted = reached.argmax(axis=1)
    suspect = (reached.max(axis=1, initial=-1.0) >= 0) & (counted != labels)
    suspect &= probabilities.argmax(axis=1) != labels
    return [(int(i), int(counted[i])) for i in np.flatnonzero(suspect)]


def _suspect(image: str, label: str, predicted: str, own: float, other: float) -> Suspect:
    return Suspect(
        kind=SuspectKind.image_type,
        image=image,
        suspicion=float(max(other - own, 0.0)),
        reason=f"labelled {label} ({own:.2f}) but looks like {predicted} ({other:.2f})",
        label=label,
        predicted=predicted,
    )
