"""Whether a person changed a proposed shape: a mark of the proposal is kept in the shape and compared.

labelme 6 and 7 and X-AnyLabeling keep keys of a shape that they do not know. labelme compresses the PNG of a mask
again, so its pixels count. X-AnyLabeling writes a rectangle as its four corners, so two of them count.
"""

import hashlib
import io
from base64 import b64decode

import msgspec

from datasets.formats.labelme import Point, Shape

DIGITS = 2  # of a coordinate in pixels


def marked(shape: Shape) -> Shape:
    """A proposed shape with the mark of its label and outline."""
    return msgspec.structs.replace(shape, proposed=proposal_mark(shape))


def is_changed(shape: Shape) -> bool:
    """Whether the label or the outline differs from what was proposed; False for a shape without a mark."""
    return isinstance(shape.proposed, str) and shape.proposed != proposal_mark(shape)


def proposal_mark(shape: Shape) -> str:
    """Hash of the label, the type and the outline of a shape: coordinates to 0.01 pixels, of a mask its pixels."""
    corners = _two_corners(shape.points) if shape.kind == "rectangle" else shape.points
    points = [[round(x, DIGITS) + 0.0, round(y, DIGITS) + 0.0] for x, y in corners]  # + 0.0: no -0.0
    content = [shape.label, shape.kind, points, _mask_pixels(shape.mask) if shape.mask else None]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]


def _two_corners(points: list[Point]) -> list[Point]:
    """The first and the third of four points if these are the corners of an upright rectangle, else `points`."""
    if len(points) != 4:
        return points
    (x0, y0), second, (x1, y1), fourth = points
    return [points[0], points[2]] if second == (x1, y0) and fourth == (x0, y1) else points


def _mask_pixels(mask: str) -> str:
    """Hash of the pixels of a PNG in base64; of the text if it cannot be decoded."""
    import numpy as np

    from datasets.images.decode_limit import DECODE_ERRORS, open_image

    try:
        with open_image(io.BytesIO(b64decode(mask, validate=True)), ("PNG",)) as png:
            pixels = np.asarray(png) > 0
    except (*DECODE_ERRORS, ValueError):
        return mask
    return hashlib.sha256(repr(pixels.shape).encode() + np.packbits(pixels).tobytes()).hexdigest()
