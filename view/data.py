"""The content of the page except pixels, as one JSON value with the overlaps computed in advance.

Masks are COCO run lengths, which the page decodes to outlines. They are exact, and less than half as long as the
same outline as an SVG path: on the MVTec bottle 926 instead of 2199 characters per annotation. (Simplified for
images of 512 pixels, a path has 242, but is no longer exact.) Boxes of predictions are rounded to hundredths of a
pixel for drawing; overlaps are computed before rounding. `page/model.d.ts` describes the same types for the
script.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from datasets.coco import Annotation, Image, Prediction, Rle
from datasets.masks.pixel_mask import PALETTE
from datasets.masks.rle import rle_ious, to_rle
from evaluate.cells import Table
from evaluate.map_folder import MapKind
from evaluate.matching import box_ious
from evaluate.run_folder import load_run
from system.shown_names import shown
from view.differences import PairDifferences
from view.run_card import RunCard
from view.scene import Judging, Scene, SceneImage
from view.shown_run import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

Number = int | float
TruthRow = tuple[int, Number, Number, Number, Number, Number, str | None]
PredictionRow = tuple[int, float, float, float, float, float, str | None]
Overlap = tuple[int, int, float, float]
CropRow = tuple[int, int, int, int, str | None]
MapSource = str | bool | None

MAX_PREDICTIONS = 60_000
MIN_OVERLAP = 0.05


class PageType(msgspec.Struct, frozen=True):
    """A defect type with its colour as #rrggbb."""

    name: str
    colour: str


class PageModel(msgspec.Struct, frozen=True, rename="camel"):
    """A run; predictions with a score below `floor` are left out. `tables` are the tables in its metrics.json.

    `run` is its folder relative to that of the page, empty if it predicts no boxes.
    """

    name: str
    propose: list[str]
    threshold: float | None
    fold_thresholds: list[float]
    rule: str | None
    floor: float
    tables: list[Table]
    map_kind: MapKind | None = None
    map_range: tuple[float, float] = (0.0, 1.0)
    map_threshold: float | None = None
    one_type: bool = False
    calibration: list[tuple[int, float, float]] = []
    calibration_error: float | None = None
    run: str = ""
    card: RunCard | None = None


class PageImage(msgspec.Struct, frozen=True):
    """An image. Rows of truths contain type, x, y, w, h, area, run lengths; rows of predictions also the score.

    `ignored` are ignore regions; `inside` is the part of each prediction inside them, in the form of `overlaps`.
    `crops` contain x, y, w, h and the address of the file, null for WebP data inside the page. `maps` contain the
    address of the map of each model, true for PNG data inside the page, null for none. `shapes` are drawn
    instead of `truths`, if there are any. `suspects` are the reasons why its labels are suspected to be wrong.
    """

    name: str
    width: int
    height: int
    split: str
    folds: list[int | None]
    truths: list[TruthRow]
    predictions: list[list[PredictionRow]]
    overlaps: list[list[Overlap]]
    ignored: list[TruthRow] = []
    inside: list[list[Overlap]] = []
    suspects: list[str] = []
    crops: list[CropRow] = []
    maps: list[MapSource] = []
    shapes: list[TruthRow] = []


class PageData(msgspec.Struct, frozen=True, rename="camel"):
    """Everything the page shows; types are numbered in the order of category ids.

    `correct` is the dataset to correct, relative to the folder of the page, empty for new images;
    `selected` is the number of images from which those of the page were chosen, 0 for all.
    """

    title: str
    dataset: str
    split: str
    folder: str
    has_truth: bool
    judging: Judging
    types: list[PageType]
    models: list[PageModel]
    images: list[PageImage]
    correct: str = ""
    differences: list[PairDifferences] = []
    selected: int = 0


def page_data(scene: Scene, folder: Path = Path()) -> PageData:
    """The JSON value of a scene, without crops, for a page in `folder`."""
    floors = [score_floor(scene, m) for m in range(len(scene.models))]
    index = {category.id: i for i, category in enumerate(scene.categories)}
    return PageData(
        title=scene.title,
        dataset=scene.dataset,
        split=scene.split,
        folder=str(scene.folder),
        has_truth=scene.has_truth,
        judging=scene.judging,
        types=[PageType(category.name, type_colour(i)) for i, category in enumerate(scene.categories)],
        models=[_model(model, floor, folder) for model, floor in zip(scene.models, floors, strict=True)],
        images=[_image(shown, index, floors) for shown in scene.images],
        correct=_relative(scene.folder.parent, folder) if scene.has_truth else "",
        differences=scene.differences,
        selected=scene.selected,
    )


