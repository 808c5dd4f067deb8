"""The image file of each entry of an export, and the sizes of its annotations."""

import posixpath
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import msgspec

from datasets.formats.image_search import ImageSearch
from datasets.formats.tool_export import ToolExport, ToolImage
from datasets.formats.tool_shapes import DrawingRule, draw_tool_image
from datasets.images.image_file import read_info
from datasets.masks.rle import rle_area, rle_box
from system.errors import InputError
from system.exclude import Excluder


class PlacedImage(msgspec.Struct, frozen=True):
    """An entry of an export; `whole` is whether its image is where the export states."""

    image: ToolImage
    whole: bool


def images_of(
    export: ToolExport, search: ImageSearch, errors: list[tuple[ToolImage, InputError]] | None = None
) -> dict[str, PlacedImage]:
    """The entry of each image, by its path below the folder that is searched.

    Faults of an entry are added to `errors`, if given. Raises InputError for an image that is missing and for two
    entries of one image.
    """
    entries: dict[str, PlacedImage] = {}
    for image in export.images:
        try:
            place = place_of(export, image)
            found = search.find(place, image.names, image.remedy, image.beside)
            if found.relative in entries:
                other = entries[found.relative].image
                problem = (
                    f"annotates {found.relative}, as {other.file}{', ' * bool(other.where)}{other.where} does"
                )
                raise InputError(place, problem, "merge the two into one or remove one")
            entries[found.relative] = PlacedImage(image, found.whole)
        except InputError as error:
            if errors is None:
                raise
            errors.append((image, error))
    return entries


def place_of(export: ToolExport, image: ToolImage) -> str:
    """The place where an image is described: the annotation file, and the place in it."""
    return f"{export.root / image.file}{', ' * bool(image.where)}{image.where}"


def dataset_names(relatives: Iterable[str]) -> dict[str, str]:
    """The name in the dataset of each image: its path without the folder that contains all images.

    >>> dataset_names(["x/a/1.png", "x/b/2.png"])
    {'x/a/1.png': 'a/1.png', 'x/b/2.png': 'b/2.png'}
    """
    names = list(relatives)
    folders = {posixpath.dirname(name) for name in names}
    common = posixpath.commonpath(folders) if folders and "" not in folders else ""
    return {name: name.removeprefix(f"{common}/" if common else "") for name in names}


def check_in_splits(names: Iterable[str], splits: Collection[str]) -> None:
    """Raise InputError if images of an export with splits, by their names in the dataset, are in none of them."""
    missing = [name for name in names if name not in splits]
    if missing:
        problem = f"{len(missing)} images, such as {missing[0]}, are not in any split of the export"
        raise InputError(missing[0], problem, "add them to a split, or give --split stratified")


def check_stated_size(
    file: str, image: ToolImage, path: str, shown: tuple[int, int], stored: tuple[int, int]
) -> None:
    """Raise InputError if the shapes belong to an image of another size than `path`; sizes are (width, height).

    `file` is the annotation file. An image that EXIF rotates may have been labelled as stored.
    """
    if image.size is not None and image.size not in {shown, stored}:
        stated = f"{image.size[0]} x {image.size[1]}"
        problem = f"its shapes belong to an image of {stated} pixels, but {path} has {shown[0]} x {shown[1]}"
        remedy = "name the folder of the images that were labelled with --images"
        raise InputError(f"{file}{', ' * bool(image.where)}{image.where}", problem, remedy)


def tool_annotations(path: Path, root: Path, image: ToolImage) -> list[tuple[str, int, int, int]]:
    """Category, area, width and height in pixels of each annotation of the image file `path`.

    Raises InputError for shapes that cannot be drawn.
    """
    info = read_info(path)
    stored = (info.height, info.width)
    size = stored[::-1] if info.orientation >= 5 else stored
    found = []
    for drawn in draw_tool_image(root / image.file, image, range(len(image.shapes)), size, DrawingRule()):
        label = image.shapes[drawn.index].label
        if drawn.box is not None:
            _, _, w, h = drawn.box
            found.append((label, round(w * h), round(w), round(h)))
        for part in drawn.parts:
            if part.rle is not None and (area := rle_area(part.rle)):
                _, _, w, h = rle_box(part.rle)
                found.append((label, area, int(w), int(h)))
    return found


def without_excluded(export: ToolExport, search: ImageSearch, exclude: Excluder) -> ToolExport:
    """The export without entries whose image is excluded by its stated name or by where it is found."""
    files = _bare(search.excluded)
    kept = []
    for image in export.images:
        names = [name.replace("\\", "/").strip("/") for name in image.names]
        matching = [name for name in names if exclude.match(name) is not None]
        if not (matching or (files and _only_excluded(names, search, files))):
            kept.append(image)
        elif not any(posixpath.basename(name) in files for name in names):
            exclude.excludes(search.root, matching[0])
    return msgspec.structs.replace(export, images=kept)


def _only_excluded(names: Sequence[str], search: ImageSearch, excluded: set[str]) -> bool:
    """Whether the image that an entry names is among those excluded, and no other has its name."""
    bare = {posixpath.basename(name) for name in names}
    return bool(bare & excluded) and not bare & _bare(search.images)


def _bare(paths: Sequence[str]) -> set[str]:
    """The names of files with and without their endings."""
    names = {posixpath.basename(path) for path in paths}
    return names | {posixpath.splitext(name)[0] for name in names}
