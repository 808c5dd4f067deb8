"""Safe fixes in a labelme file: label case, outlines that cross themselves or leave the image."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NotRequired, TypedDict, cast

from annotate.findings import known_spelling
from annotate.folder_images import FolderImage, upright_size
from datasets.formats.labelme_document import raw_shapes, read_document, write_document
from datasets.formats.labelme_outlines import polygon_parts
from datasets.masks.crossings import crosses_often

BACKUP = ".annotate-backup"


class RawShape(TypedDict):
    """The keys of a shape in the JSON that are fixed; its other keys are kept. `points` are [x, y] in pixels."""

    label: str
    points: list[list[float]]
    group_id: NotRequired[int | None]
    shape_type: NotRequired[str | None]


def new_backup(root: Path) -> Path:
    """A folder that does not exist yet, for the original files of one run of fixes."""
    number = 1
    while (root / BACKUP / str(number)).exists():
        number += 1
    return root / BACKUP / str(number)


def fix_image(image: FolderImage, labels: Sequence[str], backup: Path) -> int:
    """Fix the labelme file of one image and return how many shapes changed; the original is copied to `backup`.

    Raises InputError if a file cannot be read, OutputError if the labelme file changed meanwhile.
    """
    document = read_document(image.label_path)
    shapes, changed = fix_shapes(cast("list[RawShape]", raw_shapes(document)), upright_size(image.path), labels)
    if changed:
        kept = backup / image.label_path.relative_to(image.root)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(image.label_path, kept)
        write_document(document, {**document.raw, "shapes": shapes})
    return changed


def fix_shapes(
    shapes: Sequence[RawShape], size: tuple[int, int], labels: Sequence[str]
) -> tuple[list[RawShape], int]:
    """Raw shapes with known labels and with outlines inside the image, and how many of them changed.

    `size` is (height, width) of the image in pixels. Rectangles and polygons are cut at the image borders. A
    polygon that crosses itself becomes its interior by the even-odd rule; several parts get one group id. A shape
    stays unchanged, for a person to correct, if the result would have a hole or be empty, or if it crosses itself
    very often.
    """
    groups = [raw.get("group_id") or 0 for raw in shapes]
    fixed: list[RawShape] = []
    changed = 0
    for raw in shapes:
        known = known_spelling(raw["label"], labels)
        made = _fix_outline({**raw, "label": known or raw["label"]}, size, max([0, *groups]) + 1)
        groups += [shape.get("group_id") or 0 for shape in made]
        changed += made != [raw]
        fixed += made
    return fixed, changed


def _fix_outline(raw: RawShape, size: tuple[int, int], group_id: int) -> list[RawShape]:
    import shapely

    kind, points = raw.get("shape_type") or "polygon", raw["points"]
    inside = all(0 <= x <= size[1] and 0 <= y <= size[0] for x, y in points)
    if kind == "rectangle" and not inside:
        corners = [[min(max(x, 0), size[1]), min(max(y, 0), size[0])] for x, y in points]
        has_area = corners[0][0] != corners[1][0] and corners[0][1] != corners[1][1]
        return [{**raw, "points": corners}] if has_area else [raw]
    if kind != "polygon" or len(points) < 3 or (inside and shapely.Polygon(points).is_valid):
        return [raw]
    if crosses_often(points):
        return [raw]
    whole = shapely.make_valid(shapely.Polygon(points)).intersection(shapely.box(0, 0, size[1], size[0]))
    parts = polygon_parts(whole)
    if not parts or any(part.interiors for part in parts):
        return [raw]
    rings = [[[x, y] for x, y in list(part.exterior.coords)[:-1]] for part in parts]
    if len(rings) == 1:
        return [{**raw, "points": rings[0]}]
    group = raw.get("group_id")
    return [{**raw, "points": ring, "group_id": group_id if group is None else group} for ring in rings]
