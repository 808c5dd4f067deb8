"""Picture files: what is one, how large it is, whether it is whole, its pixels."""

import io
import os
import struct
from collections.abc import Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from isal import isal_zlib

from datasets.coco import MAX_PIXELS
from datasets.images.header import PNG_SIGNATURE, plain_jpeg, plain_png
from system.errors import InputError
from system.files import has_suffix

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image


SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
PLAIN_PNGS = (b"\x08\x00", b"\x08\x02")  # bit depth and colour type: 8-bit grey, 8-bit RGB
EXIF_ORIENTATION = 0x0112
TIFF_SIZE = (256, 257)  # tags of width and height as stored
PNG_CHUNK, PNG_CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")


class ImageInfo(msgspec.Struct, frozen=True):
    """Width and height in pixels as stored, Pillow mode, EXIF orientation (1 is upright)."""

    width: int
    height: int
    mode: str
    orientation: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width in pixels once turned upright by the EXIF orientation, as viewers show the image."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def is_image(path: Path | str) -> bool:
    """Whether the name of `path` is that of a picture; hidden files are none."""
    return has_suffix(path, SUFFIXES)


def list_images(folder: Path) -> list[Path]:
    """The pictures directly in `folder`, sorted by name."""
    with os.scandir(folder) as entries:  # asks the system once for all; a Path that was asked keeps its text
        # a link to nothing is told when it is read
        files = {entry.name for entry in entries if not entry.is_dir()}
    return sorted(p for p in folder.iterdir() if p.name in files and is_image(p))


def read_info(path: Path) -> ImageInfo:
    """Read size, mode and orientation from the header of `path` and check that the file is whole.

    A PNG has the checksum of each chunk verified, a JPEG its end marker sought: enough to find truncated and
    damaged files without decoding any pixel. Raises InputError.
    """
    return parse_info(path, read_image_bytes(path))


def parse_info(path: Path | str, data: bytes) -> ImageInfo:
    """`read_info` of the picture `data`, the bytes of `path`."""
    # Pillow decodes a whole PNG to look for a late eXIf chunk, so it is asked only where there is one.
    may_be_rotated = check_whole(path, data)
    header = plain_jpeg(data) or (None if may_be_rotated else plain_png(data))
    info = ImageInfo(*header) if header is not None else _info_by_pillow(path, data, may_be_rotated)
    if info.width * info.height > MAX_PIXELS:
        problem = f"{info.width} x {info.height} pixels, more than run lengths can count"
        raise InputError(path, problem, "cut it into smaller pictures")
    return info


def _info_by_pillow(path: Path | str, data: bytes, may_be_rotated: bool) -> ImageInfo:
    with _open(path, data) as image:
        orientation = image.getexif().get(EXIF_ORIENTATION, 1) if may_be_rotated else 1
        size = image.size
        if isinstance(tags := getattr(image, "tag_v2", None), Mapping) and {*TIFF_SIZE} <= tags.keys():
            size = (int(tags[TIFF_SIZE[0]]), int(tags[TIFF_SIZE[1]]))  # Pillow gives that of the upright picture
        return ImageInfo(*size, image.mode, orientation if orientation in range(1, 9) else 1)


def check_whole(path: Path | str, data: bytes) -> bool:
    """Whether the picture `data`, read from `path`, may hold EXIF.

    Raises InputError for a truncated or damaged PNG or JPEG.
    """
    if data.startswith(PNG_SIGNATURE):
        return _check_png(path, data)
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-4096:]:
        raise InputError(path, "the JPEG is truncated (no end marker)", "replace it by a whole copy")
    return True


def read_rgb(path: Path) -> "NDArray[np.uint8]":
    """Decode `path` to H x W x 3 uint8 RGB, upright by its EXIF orientation.

    Grey is repeated, alpha is dropped, 16-bit values keep their high byte. Raises InputError.
    """
    import numpy as np
    from PIL import ImageOps

    data = read_image_bytes(path)
    plain = _decode_plain_png(path, data)
    if plain is not None:
        return plain
    try:
        with _open(path, data) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I") or image.mode == "F":
                deep = np.asarray(image)
                grey = np.clip(deep.astype(np.int64) >> 8, 0, 255).astype(np.uint8)
                return np.repeat(grey[:, :, None], 3, axis=2)
            if image.mode in {"P", "PA", "LA"}:
                image = image.convert("RGBA")
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise _unreadable(path, error) from None


