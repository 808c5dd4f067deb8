"""Read the PNG inside a labelme `mask` shape; its size is checked before it is decoded."""

import base64
import binascii
import io
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.formats.labelme import Shape
from datasets.images.decode_limit import DECODE_ERRORS, open_image
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PLAIN_MODES = frozenset({"1", "L", "P"})


def read_shape_mask(
    path: Path | str, index: int, shape: Shape, height: int, width: int
) -> "tuple[int, int, NDArray[np.bool_]]":
    """Read the mask of shape `index` of the labelme file `path`: (x, y of its first pixel, h x w bool).

    Its image has height x width pixels. The box of the two points is inclusive. labelme rounds corners that are
    not whole pixels, so the PNG may differ from the box by one pixel. Raises InputError if the PNG cannot be
    decoded, is not grey, or does not fit its box or its image.
    """
    import numpy as np
    from PIL import UnidentifiedImageError

    where = f"$.shapes[{index}].mask"
    try:
        packed = base64.b64decode(shape.mask or "", validate=True)
        with open_image(io.BytesIO(packed), ("PNG",)) as png:
            (x0, y0), (x1, y1) = ((round(x), round(y)) for x, y in shape.points)
            columns, rows = png.size
            if abs(abs(x1 - x0) + 1 - columns) > 1 or abs(abs(y1 - y0) + 1 - rows) > 1:
                box = f"{abs(x1 - x0) + 1} x {abs(y1 - y0) + 1}"
                problem = f"{where} is {columns} x {rows} pixels, but the box of its points is {box}"
                raise InputError(path, problem, "redraw the shape")
            if columns > width or rows > height:
                problem = f"{where} is {columns} x {rows} pixels, larger than its image of {width} x {height}"
                raise InputError(path, problem, "redraw the shape")
            if png.mode not in PLAIN_MODES:
                problem = f"{where} is a PNG of mode {png.mode}, but a mask is grey"
                raise InputError(path, problem, "redraw the shape")
            return min(x0, x1), min(y0, y1), np.asarray(png) > 0
    except binascii.Error as error:
        raise InputError(path, f"{where} is not base64: {error}", "redraw the shape") from None
    except UnidentifiedImageError:
        raise InputError(path, f"{where} is not a PNG", "redraw the shape") from None
    except DECODE_ERRORS as error:
        raise InputError(path, f"{where} is a damaged PNG: {error}", "redraw the shape") from None
