"""Decode an image once and keep what the checks need."""

import hashlib
from pathlib import Path

import msgspec

from datasets.check.perceptual_hash import perceptual_hash
from datasets.formats.labelme import embedded_image, read_labelme
from datasets.images.bit_depth import read_deep
from datasets.images.decode_limit import check_decodable
from datasets.images.image_file import parse_info, read_image_bytes
from datasets.images.upright import check_can_turn
from system.errors import InputError


class DecodedImage(msgspec.Struct, frozen=True):
    """Upright size in pixels, EXIF orientation, and hashes of the bytes and of the content.

    `damage` states why the pixels cannot be decoded; then there is no hash of the content.
    """

    width: int
    height: int
    orientation: int
    sha256: str
    perceptual_hash: bytes
    damage: str = ""


def read_image_facts(path: Path) -> DecodedImage:
    """Read and decode an image file. Raises InputError if it is missing or its size is unknown."""
    return _decode(path, read_image_bytes(path))


def read_embedded_facts(labelme_file: Path) -> DecodedImage:
    """Read and decode the image in a labelme file, which labelme shows as stored.

    Raises InputError if the file cannot be read or the size of the image is unknown.
    """
    decoded = _decode(labelme_file, embedded_image(labelme_file, read_labelme(labelme_file)))
    if decoded.orientation < 5:
        return msgspec.structs.replace(decoded, orientation=1)
    return msgspec.structs.replace(decoded, orientation=1, width=decoded.height, height=decoded.width)


def _decode(path: Path, data: bytes) -> DecodedImage:
    info = parse_info(path, data)
    height, width = (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)
    damage, content = "", b""
    try:
        content = _hash(path, data, info.orientation, (width, height))
    except InputError as error:
        damage = error.problem
    return DecodedImage(width, height, info.orientation, hashlib.sha256(data).hexdigest(), content, damage)


def _hash(path: Path, data: bytes, orientation: int, size: tuple[int, int]) -> bytes:
    """The perceptual hash of an image of `size` (width, height).

    Raises InputError if a conversion cannot decode the pixels, or OpenCV cannot.
    """
    import cv2
    import numpy as np

    check_decodable(path, *size)
    if orientation != 1:
        check_can_turn(path, data)
    else:
        read_deep(path, data)
    try:
        grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # it has limits of its own
        grey = None
    if grey is None:
        raise InputError(path, "cannot be decoded", "replace it with an intact copy")
    return perceptual_hash(grey)
