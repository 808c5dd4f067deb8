"""Read mask images: binary and grey masks, and index masks."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets.images.image_file import disable_decompression_bomb_check
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PNG_MOST = 8 * 1040  # pixels in a byte of a PNG: deflate repeats at most 258 bytes with 2 bits
PLAIN_MODE = {"1": "L", "CMYK": "RGB", "YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}


def read_mask(path: Path, threshold: int | None = None, *, empty_ok: bool = False) -> "NDArray[np.bool_]":
    """Decode a ground-truth mask to H x W bool, True where the defect is.

    Without `threshold` the mask must hold at most two values, one of them 0. With it, pixels of that grey value
    and above are the defect. Raises InputError for more values, for colours and, unless `empty_ok`, for a mask
    without a defect.
    """
    import numpy as np

    grey = _read_grey(path)
    if threshold is not None:
        mask = grey >= threshold
        if not (empty_ok or mask.any()):
            raise InputError(
                path, f"no pixel reaches --threshold {threshold} (largest is {grey.max()})", "lower it"
            )
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

    indices = _read_grey(path)
    if indices.dtype.kind not in "iu":
        raise InputError(path, "an index mask with fractions", "save it as an 8-bit picture")
    if indices.max() > count or indices.min() < 0:
        unknown = [int(v) for v in np.unique(indices) if not 0 <= v <= count]
        some = ", ".join(map(str, unknown[:6])) + (", ..." if len(unknown) > 6 else "")
        problem = f"values {some} in an index mask of {count} categories"
        raise InputError(path, problem, "name more categories or repaint the mask")
    return indices


def _read_grey(path: Path) -> "NDArray[np.int32]":
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    disable_decompression_bomb_check()
    try:
        with Image.open(path) as image:
            if image.format == "PNG" and image.width * image.height > PNG_MOST * path.stat().st_size:
                raise InputError(
                    path, f"{image.width} x {image.height} pixels in so few bytes", "replace it by a whole copy"
                )
            plain = PLAIN_MODE.get(image.mode)
            values = np.asarray(image.convert(plain) if plain else image)
    except UnidentifiedImageError:
        raise InputError(path, "not a picture", "replace it by a PNG mask") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(path, f"cannot be read as a mask ({error})", "replace it by a whole copy") from None
    if values.ndim == 3:
        colours = values[:, :, : 1 if values.shape[2] == 2 else 3]
        if (colours != colours[:, :, :1]).any():
            raise InputError(path, "the mask is coloured", "save it as a grey picture with 0 and 255")
        if values.shape[2] in {2, 4} and colours[values[:, :, -1] == 0].any():
            raise InputError(path, "the mask has a value where it is transparent", "save it without transparency")
        values = colours[:, :, 0]
    return values
