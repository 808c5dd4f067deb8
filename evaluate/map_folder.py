"""A folder of maps: for each image of a split a small grey PNG, which the page shows as a layer.

RUN/maps/<split>/
  maps.json     kind, and image -> file
  0000.png ...  8 bits, longer side at most MAP_SIDE pixels; 255 is the value 1

The map of an image is its score map, or for a classifier its heat map.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from datasets.images.decode_limit import DECODE_ERRORS, open_image
from evaluate.run_folder import Run
from system.errors import InputError
from system.files import new_folder, read_file
from system.json_file import read_json, write_json
from system.links import check_inside, check_own_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAP_SIDE = 256
LIST = "maps.json"
REMEDY = "remove the folder and give --maps again"
SHARE_BELOW = 90  # percent of the images whose highest value is at most 1 on the common scale of unbounded maps
MapKind = Literal["score", "heat"]


class MapList(msgspec.Struct, frozen=True, omit_defaults=True):
    """The content of maps.json: the file of each image by its name, and what the values are.

    `score`: 0.5 or another threshold of the run separates defects. `heat`: how much a place speaks for a defect.
    `predictions_sha256` is the hash of the predictions file that the maps belong to, empty if there is none.
    """

    kind: MapKind
    images: dict[str, str]
    predictions_sha256: str = ""


class MapWriter:
    """Writes one map at a time into an existing folder. Values of maps that are not `bounded` are at least 0."""

    def __init__(self, folder: Path, kind: MapKind, *, bounded: bool = True) -> None:
        self._folder = folder
        self._kind: MapKind = kind
        self._bounded = bounded
        self._files: dict[str, str] = {}
        self._highest: dict[str, float] = {}

    def add(self, name: str, values: "NDArray[np.float32]") -> None:
        """Reduce and write the H x W map of the image `name`."""
        file = f"{len(self._files):05d}.png"
        small = reduced(values)
        highest = 1.0 if self._bounded else float(small.max())
        _write(self._folder / file, small / highest if highest > 0 else small)
        self._files[name], self._highest[file] = file, highest

    def keep(self, name: str, png: Path) -> None:
        """Copy the map `png` of the image `name` from another folder of maps."""
        file = f"{len(self._files):05d}.png"
        (self._folder / file).write_bytes(png.read_bytes())
        self._files[name], self._highest[file] = file, 1.0

    def finish(self, predictions_sha256: str = "") -> None:
        """Put unbounded maps on a common scale and write the list."""
        import numpy as np

        positive = [value for value in self._highest.values() if value > 0]
        if not self._bounded and positive:
            common = float(np.percentile(positive, SHARE_BELOW))
            for file, highest in self._highest.items():
                own = read_map(self._folder / file).astype(np.float32) / 255
                _write(self._folder / file, np.asarray(own * (highest / common), np.float32))
        write_json(self._folder / LIST, MapList(self._kind, self._files, predictions_sha256))


@contextmanager
def new_maps(
    folder: Path, kind: MapKind, predictions: Path | None = None, *, bounded: bool = True
) -> Iterator[MapWriter]:
    """A writer for the new folder `folder`, which appears complete when the block ends; an older one is replaced.

    The maps belong to the file `predictions`, if it is given. Raises OutputError if `folder` exists and is not a
    folder of maps, InputError if it is in a link to a folder.
    """
    check_own_folder(folder.parent)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with new_folder(folder, overwrite=True, marker=LIST) as partial:
        writer = MapWriter(partial, kind, bounded=bounded)
        yield writer
        writer.finish(_hash(predictions) if predictions else "")


def reduced(values: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """H x W values with a longer side of at most MAP_SIDE, areas averaged."""
    import cv2
    import numpy as np

    height, width = values.shape
    scale = MAP_SIDE / max(height, width)
    if scale >= 1:
        return values
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def read_map(path: Path) -> "NDArray[np.uint8]":
    """The values of a map, h x w, 255 for 1. Raises as `map_bytes`."""
    import numpy as np

    try:
        with open_image(io.BytesIO(map_bytes(path)), ("PNG",)) as image:
            return np.asarray(image)
    except DECODE_ERRORS:
        raise _not_a_map(path) from None


def map_bytes(path: Path) -> bytes:
    """The bytes of a map file, which a page may contain.

    Raises InputError if it is not a small 8-bit grey PNG, or is a link out of its folder: a received run must not
    put another file into a page that is passed on.
    """
    check_inside(path, [path.parent])
    try:
        data = read_file(path)
        with open_image(io.BytesIO(data), ("PNG",)) as image:
            if image.mode == "L" and max(image.size) <= MAP_SIDE:
                return data
    except DECODE_ERRORS:
        pass
    raise _not_a_map(path)


def _not_a_map(path: Path) -> InputError:
    return InputError(path, "not a map (a small 8-bit grey PNG)", REMEDY)


def read_maps(folder: Path) -> MapList | None:
    """The list of a folder of maps, None without one.

    Raises InputError for a damaged list, and for one that names a file elsewhere.
    """
    path = folder / LIST
    if not path.is_file():
        return None
    listed = read_json(path, MapList)
    for file in listed.images.values():
        if Path(file).name != file or not file.endswith(".png"):
            raise InputError(path, f"{file!r} is not the name of a PNG file in this folder", REMEDY)
    return listed


def stored_maps(run: Run, split: str) -> tuple[Path, MapList] | None:
    """The maps of a split that belong to the predictions of `run`; None without them or if they are outdated."""
    folder = run.root / "maps" / split
    listed = read_maps(folder)
    if listed is None or listed.predictions_sha256 != _hash(run.predictions(split)):
        return None
    return folder, listed


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write(path: Path, values: "NDArray[np.float32]") -> None:
    import numpy as np
    from PIL import Image

    grey = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, "PNG", optimize=True)
    path.write_bytes(buffer.getvalue())
