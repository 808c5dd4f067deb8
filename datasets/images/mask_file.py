"""Read mask images: binary and grey masks, and index masks."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.image_file import disable_decompression_bomb_check
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_PIXELS_PER_BYTE = 8 * 1040  # of a PNG file: deflate repeats at most 258 bytes with 2 bits
INVERTED_SHARE = 0.5  # of the pixels of an image
PLAIN_MODE = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}


def read_mask(path: Path, threshold: int | None = None, *, empty_ok: bool = False) -> "NDArray[np.bool_]":
    """Decode a ground-truth mask to H x W bool, True where the defect is.

    Without `threshold` the mask must hold at most two values, one of them 0. With it, pixels of that grey value
    and above are the defect. Of a palette image the colours count and not the indices. Raises InputError for more
    values, several colours, several pages, a mask drawn by its transparency and, unless `empty_ok`, a mask without
    a defect.
    """
    import numpy as np

    grey = _read_values(path, by_colour=True)
    if threshold is not None:
        mask = grey >= threshold
        if not (empty_ok or mask.any()):
            remedy = "lower it" if grey.any() else "draw the defect, or move the image to the good ones"
            raise InputError(path, f"no pixel reaches --threshold {threshold} (largest is {grey.max()})", remedy)
        return mask
    largest = grey.max()
    if largest == 0 and not empty_ok:
        raise InputError(path, "the mask is all black", "draw the defect, or move the image to the good ones")
    mask = grey == largest if largest else np.zeros(grey.shape, np.bool_)
    if np.count_nonzero(grey) != np.count_nonzero(mask):
        values = np.unique(grey)
        some = ", ".join(str(v) for v in values[:6]) + (", ..." if len(values) > 6 else "")
        raise InputError(
            path,
            f"{len(values)} grey values ({some}) where a mask has 0 and one other",
            "give --threshold T to take values >= T as the defect",
        )
    return mask


def read_indices(path: Path, count: int) -> "NDArray[np.integer]":
    """Decode an index mask to H x W integers: 0 background, k the k-th of `count` categories.

    Raises InputError for larger values and for colours without a palette.
    """
    import numpy as np

    indices = _read_values(path, by_colour=False)
    if indices.dtype.kind not in "iu":
        raise InputError(path, "an index mask with fractions", "save it as an 8-bit image")
    if indices.max() > count or indices.min() < 0:
        unknown = [int(v) for v in np.unique(indices) if not 0 <= v <= count]
        some = ", ".join(map(str, unknown[:6])) + (", ..." if len(unknown) > 6 else "")
        problem = f"values {some} in an index mask of {count} categories"
        raise InputError(path, problem, "name more categories or repaint the mask")
    return indices


def looks_inverted(mask: "NDArray[np.bool_]") -> bool:
    """Whether a mask marks more than INVERTED_SHARE of its image, as black defects on white do."""
    return bool(mask.mean() > INVERTED_SHARE)


def _read_values(path: Path, *, by_colour: bool) -> "NDArray[np.integer]":
    """H x W values of a mask file. Of a palette they are the indices, or with `by_colour` those of the colours."""
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    disable_decompression_bomb_check()
    try:
        with Image.open(path) as image:
            if image.format == "PNG" and image.width * image.height > MAX_PIXELS_PER_BYTE * path.stat().st_size:
                raise InputError(
                    path, f"{image.width} x {image.height} pixels in so few bytes", "replace it by a whole copy"
                )
            if (pages := getattr(image, "n_frames", 1)) > 1:
                raise InputError(path, f"a mask of {pages} pages", "save each page as a mask of its own")
            if by_colour and image.mode in {"P", "PA"}:
                indices = np.asarray(image if image.mode == "P" else image.getchannel("P"))
                has_alpha = image.mode == "PA" or "transparency" in image.info
                return _palette_values(path, np.asarray(image.convert("RGBA" if has_alpha else "RGB")), indices)
            plain = PLAIN_MODE.get(image.mode)
            values = np.asarray(image.convert(plain) if plain else image)
    except UnidentifiedImageError:
        raise InputError(path, "not an image", "replace it by a PNG mask") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(path, f"cannot be read as a mask ({error})", "replace it by a whole copy") from None
    return _grey_values(path, values) if values.ndim == 3 else values


def _grey_values(path: Path, values: "NDArray[np.uint8]") -> "NDArray[np.uint8]":
    """The H x W grey values of H x W x 2 to 4 channels, which must be grey."""
    colours = values[:, :, : 1 if values.shape[2] == 2 else 3]
    if (colours != colours[:, :, :1]).any():
        remedy = "save a grey mask with 0 and 255 for each defect type, or an index mask for --categories"
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
    """H x W values of a palette image: its greys, or the brightest channel where only one colour is not black."""
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
