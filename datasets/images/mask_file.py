"""Read mask images: binary and grey masks, and index masks."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from datasets.images.mask_pages import SizeCheck, read_pages
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

INVERTED_SHARE = 0.5  # of the pixels of an image
PLAIN_MODE = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
VOID = 255  # index of the pixels without a type in masks of Pascal VOC: the borders of objects


class BinaryMask(msgspec.Struct, frozen=True):
    """`pixels` is H x W bool, True on the defect; `value` is the grey value of the defect, 0 without a defect."""

    pixels: "NDArray[np.bool_]"
    value: int


def read_mask(
    path: Path, threshold: int | None = None, *, empty_ok: bool = False, check: SizeCheck | None = None
) -> "NDArray[np.bool_]":
    """Decode a ground-truth mask to H x W bool, True on the defect.

    Without `threshold` the mask may have at most two values, one of them 0. With it, pixels from that grey value
    on are the defect. Palette images are read by their colours, not by their indices. `check` gets width and
    height before the mask is decoded. Raises InputError for more values, several colours, several pages, a mask
    drawn in its alpha channel and, unless `empty_ok`, a mask without a defect.
    """
    grey = read_pages(path, partial(_read_values, path=path, by_colour=True), check=check)[0]
    return _binary(path, grey, threshold, empty_ok=empty_ok).pixels


def read_mask_pages(
    path: Path, threshold: int | None = None, *, check: SizeCheck | None = None
) -> list[BinaryMask]:
    """The masks of all pages of a file, each read by the rules of `read_mask`; only a TIFF may have several pages.

    A page may be all black. Raises InputError as `read_mask` does.
    """
    pages = read_pages(path, partial(_read_values, path=path, by_colour=True), several=True, check=check)
    return [_binary(path, grey, threshold, empty_ok=True) for grey in pages]


def read_indices(path: Path, count: int, *, void: bool = False) -> "NDArray[np.integer]":
    """Decode an index mask to H x W integers: 0 background, k the k-th of `count` categories.

    With `void`, pixels of the value VOID are allowed.
    Raises InputError for other values and for colours without a palette.
    """
    return _indices(path, read_pages(path, partial(_read_values, path=path, by_colour=False))[0], count, void=void)


def read_index_pages(
    path: Path, count: int, *, void: bool = False, check: SizeCheck | None = None
) -> "list[NDArray[np.integer]]":
    """The index masks of all pages of a file, as `read_indices` reads them; only a TIFF may have several pages."""
    pages = read_pages(path, partial(_read_values, path=path, by_colour=False), several=True, check=check)
    return [_indices(path, values, count, void=void) for values in pages]


def looks_inverted(mask: "NDArray[np.bool_]") -> bool:
    """Whether a mask marks more than INVERTED_SHARE of its image, as black defects on white do."""
    return bool(mask.mean() > INVERTED_SHARE)


def _binary(path: Path, grey: "NDArray[np.integer]", threshold: int | None, *, empty_ok: bool) -> BinaryMask:
    import numpy as np

    largest = grey.max()
    if threshold is not None:
        mask = grey >= threshold
        if not (empty_ok or mask.any()):
            remedy = "lower it" if largest > 0 else "draw the defect, or move the image to the good ones"
            raise InputError(path, f"no pixel reaches --threshold {threshold} (largest is {largest})", remedy)
        return BinaryMask(mask, 0)
    if largest == 0 and not empty_ok:
        raise InputError(path, "the mask is all black", "draw the defect, or move the image to the good ones")
    mask = grey == largest if largest else np.zeros(grey.shape, np.bool_)
    if np.count_nonzero(grey) != np.count_nonzero(mask):
        values = np.unique(grey)
        some = ", ".join(str(v) for v in values[:6]) + (", ..." if len(values) > 6 else "")
        raise InputError(
            path,
            f"{len(values)} grey values ({some}), but a mask has only 0 and one other",
            "give --threshold T to take values >= T as the defect",
        )
    return BinaryMask(mask, int(largest))


def _indices(path: Path, indices: "NDArray[np.integer]", count: int, *, void: bool) -> "NDArray[np.integer]":
    import numpy as np

    if indices.dtype.kind not in "iu":
        raise InputError(path, "an index mask with fractional values", "save it as an 8-bit image")
    if indices.max() > count or indices.min() < 0:
        unknown = [int(v) for v in np.unique(indices) if not (0 <= v <= count or (void and v == VOID))]
        if unknown:
            some = ", ".join(map(str, unknown[:6])) + (", ..." if len(unknown) > 6 else "")
            problem = f"values {some} in an index mask of {count} categories"
            raise InputError(path, problem, _index_remedy(unknown))
    return indices


def _index_remedy(unknown: list[int]) -> str:
    if unknown == [VOID]:
        return f"give --category NAME if {VOID} is a defect, or --void ignore if it is void as in Pascal VOC"
    return "name more categories or repaint the mask"


def _read_values(image: "Image", path: Path, *, by_colour: bool) -> "NDArray[np.integer]":
    """H x W values of a mask page. For a palette image these are the indices, or the colours with `by_colour`."""
    import numpy as np

    if by_colour and image.mode in {"P", "PA"}:
        indices = np.asarray(image if image.mode == "P" else image.getchannel("P"))
        has_alpha = image.mode == "PA" or "transparency" in image.info
        return _palette_values(path, np.asarray(image.convert("RGBA" if has_alpha else "RGB")), indices)
    plain = PLAIN_MODE.get(image.mode)
    values = np.asarray(image.convert(plain) if plain else image)
    return _grey_values(path, values) if values.ndim == 3 else values


def _grey_values(path: Path, values: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """The H x W grey values of H x W x 2 to 4 channels, which must be grey."""
    colours = values[:, :, : 1 if values.shape[2] == 2 else 3]
    if (colours != colours[:, :, :1]).any():
        remedy = "save a grey mask with 0 and 255, or give convert masks2coco --colours NAME=R,G,B"
        raise InputError(path, "the mask is coloured", remedy)
    if values.shape[2] in {2, 4}:
        alpha = values[:, :, -1]
        if colours[alpha == 0].any():
            raise InputError(path, "the mask has a value where it is transparent", "save it without transparency")
        if not colours.any() and (alpha != alpha[0, 0]).any():
            problem = "the mask is black everywhere and drawn by its transparency"
            raise InputError(path, problem, "save it as a grey image with 0 and 255")
    return colours[:, :, 0]


def _palette_values(path: Path, colours: "NDArray[np.uint8]", indices: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """H x W values of a palette image: its greys, or the brightest channel if only one colour is not black."""
    import numpy as np

    rgb = colours[:, :, :3]
    if (rgb == rgb[:, :, :1]).all():
        return _grey_values(path, colours)
    marked = rgb.any(axis=2)
    others = np.unique(rgb[marked], axis=0)
    used = np.unique(indices[marked]).tolist()
    if len(others) > 1 or max(used) > 1:
        problem = f"a palette mask with the indices {', '.join(map(str, used[:6]))}, which may be defect types"
        raise InputError(path, problem, "give --categories A,B,C to read its indices")
    return np.ascontiguousarray(rgb.max(axis=2))
