"""What `datasets check` knows of a dataset: pictures decoded once, annotations read as far as they can be."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from datasets.check.codes import Finding
from datasets.coco import Box, Segmentation
from datasets.formats.labelme import Point, embedded_picture, read_labelme
from datasets.images.image_file import parse_info, read_image_bytes
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NO_AREA = 1e-6  # square pixels; less is rounding
HASH_SIDE = 32  # the hash has 2 x 32 x 32 bits
HASH_MARGIN = 3  # grey levels that a step must rise to set a bit, so that flat parts do not flicker


class Instance(msgspec.Struct, frozen=True):
    """One annotation as read: box in pixels and unclipped; `segmentation` None where it says no pixels."""

    where: str
    category: str
    box: Box
    area: float
    segmentation: Segmentation | None = None


class Entry(msgspec.Struct, frozen=True):
    """An image before it is looked at: `details` is what its format's reader needs, `is_good` says its folder.

    A picture without a `path` may lie embedded in `labelme_file`.
    """

    name: str
    path: str | None
    split: str
    is_good: bool
    details: Any
    labelme_file: str | None = None


class Listing(msgspec.Struct, frozen=True):
    """The images of a dataset, its categories in order, and what was found wrong while listing."""

    entries: Sequence[Entry]
    categories: list[str]
    findings: list[Finding]


class ImageFacts(msgspec.Struct, frozen=True):
    """One image looked at: size as shown, that is upright; hashes are empty where the picture cannot be read."""

    name: str
    split: str
    is_good: bool
    instances: list[Instance]
    findings: list[Finding]
    width: int = 0
    height: int = 0
    orientation: int = 1
    sha256: str = ""
    likeness: bytes = b""


class Facts(msgspec.Struct, frozen=True):
    """A dataset looked at; `is_split` is whether its splits are for training, unlike those of an MVTec tree.

    Two of its `categories` may have one name.
    """

    categories: list[str]
    images: list[ImageFacts]
    is_split: bool
    is_yolo: bool = False


class Limits(msgspec.Struct, frozen=True):
    """From where on something is worth telling; pixels."""

    max_speckle: int = 8
    imgsz: int = 640
    min_side: float = 4.0


class Look(msgspec.Struct, frozen=True):
    """A picture decoded once."""

    width: int
    height: int
    orientation: int
    sha256: str
    likeness: bytes


def look_at(path: Path) -> Look:
    """Read and decode a picture. Raises InputError."""
    return _look(path, read_image_bytes(path))


def look_into(labelme_file: Path) -> Look:
    """Read and decode the picture embedded in a labelme file, which labelme shows as stored. Raises InputError."""
    look = _look(labelme_file, embedded_picture(labelme_file, read_labelme(labelme_file)))
    if look.orientation < 5:
        return msgspec.structs.replace(look, orientation=1)
    return msgspec.structs.replace(look, orientation=1, width=look.height, height=look.width)


def ring_area(ring: Sequence[Point]) -> float:
    """What a polygon that may cross itself encloses, in square pixels."""
    if len(ring) < 3:
        return 0
    area = abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise([*ring, ring[0]]))) / 2
    if area < NO_AREA:  # the two halves of a bow tie take each other away
        import shapely

        area = shapely.make_valid(shapely.Polygon(ring)).area
    return area if area >= NO_AREA else 0


def _look(path: Path, data: bytes) -> Look:
    import cv2
    import numpy as np

    info = parse_info(path, data)
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    if grey is None:
        raise InputError(path, "cannot be decoded", "replace it by a whole copy")
    height, width = (info.width, info.height) if info.orientation >= 5 else (info.height, info.width)
    return Look(width, height, info.orientation, hashlib.sha256(data).hexdigest(), likeness(grey))


def likeness(grey: "NDArray[np.uint8]") -> bytes:
    """Difference hash of an H x W picture, 2048 bits packed: does grey rise from cell to cell, right and down?

    After N. Krawetz, "Kind of like that" (2013), with a finer grid: of bottles that all stand alike 8 x 8 cells
    give the same hash. Recoded, scaled, brighter and noisy copies differ in under 2 % of the bits.
    """
    import cv2
    import numpy as np

    cells = cv2.resize(grey, (HASH_SIDE + 1, HASH_SIDE + 1), interpolation=cv2.INTER_AREA).astype(np.int16)
    right = cells[:-1, 1:] - cells[:-1, :-1] >= HASH_MARGIN
    down = cells[1:, :-1] - cells[:-1, :-1] >= HASH_MARGIN
    return np.packbits(np.stack([right, down])).tobytes()
