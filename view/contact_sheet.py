"""One picture of the worst cases of a run: missed images first, then false alarms, then badly found defects."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.coco import Prediction
from evaluate.matching import box_ious, match_boxes
from system.files import write_atomic
from view.overlay import BACKGROUND, INK, draw_overlay, threshold_of
from view.scene import Picture, Scene

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
TILE = 300
COLUMNS = 5
MOST = 20
GAP = 10
TEXT = 38


@dataclass(frozen=True, slots=True)
class Case:
    """An image and why it is a bad case, in words; a larger `badness` is worse."""

    picture: Picture
    badness: tuple[int, float]
    words: str


def worst_cases(scene: Scene, model: int = 0, most: int = MOST) -> list[Case]:
    """The images with an error at the operating point, worst first, at most `most`; by boxes at IoU 0.5."""
    cases = (
        _case(picture, picture.predictions[model], threshold_of(scene, model, picture))
        for picture in scene.pictures
    )
    return sorted((case for case in cases if case is not None), key=lambda c: c.badness, reverse=True)[:most]


def write_contact_sheet(path: Path, scene: Scene, model: int = 0) -> int:
    """Write the worst cases into one PNG, atomically; how many there are. Without any, the sheet says so."""
    cases = worst_cases(scene, model)
    columns = min(COLUMNS, max(1, len(cases)))
    rows = -(-len(cases) // columns)
    head = 44
    width = max(560, GAP + columns * (TILE + GAP))
    sheet = Image.new("RGB", (width, head + rows * (TILE + TEXT + GAP)), BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    shown = scene.models[model]
    point = "of each fold" if shown.fold_thresholds else f"{threshold_of(scene, model, scene.pictures[0]):.3f}"
    title = f"{len(cases)} worst cases" if cases else "No image with an error"
    pen.text(
        (GAP, 12), f"{title} of {shown.name}, {scene.split}, confidence {point}", INK, ImageFont.load_default(18)
    )
    for i, case in enumerate(cases):
        x, y = GAP + (i % columns) * (TILE + GAP), head + (i // columns) * (TILE + TEXT + GAP)
        picture = Image.fromarray(draw_overlay(scene, case.picture, model))
        picture.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(picture, (x + (TILE - picture.width) // 2, y))
        pen.text((x, y + TILE + 2), _short(case.picture.image.file_name, font, TILE), INK, font)
        pen.text((x, y + TILE + 19), case.words, INK, font)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_atomic(path, buffer.getvalue())
    return len(cases)


def _case(picture: Picture, predictions: list[Prediction], threshold: float) -> Case | None:
    kept = [p for p in predictions if p.score >= threshold]
    truths = picture.truths
    if truths and not kept:
        return Case(picture, (3, sum(t.area for t in truths)), "missed")
    if kept and not truths:
        best = max(p.score for p in kept)
        return Case(picture, (2, best), f"false alarm, score {best:.2f}")
    matches = match_boxes(kept, truths, score_threshold=threshold)
    if not matches.false and not matches.missed:
        return None
    ious = box_ious([p.bbox for p in kept], [t.bbox for t in truths])
    same = np.array([[p.category_id == t.category_id for t in truths] for p in kept])
    worst = float(np.max(ious * same, axis=0).min())
    words = f"{len(matches.pairs)} of {len(truths)} found, {len(matches.false)} false, worst IoU {worst:.2f}"
    return Case(picture, (1, len(matches.missed) + len(matches.false) + 1 - worst), words)


def _short(text: str, font: "Font", room: int) -> str:
    while font.getlength(text) > room and len(text) > 4:
        text = "…" + text[2:]
    return text
