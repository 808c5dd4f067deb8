"""One PNG of the worst cases of a run: missed images first, then false alarms, then poorly found defects."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.coco import Prediction
from evaluate.matching import box_ious, match_boxes
from system.files import write_atomic
from view.overlay import BACKGROUND, INK, counted, draw_overlay, threshold_of
from view.scene import Scene, SceneImage

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# In pixels of the sheet.
TILE = 300
GAP = 10
CAPTION_HEIGHT = 38
TITLE_HEIGHT = 44
MIN_WIDTH = 560

COLUMNS = 5
MAX_CASES = 20


@dataclass(frozen=True, slots=True)
class Case:
    """An image with an error, described by the text `words`; a larger `badness` is worse."""

    shown: SceneImage
    badness: tuple[int, float]
    words: str


def worst_cases(scene: Scene, model: int = 0, limit: int = MAX_CASES) -> list[Case]:
    """At most `limit` images with an error at the operating point, worst first; matched by box IoU 0.5."""
    cases = (
        _case(shown, counted(scene, model, shown), threshold_of(scene, model, shown)) for shown in scene.images
    )
    return sorted((case for case in cases if case is not None), key=lambda c: c.badness, reverse=True)[:limit]


def write_contact_sheet(path: Path, scene: Scene, model: int = 0) -> int:
    """Write the worst cases as one PNG, atomically, and return their number; the sheet states if there are none.

    Raises InputError if an image cannot be read.
    """
    cases = worst_cases(scene, model)
    columns = min(COLUMNS, max(1, len(cases)))
    rows = -(-len(cases) // columns)
    width = max(MIN_WIDTH, GAP + columns * (TILE + GAP))
    sheet = Image.new("RGB", (width, TITLE_HEIGHT + rows * (TILE + CAPTION_HEIGHT + GAP)), BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    run = scene.models[model]
    point = "of each fold" if run.fold_thresholds else f"{threshold_of(scene, model, scene.images[0]):.3f}"
    title = f"{len(cases)} worst cases" if cases else "No image with an error"
    title = f"{title} of {run.name}, {scene.split}, confidence {point}"
    pen.text((GAP, 12), title, INK, ImageFont.load_default(18))
    for i, case in enumerate(cases):
        x, y = GAP + (i % columns) * (TILE + GAP), TITLE_HEIGHT + (i // columns) * (TILE + CAPTION_HEIGHT + GAP)
        tile = Image.fromarray(draw_overlay(scene, case.shown, model))
        tile.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
        sheet.paste(tile, (x + (TILE - tile.width) // 2, y))
        pen.text((x, y + TILE + 2), _shortened(case.shown.image.file_name, font, TILE), INK, font)
        pen.text((x, y + TILE + 19), case.words, INK, font)
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    write_atomic(path, buffer.getvalue())
    return len(cases)


def _case(shown: SceneImage, kept: list[Prediction], threshold: float) -> Case | None:
    ignored = match_boxes(kept, shown.truths, score_threshold=threshold).ignored
    kept = [p for i, p in enumerate(kept) if i not in ignored]
    truths = [t for t in shown.truths if not t.iscrowd]
    if truths and not kept:
        return Case(shown, (3, sum(t.area for t in truths)), "missed")
    if kept and not truths:
        best = max(p.score for p in kept)
        return Case(shown, (2, best), f"false alarm, score {best:.2f}")
    matches = match_boxes(kept, truths, score_threshold=threshold)
    if not matches.false and not matches.missed:
        return None
    ious = box_ious([p.bbox for p in kept], [t.bbox for t in truths])
    same = np.array([[p.category_id == t.category_id for t in truths] for p in kept])
    worst = float(np.max(ious * same, axis=0).min())
    words = f"{len(matches.pairs)} of {len(truths)} found, {len(matches.false)} false, worst IoU {worst:.2f}"
    return Case(shown, (1, len(matches.missed) + len(matches.false) + 1 - worst), words)


def _shortened(text: str, font: Font, width: int) -> str:
    while font.getlength(text) > width and len(text) > 4:
        text = "…" + text[2:]
    return text
