"""Overlay images for reports: an image at native size with truth and predictions drawn on it, and a legend.

The style is that of the page: truth solid, predictions dashed, types by colour and hatching.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.coco import Annotation, Prediction
from datasets.masks.rle import decode, to_rle
from evaluate.run_folder import Provides
from evaluate.type_of_image import image_answers
from evaluate.values import DEFAULT_SCORE_THRESHOLD
from view.data import type_colour
from view.scene import Scene, SceneImage

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPACITY = 0.35
BACKGROUND, INK = (255, 255, 255), (28, 33, 38)


def threshold_of(scene: Scene, model: int, shown: SceneImage) -> float:
    """The score from which predictions are drawn: the operating point, or DEFAULT_SCORE_THRESHOLD without one.

    In a cross-validation, it is the operating point of the fold that tested the image.
    """
    run = scene.models[model]
    fold = shown.folds[model] if shown.folds else None
    if fold is not None and fold <= len(run.fold_thresholds):
        return run.fold_thresholds[fold - 1]
    return DEFAULT_SCORE_THRESHOLD if run.threshold is None else run.threshold


def counted(scene: Scene, model: int, shown: SceneImage) -> list[Prediction]:
    """The predictions that are drawn: those from `threshold_of` on."""
    threshold = threshold_of(scene, model, shown)
    provides = Provides(image_types=scene.models[model].one_type)
    return [p for p in image_answers(shown.predictions[model], provides) if p.score >= threshold]


def draw_overlay(scene: Scene, shown: SceneImage, model: int | None) -> "NDArray[np.uint8]":
    """The image with its truth and, unless `model` is None, the predictions of that model: H x W x 3 uint8 RGB.

    Raises InputError if the image cannot be read.
    """
    pixels = shown.read()
    index = {category.id: i for i, category in enumerate(scene.categories)}
    predictions = []
    if model is not None:
        predictions = counted(scene, model, shown)
    painted: Sequence[Annotation | Prediction] = shown.truths if model is None else predictions
    for item in painted:
        pixels = _hatched(pixels, item, index[item.category_id])
    image = Image.fromarray(pixels)
    pen = _Pen(image)
    for truth in shown.truths:
        pen.outline(truth, index[truth.category_id], dashed=False)
    for prediction in predictions:
        pen.outline(prediction, index[prediction.category_id], dashed=True)
        pen.label(prediction, f"{scene.categories[index[prediction.category_id]].name} {prediction.score:.2f}")
    return np.asarray(image)


def with_legend(pixels: "NDArray[np.uint8]", scene: Scene, caption: str, *, predicted: bool) -> Image.Image:
    """The image `pixels`, H x W x 3 uint8 RGB, with `caption` and a legend of lines and hatchings below it."""
    height, width = pixels.shape[:2]
    size = max(12, round(min(width, height) / 36))
    font, row = ImageFont.load_default(size), round(1.6 * size)
    lines = ["truth: solid line"] + (["prediction: dashed line"] if predicted else [])
    entries = [(f"{category.name}", i) for i, category in enumerate(scene.categories)]
    rows = _flow([font.getlength(name) + 3 * size for name, _ in entries], width - size)
    sheet = Image.new("RGB", (width, height + row * (2 + len(rows)) + size // 2), BACKGROUND)
    sheet.paste(Image.fromarray(pixels), (0, 0))
    pen = ImageDraw.Draw(sheet)
    top = height + size // 2
    pen.text((size // 2, top), caption, INK, font)
    pen.text((size // 2, top + row), ", ".join(lines), INK, font)
    for r, members in enumerate(rows):
        left = size // 2
        for i in members:
            name, type_index = entries[i]
            y = top + row * (2 + r)
            sample = np.full((size, 2 * size, 3), 120, np.uint8)
            sample = _blend(sample, np.ones((size, 2 * size), bool), type_index, 0.6)
            sheet.paste(Image.fromarray(sample), (left, y))
            pen.text((left + round(2.4 * size), y - size // 6), name, INK, font)
            left += round(font.getlength(name) + 3 * size)
    return sheet


def write_overlays(folder: Path, scene: Scene) -> int:
    """Write one PNG per image and model into the existing `folder`, with the file names of the images.

    Returns their number. Raises InputError if an image cannot be read.
    """
    models: Sequence[int | None] = range(len(scene.models)) if scene.models else [None]
    for shown in scene.images:
        for model in models:
            suffix = f".{'ab'[model]}.png" if model is not None and len(scene.models) > 1 else ".png"
            path = (folder / shown.image.file_name).with_suffix("")
            path = path.with_name(path.name + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            caption = shown.image.file_name + (f" - {scene.models[model].name}" if model is not None else "")
            sheet = with_legend(draw_overlay(scene, shown, model), scene, caption, predicted=model is not None)
            sheet.save(path)
    return len(scene.images) * len(models)


class _Pen:
    """Draws lines and text in proportion to the size of the image."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.draw = ImageDraw.Draw(image)
        self.width = max(2, round(min(image.size) / 300))
        self.size = max(11, round(min(image.size) / 40))
        self.font = ImageFont.load_default(self.size)

    def outline(self, item: Annotation | Prediction, type_index: int, *, dashed: bool) -> None:
        """Draw the edge of the mask, or the box if there is no mask, over a wider black line."""
        for ring in _rings(item, self.image.height, self.image.width):
            self._line(ring, (0, 0, 0), self.width + 2, dashed=False)
            self._line(ring, type_colour(type_index), self.width, dashed=dashed)

    def label(self, item: Prediction, text: str) -> None:
        """Draw text above the box, or inside it at the upper edge of the image."""
        x, y, _, _ = item.bbox
        top = y - self.size - 3 * self.width
        self.draw.text(
            (max(1, x), top if top > 0 else y + 2 * self.width), text, "white", self.font, stroke_width=2,
            stroke_fill="black",
        )  # fmt: skip

    def _line(self, ring: "NDArray[np.float64]", colour: object, width: int, *, dashed: bool) -> None:
        pieces = _dashes(ring, 5.0 * self.width, 3.0 * self.width) if dashed else [ring]
        for piece in pieces:
            self.draw.line([(float(x), float(y)) for x, y in piece], fill=colour, width=width, joint="curve")  # type: ignore[arg-type]


