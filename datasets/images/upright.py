"""Write images with an EXIF orientation as labelme shows them, so that no later reader rotates them again."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets.images.bit_depth import read_deep
from datasets.images.decode_limit import DECODE_ERRORS, check_decodable, open_image
from datasets.images.image_file import EXIF_ORIENTATION
from system.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

JPEG_QUALITY = 95


def upright(path: Path | str, data: bytes, *, turn: bool) -> tuple[bytes, str]:
    """The image `data` of the file `path` without EXIF orientation, in the same format, and the method used.

    With `turn` the pixels are rotated by the orientation, otherwise they stay as stored. A JPEG is encoded again
    (quality 95, colours at full resolution); other formats lose nothing. Raises InputError for an image that
    cannot be decoded or would lose some of its bits.
    """
    buffer = io.BytesIO()
    with _decoded(path, data, turn=turn) as (stored, rotated):
        kind = stored.format or "PNG"
        exif = rotated.getexif()
        exif.pop(EXIF_ORIENTATION, None)
        rotated.save(buffer, kind, **_save_options(kind, exif.tobytes(), stored.info.get("icc_profile")))
    return buffer.getvalue(), f"encoded again, quality {JPEG_QUALITY}" if kind == "JPEG" else "lossless"


def check_can_turn(path: Path | str, data: bytes) -> None:
    """Raise InputError for an image with an EXIF orientation that cannot be written upright."""
    with _decoded(path, data, turn=True):
        pass


@contextmanager
def _decoded(path: Path | str, data: bytes, *, turn: bool) -> "Iterator[tuple[Image, Image]]":
    """The image as stored, and the one to write. Errors in the block are raised as errors of the image."""
    from PIL import ImageOps

    read_deep(path, data)
    try:
        with open_image(io.BytesIO(data)) as stored:
            check_decodable(path, *stored.size)
            yield stored, ImageOps.exif_transpose(stored) if turn else stored.copy()
    except DECODE_ERRORS as error:
        raise InputError(path, f"cannot be turned upright ({error})", "save it upright") from None


def _save_options(kind: str, exif: bytes, icc_profile: bytes | None) -> dict[str, Any]:
    kept = {"exif": exif, "icc_profile": icc_profile}
    if kind == "JPEG":
        return {"quality": JPEG_QUALITY, "subsampling": 0, **kept}
    if kind == "WEBP":
        return {"lossless": True, "exact": True, **kept}
    return kept if kind == "PNG" else {}
