"""What the pixels of a mask file mean: a layer for each defect type in it, and void pixels."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.formats.listed_image import check_mask_size
from datasets.formats.mask_folders import MaskFile
from datasets.images.colour_mask import Colour
from datasets.images.image_file import check_whole, read_image_bytes
from datasets.images.mask_file import VOID
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHITE_VALUES = frozenset({1, 255, 65535})  # white in masks of 1, 8 and 16 bits
SHOWN = 6  # values in a message

MaskValues = Sequence[tuple[str, tuple[tuple[int, int], ...]]]  # file name, (category id, grey value)
Void = Literal["refuse", "leave-out", "ignore"]


class MaskMeaning(msgspec.Struct, frozen=True):
    """How values become category ids: by `colours`, by value (`indices` up to `count`), or as 0 and a defect.

    With `type_ids` the folder of a mask is its type. With `void` there may be pixels of no type, as in Pascal VOC.
    With `numbered` each file is one instance; so is each page of a file with several pages.
    """

    count: int
    indices: bool = False
    threshold: int | None = None
    colours: tuple[tuple[Colour, int], ...] = ()
    type_ids: tuple[tuple[str, int], ...] = ()
    void: bool = False
    numbered: bool = False


class MaskLayer(msgspec.Struct, frozen=True):
    """The pixels of one category in an H x W bool mask; one instance if `whole`, else one per component."""

    category_id: int
    pixels: "NDArray[np.bool_]"
    whole: bool


class MaskContent(msgspec.Struct, frozen=True):
    """A mask file: size (height, width), layers, H x W void pixels, number of pages, (category, grey value)."""

    size: tuple[int, int]
    layers: list[MaskLayer]
    void: "NDArray[np.bool_] | None"
    pages: int
    mask_values: tuple[tuple[int, int], ...]


def read_mask_content(mask: MaskFile, meaning: MaskMeaning, image: tuple[int, int] | None = None) -> MaskContent:
    """Read the layers of a mask file in the order of its pages and categories.

    `image` is width and height of its image; another size is a MaskSizeError before anything is decoded. Raises
    InputError, also for a truncated or damaged file.
    """
    content = _read_layers(mask, meaning, image)
    for path in (mask.path, mask.objects):
        if path is not None:
            check_whole(path, read_image_bytes(path))
    return content


def _read_layers(mask: MaskFile, meaning: MaskMeaning, image: tuple[int, int] | None) -> MaskContent:
    import numpy as np

    from datasets.images.colour_mask import read_colour_pages
    from datasets.images.mask_file import read_index_pages, read_mask_pages

    check = partial(_check_fits, mask.path, image)
    if not meaning.colours and not meaning.indices:
        category_id = dict(meaning.type_ids)[mask.type] if mask.type is not None else 1
        binary = read_mask_pages(mask.path, meaning.threshold, check=check)
        whole = meaning.numbered or len(binary) > 1
        layers = [MaskLayer(category_id, page.pixels, whole) for page in binary if page.pixels.any()]
        values = tuple(sorted({(category_id, page.value) for page in binary if page.value}))
        height, width = binary[0].pixels.shape
        return MaskContent((height, width), layers, None, len(binary), values)
    pages: list[NDArray[np.integer]] = []
    if meaning.colours:
        pages += read_colour_pages(mask.path, dict(meaning.colours), void=meaning.void, check=check)
    else:
        pages += read_index_pages(mask.path, meaning.count, void=meaning.void, check=check)
    height, width = pages[0].shape
    whole = meaning.numbered or len(pages) > 1
    layers = [layer for page in pages for layer in _layers(page, mask, meaning.count, whole=whole)]
    void = np.logical_or.reduce([page == VOID for page in pages]) if meaning.count < VOID else None
    return MaskContent((height, width), layers, void if void is not None and void.any() else None, len(pages), ())


def _check_fits(path: Path, image: tuple[int, int] | None, size: tuple[int, int]) -> None:
    if image is not None:
        check_mask_size(path, size, image)


def check_same_values(images: MaskValues) -> None:
    """Raise InputError if the masks of one category mark defects by several values, which may be types.

    `images` has, for each file name, (category id, grey value) of its masks. 1, 255 and 65535 count as equal.
    """
    first: dict[int, dict[int, str]] = {}
    for file_name, values in images:
        for category_id, value in values:
            first.setdefault(category_id, {}).setdefault(value, file_name)
    for names in first.values():
        if len(names) > 1 and not WHITE_VALUES.issuperset(names):
            some = ", ".join(f"{value} in the mask of {names[value]}" for value in sorted(names)[:SHOWN])
            problem = f"the masks mark defects with different values ({some}), which may be defect types"
            remedy = "give --categories A,B,C if they are types, or --threshold 1 if they all mean the same"
            raise InputError(next(iter(names.values())), problem, remedy)


def _layers(page: "NDArray[np.integer]", mask: MaskFile, count: int, *, whole: bool) -> Iterator[MaskLayer]:
    import numpy as np

    present = [int(k) for k in np.unique(page) if 0 < k <= count]
    objects = _read_objects(mask, page)
    for k in present:
        pixels = page == k
        if objects is None:
            yield MaskLayer(k, pixels, whole)
            continue
        for code in np.unique(objects[pixels]).tolist():
            yield MaskLayer(k, pixels & (objects == code), code != 0)


def _read_objects(mask: MaskFile, page: "NDArray[np.integer]") -> "NDArray[np.uint32] | None":
    from datasets.images.colour_mask import read_object_codes

    if mask.objects is None:
        return None
    codes = read_object_codes(mask.objects)
    if codes.shape != page.shape:
        problem = f"{_size(codes)} pixels, but the mask of its types has {_size(page)}"
        raise InputError(mask.objects, problem, "export both again")
    return codes


def _size(values: "NDArray[np.integer]") -> str:
    return f"{values.shape[1]} x {values.shape[0]}"
