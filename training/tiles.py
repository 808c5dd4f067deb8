"""The places of overlapping squares that cover a large image."""

import math

OVERLAP = 0.25  # of a tile: a defect cut by the edge of a tile is well inside the next tile


def tile_starts(length: int, tile: int) -> list[int]:
    """First pixels of the tiles along `length` pixels: evenly spaced, overlapping by OVERLAP or more."""
    if length <= tile:
        return [0]
    count = math.ceil((length - tile) / (tile * (1 - OVERLAP))) + 1
    return [round(i * (length - tile) / (count - 1)) for i in range(count)]
