"""What goes into the page besides the pictures: one JSON value, with the overlaps computed beforehand.

Masks are COCO run lengths, which the page decodes to outlines: exact, and less than half as long as the same
outline as an SVG path (on the MVTec bottle 926 against 2199 characters per annotation; simplified to pictures of
512 pixels 242, but no longer exact). Boxes of predictions are rounded to hundredths of a pixel for drawing;
overlaps are computed before that.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from datasets.coco import Annotation, Image, Prediction, Rle
from datasets.masks.pixel_mask import PALETTE
from datasets.masks.rle import rle_ious, to_rle
from evaluate.matching import box_ious
from view.scene import Model, Picture, Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

Overlap = tuple[int, int, float, float]

MOST_PREDICTIONS = 60_000
SMALLEST_OVERLAP = 0.05


def page_data(scene: Scene) -> dict[str, Any]:
    """The JSON value of a scene, without pictures."""
    floors = [score_floor(scene, m) for m in range(len(scene.models))]
    index = {category.id: i for i, category in enumerate(scene.categories)}
    return {
        "title": scene.title,
        "dataset": scene.dataset,
        "split": scene.split,
        "folder": str(scene.folder),
        "hasTruth": scene.has_truth,
        "types": [{"name": c.name, "colour": type_colour(i)} for i, c in enumerate(scene.categories)],
        "models": [_model(m, floors[i]) for i, m in enumerate(scene.models)],
        "images": [_image(picture, index, floors) for picture in scene.pictures],
    }


def type_colour(index: int) -> str:
    """Colour of the type at `index` of the id order as #rrggbb, the one its pixels have in pixel masks."""
    first = 3 * (1 + index % (len(PALETTE) // 3 - 1))
    return "#" + "".join(f"{v:02x}" for v in PALETTE[first : first + 3])


def score_floor(scene: Scene, model: int) -> float:
    """The score below which predictions are left out so that at most MOST_PREDICTIONS stay; 0 leaves out none."""
    scores = sorted((p.score for picture in scene.pictures for p in picture.predictions[model]), reverse=True)
    return scores[MOST_PREDICTIONS - 1] if len(scores) > MOST_PREDICTIONS else 0.0


def overlaps(image: Image, truths: list[Annotation], predictions: list[Prediction]) -> list[Overlap]:
    """(prediction, truth, IoU of boxes, IoU of masks) of every pair that overlaps at least a little.

    The IoU of masks is -1 where one side has no mask. The boxes' are those of `evaluate`, the masks' pycocotools'.
    """
    if not truths or not predictions:
        return []
    boxes = box_ious([p.bbox for p in predictions], [t.bbox for t in truths])
    masks = _mask_ious(image, truths, predictions)
    return [
        (int(i), int(j), float(boxes[i, j]), float(masks[i, j]))
        for i, j in zip(*np.nonzero(np.maximum(boxes, masks) >= SMALLEST_OVERLAP), strict=True)
    ]


def _model(model: Model, floor: float) -> dict[str, Any]:
    return {
        "name": model.name,
        "task": model.task,
        "propose": model.propose,
        "threshold": model.threshold,
        "foldThresholds": model.fold_thresholds,
        "rule": model.point.rule if model.point else None,
        "floor": floor,
        "tables": model.tables,
    }


def _image(picture: Picture, index: dict[int, int], floors: list[float]) -> dict[str, Any]:
    image = picture.image
    kept = [
        sorted((p for p in found if p.score >= floor), key=lambda p: -p.score)
        for found, floor in zip(picture.predictions, floors, strict=True)
    ]
    return {
        "name": image.file_name,
        "width": image.width,
        "height": image.height,
        "split": picture.split,
        "folds": picture.folds,
        "truths": [
            [index[t.category_id], *t.bbox, t.area, _counts(to_rle(t.segmentation, image.height, image.width))]
            for t in picture.truths
        ],
        "predictions": [
            [
                [index[p.category_id], *(round(float(v), 2) for v in p.bbox), p.score, _counts(p.segmentation)]
                for p in found
            ]
            for found in kept
        ],
        "overlaps": [overlaps(image, picture.truths, found) for found in kept],
    }


def _mask_ious(image: Image, truths: list[Annotation], predictions: list[Prediction]) -> "NDArray[np.float64]":
    theirs = [p.segmentation for p in predictions if p.segmentation is not None]
    drawn = [to_rle(t.segmentation, image.height, image.width) for t in truths]
    ours = [rle for rle in drawn if rle is not None]
    if len(theirs) < len(predictions) or len(ours) < len(truths):
        return np.full((len(predictions), len(truths)), -1.0)
    return rle_ious(theirs, ours)


def _counts(rle: Rle | None) -> str | None:
    return None if rle is None else str(rle.counts)