def _rings(item: Annotation | Prediction, height: int, width: int) -> "list[NDArray[np.float64]]":
    rle = to_rle(item.segmentation, height, width) if item.segmentation else None
    if rle is None:
        x, y, w, h = (float(v) for v in item.bbox)
        return [np.array([[x, y], [x + w - 1, y], [x + w - 1, y + h - 1], [x, y + h - 1], [x, y]])]
    mask = decode(rle, height, width)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.concatenate([c[:, 0], c[:1, 0]]).astype(float) for c in contours]


def _dashes(ring: "NDArray[np.float64]", on: float, off: float) -> "list[NDArray[np.float64]]":
    """Cut a ring (N x 2) into pieces of length `on` with gaps of length `off`, in pixels of arc length."""
    steps = np.hypot(*np.diff(ring, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    pieces = []
    for start in np.arange(0, along[-1], on + off):
        end = min(start + on, along[-1])
        at = np.concatenate([[start], along[(along > start) & (along < end)], [end]])
        pieces.append(np.stack([np.interp(at, along, ring[:, k]) for k in (0, 1)], axis=1))
    return pieces


def _hatched(pixels: "NDArray[np.uint8]", item: Annotation | Prediction, type_index: int) -> "NDArray[np.uint8]":
    height, width = pixels.shape[:2]
    rle = to_rle(item.segmentation, height, width) if item.segmentation else None
    if rle is None:
        return pixels
    return _blend(pixels, decode(rle, height, width) > 0, type_index, OPACITY)


def _blend(
    pixels: "NDArray[np.uint8]", mask: "NDArray[np.bool_]", type_index: int, opacity: float
) -> "NDArray[np.uint8]":
    """Blend the colour of the type into the pixels of the mask, twice as strongly on the hatching lines."""
    rows, columns = np.nonzero(mask)
    period, thick = 8, 2
    lines = [
        rows + columns, rows - columns, rows, columns, np.minimum(rows % period, columns % period),
        np.minimum((rows + columns) % period, (rows - columns) % period),
        np.maximum(rows % period, columns % period),
    ][type_index % 7]  # fmt: skip
    strength = np.where(lines % period < thick, min(1, 2 * opacity), opacity)[:, None]
    colour = np.array([int(type_colour(type_index)[i : i + 2], 16) for i in (1, 3, 5)])
    mixed = pixels.copy()
    mixed[rows, columns] = np.round(pixels[rows, columns] * (1 - strength) + colour * strength)
    return mixed


def _flow(widths: Sequence[float], width: float) -> list[list[int]]:
    rows: list[list[int]] = [[]]
    used = 0.0
    for i, item in enumerate(widths):
        if rows[-1] and used + item > width:
            rows.append([])
            used = 0.0
        rows[-1].append(i)
        used += item
    return rows
