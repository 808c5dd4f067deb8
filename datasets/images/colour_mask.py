"""Read masks whose colours name the defect types, such as those of CVAT and Pascal VOC."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.mask_file import VOID
from datasets.images.mask_pages import SizeCheck, read_pages
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Colour = tuple[int, int, int]
BACKGROUND: Colour = (0, 0, 0)
VOID_COLOUR: Colour = (224, 224, 192)  # of index 255 in Pascal VOC's palette
SHOWN = 6  # colours in a message


def read_colour_pages(
    path: Path, indices: Mapping[Colour, int], *, void: bool = False, check: SizeCheck | None = None
) -> "list[NDArray[np.uint8]]":
    """The pages of a coloured mask as H x W indices by `indices`; only a TIFF may have several pages.

    Black is 0 unless `indices` contains black. With `void`, VOID_COLOUR becomes VOID. Raises InputError for
    unknown colours, with a list of the colours, and for pixels that are partly or wholly transparent.
    """
    known = {BACKGROUND: 0} | ({VOID_COLOUR: VOID} if void else {}) | dict(indices)
    pages = read_pages(path, partial(_codes, path=path), several=True, check=check)
    return [_index(path, codes, known) for codes in pages]


def read_object_codes(path: Path) -> "NDArray[np.uint32]":
    """A mask with a colour for each object, as H x W codes: 0 for black and for VOID_COLOUR. Raises InputError."""
    import numpy as np

    codes = read_pages(path, partial(_codes, path=path))[0]
    return np.where(codes == _code(VOID_COLOUR), np.uint32(0), codes)


def format_colour(colour: Sequence[int]) -> str:
    """A colour in the form of the options.

    >>> format_colour((250, 50, 83))
    '250,50,83'
    """
    return ",".join(map(str, colour))


def _codes(image: "Image", path: Path) -> "NDArray[np.uint32]":
    """The colours of a page as H x W integers 0xRRGGBB."""
    import numpy as np

    if image.mode in {"LA", "PA", "RGBA", "La", "RGBa"} or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA"))
        if (rgba[:, :, 3] != 255).any():
            raise InputError(path, "a coloured mask with transparent pixels", "save it without transparency")
        rgb = rgba[:, :, :3]
    elif image.mode in {"1", "L", "P", "RGB"}:
        rgb = np.asarray(image.convert("RGB"))
    else:
        raise InputError(path, f"a coloured mask of mode {image.mode}", "save it as an RGB or palette PNG")
    wide: NDArray[np.uint32] = rgb.astype(np.uint32)
    shifts = np.array([16, 8, 0], np.uint32)
    codes: NDArray[np.uint32] = np.bitwise_or.reduce(wide << shifts, axis=2)
    return codes


def _index(path: Path, codes: "NDArray[np.uint32]", known: Mapping[Colour, int]) -> "NDArray[np.uint8]":
    import numpy as np

    values = np.zeros(codes.shape, np.uint8)
    unmatched = np.ones(codes.shape, np.bool_)
    for colour, index in known.items():
        same = codes == _code(colour)
        values[same] = index
        unmatched &= ~same
    if unmatched.any():
        found, counts = np.unique(codes[unmatched], return_counts=True)
        pairs = zip(map(_colour, found.tolist()), counts.tolist(), strict=True)
        largest = sorted(pairs, key=lambda pair: -pair[1])
        some = "; ".join(f"{format_colour(colour)} on {count} px" for colour, count in largest[:SHOWN])
        more = f" and {len(largest) - SHOWN} more" if len(largest) > SHOWN else ""
        raise InputError(path, f"unknown colours ({some}{more})", _remedy([colour for colour, _ in largest]))
    return values


def _remedy(unknown: Sequence[Colour]) -> str:
    if VOID_COLOUR in unknown:
        return f"give --void ignore or --void leave-out for {format_colour(VOID_COLOUR)}, as Pascal VOC writes it"
    if len(unknown) > SHOWN:
        return "save the masks without smoothing and not as JPEG"
    return "give a --colours NAME=R,G,B for each"


def _colour(code: int) -> Colour:
    return code >> 16, code >> 8 & 255, code & 255


def _code(colour: Colour) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]
