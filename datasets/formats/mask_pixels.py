"""Decode masks of labelling tools: CVAT's rows, Severstal's columns, Label Studio's brush."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets.formats.tool_export import MaskShape
from system.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 4  # of Label Studio's brush: red, green, blue and alpha, which is the mask
REMEDY = "draw the mask again and export it"


def read_mask_shape(
    path: Path | str, where: str, mask: MaskShape, size: tuple[int, int]
) -> "tuple[int, int, NDArray[np.bool_]]":
    """The column and row of the first pixel, and the mask as H x W bool; the image is of `size` (width, height).

    Raises InputError for run lengths that do not fit.
    """
    try:
        if mask.encoding == "columns":
            return 0, 0, decode_columns(_numbers(mask.data), *size)
        if mask.width < 1 or mask.height < 1 or mask.width > size[0] or mask.height > size[1]:
            problem = f"is {mask.width} x {mask.height} pixels, but its image has {size[0]} x {size[1]}"
            raise ValueError(problem)
        if mask.encoding == "rows":
            return mask.left, mask.top, decode_rows(_numbers(mask.data), mask.width, mask.height)
        assert isinstance(mask.data, bytes)
        return 0, 0, decode_brush(mask.data, mask.width, mask.height)
    except ValueError as error:
        raise InputError(path, f"the mask of {where} {error}", REMEDY) from None


def _numbers(text: str | bytes) -> "NDArray[np.int64]":
    import numpy as np

    words = text.replace(",", " ").split() if isinstance(text, str) else []
    if not all(word.isascii() and word.isdigit() and len(word) <= 10 for word in words):
        raise ValueError("has a run length that is not a number")
    return np.array([int(word) for word in words], np.int64)


def decode_rows(runs: "NDArray[np.int64]", width: int, height: int) -> "NDArray[np.bool_]":
    """H x W bool of run lengths row by row, background first. Raises ValueError if they do not fill it.

    >>> import numpy as np
    >>> decode_rows(np.array([1, 2, 1]), 2, 2).tolist()
    [[False, True], [True, False]]
    """
    import numpy as np

    if int(runs.sum()) != width * height:
        raise ValueError(f"has {int(runs.sum())} pixels, but its box has {width * height}")
    flat: NDArray[np.bool_] = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return flat.reshape(height, width)


def decode_columns(pairs: "NDArray[np.int64]", width: int, height: int) -> "NDArray[np.bool_]":
    """H x W bool of pairs (first pixel, run length), pixels numbered from 1 down the columns.

    Raises ValueError for an odd number, a run outside the image, and runs that overlap.
    """
    import numpy as np

    if len(pairs) % 2:
        raise ValueError(f"has {len(pairs)} numbers, which do not form pairs")
    starts = pairs[0::2] - 1
    ends = starts + pairs[1::2]
    if len(pairs) and int(pairs.min()) < 1:
        raise ValueError(f"has the number {int(pairs.min())}, but the minimum is 1")
    if len(pairs) and int(ends.max()) > width * height:
        raise ValueError(f"has a run outside the {width * height} pixels of its image")
    turns = np.zeros(width * height + 1, np.int8)
    np.add.at(turns, starts, 1)
    np.subtract.at(turns, ends, 1)
    covered = np.cumsum(turns[:-1], dtype=np.int64)
    if len(pairs) and int(covered.max()) > 1:
        raise ValueError("has runs that overlap")
    return np.ascontiguousarray((covered == 1).reshape(width, height).T)


def decode_brush(data: bytes, width: int, height: int) -> "NDArray[np.bool_]":
    """H x W bool of Label Studio's brush: where the alpha of an RGBA image is not 0.

    A header has the number of values (32 bits), the bits of a value less 1 (5) and the bits of four kinds of
    length less 1 (4 each). A run is a bit, 1 where one value is repeated, the kind of its length (2), the length
    less 1, and the value or values. Source: `rle-pack` of https://github.com/thi-ng/umbrella, which Label Studio
    uses.
    Raises ValueError for anything else.
    """
    import numpy as np

    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    total = width * height * CHANNELS
    position = 0

    def number(count: int) -> int:
        nonlocal position
        if position + count > len(bits):
            raise ValueError("ends in the middle of a run")
        value = 0
        for bit in bits[position : position + count].tolist():
            value = value << 1 | bit
        position += count
        return value

    if number(32) != total:
        raise ValueError(f"does not have the {total} values of an image of {width} x {height}")
    word = number(5) + 1
    lengths = [number(4) + 1 for _ in range(4)]
    values = np.zeros(total, np.bool_)
    done = 0
    while done < total:
        repeated = number(1)
        end = done + 1 + number(lengths[number(2)])
        if end > total:
            raise ValueError("has more values than its image")
        if repeated:
            values[done:end] = number(word) > 0
        else:
            stop = position + (end - done) * word
            if stop > len(bits):
                raise ValueError("ends in the middle of a run")
            values[done:end] = bits[position:stop].reshape(-1, word).any(axis=1)
            position = stop
        done = end
    return np.ascontiguousarray(values.reshape(height, width, CHANNELS)[:, :, CHANNELS - 1])