def _relative(path: Path, folder: Path) -> str:
    """The path from `folder`, with forward slashes; absolute where there is none, as between drives.

    Of a local copy, the URL.
    """
    absolute = str(path.resolve())
    if (url := shown(absolute)) != absolute:
        return url
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:
        return path.resolve().as_posix()


def type_colour(index: int) -> str:
    """Colour of the type at `index` in id order as #rrggbb, the same as in pixel masks."""
    first = 3 * (1 + index % (len(PALETTE) // 3 - 1))
    return "#" + "".join(f"{v:02x}" for v in PALETTE[first : first + 3])


def score_floor(scene: Scene, model: int) -> float:
    """The lowest score at which at most MAX_PREDICTIONS predictions of a model remain; 0 keeps all."""
    scores = sorted((p.score for shown in scene.images for p in shown.predictions[model]), reverse=True)
    return scores[MAX_PREDICTIONS - 1] if len(scores) > MAX_PREDICTIONS else 0.0


def overlaps(
    image: Image, truths: Sequence[Annotation], predictions: Sequence[Prediction], *, ignore: bool = False
) -> list[Overlap]:
    """(index of prediction, index of truth, box IoU, mask IoU) of each pair with an IoU of at least MIN_OVERLAP.

    The mask IoU is -1 if any prediction or truth of the image has no mask. With `ignore`, the truths are ignore
    regions, and the value is the part of each prediction inside them instead of the IoU.
    """
    if not truths or not predictions:
        return []
    boxes = box_ious([p.bbox for p in predictions], [t.bbox for t in truths], [ignore] * len(truths))
    masks = _mask_ious(image, truths, predictions, ignore=ignore)
    return [
        (int(i), int(j), float(boxes[i, j]), float(masks[i, j]))
        for i, j in zip(*np.nonzero(np.maximum(boxes, masks) >= MIN_OVERLAP), strict=True)
    ]


def _model(model: Model, floor: float, folder: Path) -> PageModel:
    rule = model.point.rule if model.point else None
    if model.point and model.point.types:
        rule = f"{rule} ({', '.join(f'{name} {score:g}' for name, score in model.point.types.items())})"
    run = _relative(model.root, folder) if load_run(model.root).provides.boxes else ""
    return PageModel(
        model.name, model.propose, model.threshold, model.fold_thresholds, rule, floor, model.tables,
        model.map_kind, model.map_range, model.map_threshold, model.one_type,
        [(one.images, one.probability, one.right) for one in model.calibration], model.calibration_error, run,
        model.card,
    )  # fmt: skip


def _image(shown: SceneImage, index: dict[int, int], floors: Sequence[float]) -> PageImage:
    image = shown.image
    kept = [
        sorted((p for p in predictions if p.score >= floor), key=lambda p: -p.score)
        for predictions, floor in zip(shown.predictions, floors, strict=True)
    ]
    truths = [t for t in shown.truths if not t.iscrowd]
    regions = [t for t in shown.truths if t.iscrowd]
    return PageImage(
        name=image.file_name,
        width=image.width,
        height=image.height,
        split=shown.split,
        folds=shown.folds,
        truths=[_truth_row(image, t, index) for t in truths],
        ignored=[_truth_row(image, t, index) for t in regions],
        predictions=[[_prediction_row(p, index) for p in predictions] for predictions in kept],
        overlaps=[overlaps(image, truths, predictions) for predictions in kept],
        inside=[overlaps(image, regions, predictions, ignore=True) for predictions in kept],
        maps=[True if path else None for path in shown.maps],
        suspects=shown.suspects,
        shapes=[_truth_row(image, t, index) for t in shown.shapes if not t.iscrowd],
    )


def _truth_row(image: Image, truth: Annotation, index: dict[int, int]) -> TruthRow:
    counts = _counts(to_rle(truth.segmentation, image.height, image.width))
    return index[truth.category_id], *truth.bbox, truth.area, counts


def _prediction_row(prediction: Prediction, index: dict[int, int]) -> PredictionRow:
    x, y, w, h = (round(float(v), 2) for v in prediction.bbox)
    counts = _counts(prediction.segmentation)
    return index[prediction.category_id], x, y, w, h, prediction.score, counts


def _mask_ious(
    image: Image, truths: Sequence[Annotation], predictions: Sequence[Prediction], *, ignore: bool
) -> "NDArray[np.float64]":
    predicted = [p.segmentation for p in predictions if p.segmentation is not None]
    drawn = [to_rle(t.segmentation, image.height, image.width) for t in truths]
    annotated = [rle for rle in drawn if rle is not None]
    if len(predicted) < len(predictions) or len(annotated) < len(truths):
        return np.full((len(predictions), len(truths)), -1.0)
    return rle_ious(predicted, annotated, ignore=ignore)


def _counts(rle: Rle | None) -> str | None:
    return None if rle is None else str(rle.counts)
