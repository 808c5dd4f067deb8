"""Decode an image once and keep what the checks need."""

import hashlib
from pathlib import Path

import msgspec

from datasets.check.perceptual_hash import perceptual_hash
from datasets.formats.labelme import embedded_image, read_labelme
from datasets.images.decode_limit import check_decodable
from datasets.images.image_file import parse_info, read_image_bytes
from system.errors import InputError


class DecodedImage(msgspec.Struct, frozen=True):
    """Upright size in pixels, EXIF orientation, and hashes of the bytes and of the content."""

    width: int
    height: int
    orientation: int
    sha256: str
    perceptual_hash: bytes


def read_image_facts(path: Path) -> DecodedImage:
    """Read and decode an image file. Raises InputError if it is missing or damaged."""
    return _decode(path, read_image_bytes(path))


def read_embedded_facts(labelme_file: Path) -> DecodedImage:
    """Read and decode the image in a labelme file, which labelme shows as stored.

    Raises InputError if the file cannot be read or the image is damaged.
    """
    decoded = _decode(labelme_file, embedded_image(labelme_file, read_labelme(labelme_file)))
    if decoded.orientation < 5:
        return msgspec.structs.replace(decoded, orientation=1)
    return msgspec.structs.replace(decoded, orientation=1, width=decoded.height, height=decoded.width)


def _decode(path: Path, data: bytes) -> DecodedImage:
    import cv2
    import numpy as np

    info = parse_info(path, data)
    check_decodable(path, info.width, info.height)
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # it has limits of its own
        grey = None
    if grey is None:
        raise InputError(path, "cannot be decoded", "replace it with an intact copy")
    height, width = (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)
    return DecodedImage(width, height, info.orientation, hashlib.sha256(data).hexdigest(), perceptual_hash(grey))