def read_sized(path: Path, width: int, height: int) -> "NDArray[np.uint8]":
    """`read_rgb` of a picture that is listed with a size in pixels. Raises InputError where it has another."""
    rgb = read_rgb(path)
    check_size(path, rgb, width, height)
    return rgb


def check_size(where: Path | str, rgb: "NDArray[np.uint8]", width: int, height: int) -> None:
    """Raise InputError where the H x W x 3 picture is not as large as it is listed."""
    if rgb.shape[:2] != (height, width):
        told = f"{rgb.shape[1]} x {rgb.shape[0]} pixels, listed as {width} x {height}"
        raise InputError(where, told, "convert the dataset anew")


def _decode_plain_png(path: Path, data: bytes) -> "NDArray[np.uint8] | None":
    """The pixels of a PNG of 8 bits, grey or RGB, by OpenCV: the same as Pillow's in half the time; else None."""
    if not data.startswith(PNG_SIGNATURE) or check_whole(path, data):
        return None
    if plain_png(data) is None or data[24:26] not in PLAIN_PNGS:
        return None
    import cv2
    import numpy as np

    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error:  # more than 2^30 pixels
        return None
    return None if decoded is None else np.asarray(decoded, np.uint8)


def _open(path: Path | str, data: bytes | None = None) -> "Image":
    from PIL import Image, UnidentifiedImageError

    disable_decompression_bomb_check()
    try:
        return Image.open(path if data is None else io.BytesIO(data))
    except (UnidentifiedImageError, SyntaxError, ValueError, OSError) as error:
        raise _unreadable(path, error) from None


def disable_decompression_bomb_check() -> None:
    """Let Pillow open pictures of any size: stitched line-scan pictures are large and no attack."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None


def read_image_bytes(path: Path | str) -> bytes:
    """The bytes of a picture file. Raises InputError."""
    try:
        with FileIO(path) as file:
            return file.readall()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path | str, error: Exception) -> InputError:
    if isinstance(error, FileNotFoundError):
        return InputError(path, "no such picture", "check the path")
    if isinstance(error, PermissionError):
        return InputError(path, "permission denied", "check who owns it")
    reason = "not a picture" if "cannot identify" in str(error) else str(error)
    return InputError(path, f"cannot be read as a picture ({reason})", "replace it by a whole copy")


def _check_png(path: Path | str, data: bytes) -> bool:
    position = len(PNG_SIGNATURE)
    view = memoryview(data)
    has_exif = False
    while position + 12 <= len(data):
        length, kind = PNG_CHUNK.unpack_from(data, position)
        end = position + 12 + length
        if end > len(data):
            break
        if (isal_zlib.crc32(view[position + 4 : end - 4]),) != PNG_CHECKSUM.unpack_from(data, end - 4):
            raise InputError(path, "the PNG is damaged (a checksum does not match)", "replace it by a whole copy")
        if kind == b"IEND":
            return has_exif
        # text chunks, packed or not, are where EXIF was kept before the eXIf chunk
        has_exif |= kind == b"eXIf" or data.startswith(b"Raw profile type exif", position + 8)
        position = end
    raise InputError(path, "the PNG is truncated", "replace it by a whole copy")


def find_images(paths: Sequence[Path]) -> list[Path]:
    """Picture files from files and folders, folders with what lies below them, sorted. Raises InputError."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            below = sorted(p for p in path.rglob("*") if is_image(p) and p.is_file())
            if not below:
                raise InputError(
                    path, "no picture in this folder", "name a folder with PNG, JPEG, BMP or TIFF files"
                )
            files += below
        else:
            files.append(path)
    return list(dict.fromkeys(files))
