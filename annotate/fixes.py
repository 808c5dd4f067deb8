"""Mend what is safe to mend in a labelme file: label case, outlines that cross themselves or leave the picture."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotate.findings import FIXABLE, Finding, known_spelling
from annotate.pictures import Picture, upright_size
from datasets.labelme_document import read_document, write_document

if TYPE_CHECKING:
    from shapely import Polygon
    from shapely.geometry.base import BaseGeometry

BACKUP = ".annotate-backup"


def new_backup(root: Path) -> Path:
    """A folder that does not exist yet, for the files as they were before one run of fixes."""
    number = 1
    while (root / BACKUP / str(number)).exists():
        number += 1
    return root / BACKUP / str(number)


def fix_picture(picture: Picture, findings: Sequence[Finding], labels: Sequence[str], backup: Path) -> int:
    """Mend the fixable findings of one picture and return how many shapes changed; the old file goes to `backup`.

    A shape whose mended outline has a hole or nothing left is not touched. Raises InputError and OutputError.
    """
    document = read_document(picture.label_path)
    size = upright_size(picture.path)
    codes = {(f.index, f.code) for f in findings if f.code in FIXABLE}
    shapes: list[dict[str, Any]] = []
    groups = [shape.group_id or 0 for shape in document.file.shapes]
    changed = 0
    for i, raw in enumerate(document.raw["shapes"]):
        mended = [raw]
        if (i, "label-case") in codes:
            mended = [{**raw, "label": known_spelling(raw["label"], labels)}]
        if codes & {(i, "self-crossing"), (i, "clipped")}:
            mended = _mend_outline(mended[0], size, max([0, *groups]) + 1)
            groups += [shape.get("group_id") or 0 for shape in mended]
        changed += mended != [raw]
        shapes += mended
    if changed:
        kept = backup / picture.label_path.relative_to(picture.root)
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(picture.label_path, kept)
        write_document(document, {**document.raw, "shapes": shapes})
    return changed


def _mend_outline(raw: dict[str, Any], size: tuple[int, int], group_id: int) -> list[dict[str, Any]]:
    """The shape inside a picture of `size` (height, width) without crossings; several parts share `group_id`."""
    import shapely

    kind, points = raw.get("shape_type") or "polygon", raw["points"]
    if kind == "rectangle":
        corners = [[min(max(x, 0), size[1]), min(max(y, 0), size[0])] for x, y in points]
        return [{**raw, "points": corners}]
    if kind != "polygon":
        return [raw]
    whole = shapely.make_valid(shapely.Polygon(points)).intersection(shapely.box(0, 0, size[1], size[0]))
    parts = _polygons(whole)
    if not parts or any(part.interiors for part in parts):
        return [raw]
    rings = [[[x, y] for x, y in list(part.exterior.coords)[:-1]] for part in parts]
    if len(rings) == 1:
        return [{**raw, "points": rings[0]}]
    group = raw.get("group_id")
    return [{**raw, "points": ring, "group_id": group_id if group is None else group} for ring in rings]


def _polygons(geometry: "BaseGeometry") -> "list[Polygon]":
    found: list[Polygon] = []
    for part in getattr(geometry, "geoms", [geometry]):
        if part.geom_type == "MultiPolygon":
            found += part.geoms
        elif part.geom_type == "Polygon" and part.area > 0:
            found.append(part)
    return found
