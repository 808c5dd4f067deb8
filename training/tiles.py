"""The places of overlapping squares that cover a large image, and the side of crops to train on."""

import math

from system.errors import OptionError
from training.options import MIN_TILE

OVERLAP = 0.25  # of a tile: a defect cut by the edge of a tile is well inside the next tile


def tile_starts(length: int, tile: int) -> list[int]:
    """First pixels of the tiles along `length` pixels: evenly spaced, overlapping by OVERLAP or more."""
    if length <= tile:
        return [0]
    count = math.ceil((length - tile) / (tile * (1 - OVERLAP))) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]


def check_tile(tile: int, good_map: str = "") -> None:
    """Raise OptionError for crops that are too small, or together with a map; 0 is none."""
    if tile and good_map:
        raise OptionError("tile", "not available with good_map, whose map is of whole images", "leave one out")
    if 0 < tile < MIN_TILE:
        raise OptionError("tile", f"less than {MIN_TILE} pixels", "give 0, or a few times the size of a defect")
