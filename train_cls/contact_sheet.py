"""A contact sheet of new images, each between its two parents, for inspection before training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from system.files import write_atomic
from train_cls.data import to_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Triple = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]

CONTACT_SHEET = "contact_sheet.png"
PER_TYPE = 6  # new images shown of each type
SIDE, GAP, TITLE = 96, 4, 18  # pixels


def write_contact_sheet(path: Path, triples: "Mapping[str, Sequence[Triple]]") -> None:
    """Write a PNG with a row for each type: the first PER_TYPE of its triples (parent, new image, parent).

    Images are H x W x 3 RGB of any size; they are shown in squares of SIDE pixels.
    """
    rows = [row for name, of_type in triples.items() for row in (_title(name), _row(of_type))]
    width = max(row.shape[1] for row in rows)
    sheet = np.concatenate([_padded(row, width) for row in rows])
    write_atomic(path, cv2.imencode(".png", sheet[..., ::-1])[1].tobytes())


def _title(name: str) -> "NDArray[np.uint8]":
    strip = np.full((TITLE, len(name) * 9 + 2 * GAP, 3), 255, np.uint8)
    cv2.putText(strip, name, (GAP, TITLE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return strip


def _row(triples: "Sequence[Triple]") -> "NDArray[np.uint8]":
    gap = np.full((SIDE, GAP, 3), 255, np.uint8)
    parts = [gap]
    for triple in triples[:PER_TYPE]:
        parts += [*(to_square(image, SIDE) for image in triple), gap, gap]
    return np.concatenate(parts, axis=1)


def _padded(row: "NDArray[np.uint8]", width: int) -> "NDArray[np.uint8]":
    return np.pad(row, ((0, GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255)
