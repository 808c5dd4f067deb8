"""Images that cannot be used: cut short, damaged, too large, rotated by EXIF, deeper than 8 bits."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PilImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def break_png(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def turn(path: Path) -> None:
    with PilImage.open(path) as opened:
        image = opened.copy()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def flip_bit(path: Path) -> None:
    """Change one bit of the pixels, so that the checksum does not match."""
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 1
    path.write_bytes(data)


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def write_png(path: Path, width: int, height: int, packed: bytes, *, depth: int = 8, colour: int = 0) -> None:
    """A PNG of this header whose checksums match, whatever its pixels are."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    path.write_bytes(SIGNATURE + b"".join(chunks))


def write_deep(path: Path, *, orientation: int = 1) -> None:
    """A colour image of 60 x 40 pixels with 16 bits per channel."""
    values = np.random.default_rng(5).integers(0, 65535, (40, 60, 3)).astype(np.uint16)
    cv2.imwrite(str(path), values)
    if orientation != 1:
        exif = PilImage.Exif()
        exif[0x0112] = orientation
        data = path.read_bytes()
        end = data.index(b"IDAT") - 4
        path.write_bytes(data[:end] + chunk(b"eXIf", exif.tobytes()[6:]) + data[end:])


def damage_pixels(path: Path) -> None:
    """Replace the packed pixels by others that cannot be unpacked; the checksum matches."""
    data = path.read_bytes()
    start = data.index(b"IDAT") - 4
    (length,) = struct.unpack_from(">I", data, start)
    path.write_bytes(data[:start] + chunk(b"IDAT", b"x" * length) + data[start + 12 + length :])
