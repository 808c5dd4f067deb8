"""Image files: which files are images, their size, and whether they are complete."""

import io
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from isal import isal_zlib

from datasets.coco import MAX_PIXELS
from datasets.images.decode_limit import DECODE_ERRORS, check_decodable, open_image
from datasets.images.file_size import check_image_file
from datasets.images.no_image import no_image
from system.errors import InputError
from system.files import check_regular, has_suffix, read_file

if TYPE_CHECKING:
    from PIL.Image import Image


SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF_ORIENTATION = 0x0112
TIFF_SIZE = (256, 257)  # tags of width and height as stored
# after the signature: length, kind, width, height, bits, colours, filter, interlaced; kind of the next chunk
PNG_HEADER = struct.Struct(">8xI4sIIBBxBB8x4s")
PNG_MODES = {(8, 0): "L", (8, 2): "RGB", (8, 6): "RGBA"}  # (bits, colours)
PNG_CHUNK, PNG_CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")


class ImageInfo(msgspec.Struct, frozen=True):
    """Width and height in pixels as stored, Pillow mode, EXIF orientation (1 is upright)."""

    width: int
    height: int
    mode: str
    orientation: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """Height and width in pixels of the upright image (EXIF orientation applied), as viewers show it."""
        return (self.width, self.height) if self.orientation >= 5 else (self.height, self.width)


def is_image(path: Path | str) -> bool:
    """Whether `path` has the name of an image file; False for hidden files."""
    return has_suffix(path, SUFFIXES)


def list_images(folder: Path) -> list[Path]:
    """The image files directly in `folder`, sorted by name."""
    with os.scandir(folder) as entries:  # one system call for all entries
        # a broken link is reported when it is read
        files = {entry.name for entry in entries if not entry.is_dir()}
    return sorted(p for p in folder.iterdir() if p.name in files and is_image(p))


def read_info(path: Path) -> ImageInfo:
    """Read size, mode and orientation from the header of `path` and check that the file is complete.

    Verifies the checksum of each chunk of a PNG and finds the end marker of a JPEG, which detects truncated and
    damaged files without decoding pixels. Raises InputError for those and for files that are not images.
    """
    return parse_info(path, read_image_bytes(path))


def parse_info(path: Path | str, data: bytes) -> ImageInfo:
    """`read_info` of `data`, the bytes of the image file `path`."""
    # To find a late eXIf chunk, Pillow decodes the whole PNG. Call it only if there is such a chunk.
    may_be_rotated = check_whole(path, data)
    info = None if may_be_rotated else _plain_png(data)
    return info or _parse_by_pillow(path, data, may_be_rotated=may_be_rotated)


def _plain_png(data: bytes) -> ImageInfo | None:
    """What Pillow states of a PNG of 8 bits whose pixels follow its header at once; None for any other file.

    Pillow takes 10 times as long to open a small image as to read its header.
    """
    if len(data) < PNG_HEADER.size or not data.startswith(PNG_SIGNATURE):
        return None
    length, kind, width, height, bits, colours, filters, interlaced, next_kind = PNG_HEADER.unpack_from(data)
    mode = PNG_MODES.get((bits, colours))
    is_plain = (length, kind, next_kind, filters, interlaced) == (13, b"IHDR", b"IDAT", 0, 0)
    if mode is None or not is_plain or not 0 < width * height <= MAX_PIXELS:
        return None
    return ImageInfo(width, height, mode, 1)


def _parse_by_pillow(path: Path | str, data: bytes, *, may_be_rotated: bool) -> ImageInfo:
    with _open(path, data) as image:
        if may_be_rotated and image.format == "PNG":
            check_decodable(path, *image.size)
        try:
            info = _info(image, may_be_rotated=may_be_rotated)
        except DECODE_ERRORS as error:
            raise unreadable(path, error) from None
    if info.width < 1 or info.height < 1:
        raise InputError(path, f"{info.width} x {info.height} pixels", "replace it with an intact copy")
    if info.width * info.height > MAX_PIXELS:
        problem = f"{info.width} x {info.height} pixels, more than COCO run lengths can hold"
        raise InputError(path, problem, "cut it into smaller images")
    return info


def _info(image: "Image", *, may_be_rotated: bool) -> ImageInfo:
    orientation = image.getexif().get(EXIF_ORIENTATION, 1) if may_be_rotated else 1
    size = image.size
    if isinstance(tags := getattr(image, "tag_v2", None), Mapping) and {*TIFF_SIZE} <= tags.keys():
        size = (int(tags[TIFF_SIZE[0]]), int(tags[TIFF_SIZE[1]]))  # Pillow gives the size of the upright image
    return ImageInfo(*size, image.mode, orientation if orientation in range(1, 9) else 1)


def check_whole(path: Path | str, data: bytes) -> bool:
    """Whether `data`, the bytes of the image file `path`, may contain EXIF.

    Raises InputError for a truncated or damaged PNG or JPEG.
    """
    if data.startswith(PNG_SIGNATURE):
        return _check_png(path, data)
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-4096:]:
        raise InputError(path, "the JPEG is truncated (no end marker)", "replace it with an intact copy")
    return True


def _open(path: Path | str, data: bytes | None = None) -> "Image":

    try:
        return open_image(path if data is None else io.BytesIO(data))
    except DECODE_ERRORS as error:
        raise unreadable(path, error) from None


def read_image_bytes(path: Path | str) -> bytes:
    """The bytes of an image file. Raises InputError if it cannot be read or `check_image_file` refuses it."""
    try:
        check_image_file(path)
        return read_file(path)
    except OSError as error:
        raise unreadable(path, error) from None


def read_start(path: Path | str, count: int) -> bytes:
    """The first `count` bytes of an image file. Raises InputError as `read_image_bytes` does."""
    try:
        check_regular(path)
        with Path(path).open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path | str, error: Exception) -> InputError:
    """The InputError for an image file whose reading raised `error`."""
    if isinstance(error, FileNotFoundError):
        return InputError(path, "no such image", "check the path")
    if isinstance(error, PermissionError):
        return InputError(path, "permission denied", "check who owns it")
    reason = "not an image" if "cannot identify" in str(error) else str(error)
    return InputError(path, f"cannot be read as an image ({reason})", "replace it with an intact copy")


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
            raise InputError(
                path, "the PNG is damaged (a checksum does not match)", "replace it with an intact copy"
            )
        if kind == b"IEND":
            return has_exif
        # before the eXIf chunk existed, EXIF was stored in text chunks
        has_exif |= kind == b"eXIf" or data.startswith(b"Raw profile type exif", position + 8)
        position = end
    raise InputError(path, "the PNG is truncated", "replace it with an intact copy")


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The image files among `paths`, and those in the folders among them and their sub-folders, sorted per folder.

    A pipe, a device or a broken link with the name of an image is listed too, and refused when it is read. Links
    to folders are not followed but reported.
    Raises InputError for a folder without an image.
    """
    from system.console import print_status

    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            entries = sorted(path.rglob("*"))
            below = [p for p in entries if is_image(p) and not p.is_dir()]
            for link in (p for p in entries if p.is_symlink() and p.is_dir()):
                print_status(f"{link}: a link to a folder, whose images are left out; name it to include them")
            if not below:
                raise no_image(path)
            files += below
        else:
            files.append(path)
    return list(dict.fromkeys(files))
