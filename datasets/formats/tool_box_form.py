"""Boxes of a labelling tool's export that are probably written in another form than that of the format."""

from collections.abc import Mapping
from pathlib import Path

from datasets.formats.box_form import MIN_BOXES, FormBox, Values, as_form, check_box_form, find_outliers, pixel_box
from datasets.formats.tool_export import BoxShape, Loss, ToolExport, ToolImage
from datasets.formats.tool_images import PlacedImage
from datasets.images.image_file import read_info
from system.errors import InputError


def find_other_forms(
    export: ToolExport, placed: Mapping[str, PlacedImage], root: Path | str
) -> list[tuple[str, Loss]]:
    """A note (annotation file, loss) if the boxes of an export may have another form, and for each box that may.

    `placed` has the entries of the images below `root`; their sizes are read where the export states none. Raises
    InputError if the boxes obviously have another form.
    """
    places: list[tuple[str, str]] = []
    boxes: list[FormBox] = []
    for relative, one in placed.items():
        found = _boxes(export, one.image)
        size = (one.image.size or _size(f"{root}/{relative}")) if found else None
        if size is not None:
            places += [(one.image.file, where) for where, _ in found]
            boxes += [pixel_box(values, *size) for _, values in found]
    suspicion = check_box_form(export.root, boxes, export.boxes)
    if suspicion and len({box.values for box in boxes}) >= MIN_BOXES:  # a region may have several labels
        return [(places[0][0], Loss("", "box-form", suspicion))]
    found_alone = find_outliers(boxes, export.boxes)
    return [(places[i][0], Loss(places[i][1], "box-outlier", reason)) for i, reason in found_alone.items()]


def _boxes(export: ToolExport, image: ToolImage) -> list[tuple[str, Values]]:
    """The place and the four numbers of each box, as the file has them."""
    stated = {loss.where: loss.corners for loss in image.losses if loss.corners is not None}
    listed = []
    for shape in image.shapes:
        box = shape.geometry
        if isinstance(box, BoxShape):
            corners = stated.get(shape.where, (box.x0, box.y0, box.x1, box.y1))
            listed.append((shape.where, as_form(corners, "corners", export.boxes)))
    return listed


def _size(path: str) -> tuple[int, int] | None:
    """Width and height of an upright image, None if it cannot be read."""
    try:
        info = read_info(Path(path))
    except InputError:
        return None
    return (info.height, info.width) if info.orientation >= 5 else (info.width, info.height)
