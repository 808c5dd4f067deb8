"""The error for a folder without an image that can be read: it names what is there instead."""

import os
from collections import Counter
from itertools import chain, islice
from pathlib import Path

from system.errors import InputError

MOST_NAMED = 3
MOST_LISTED = 100_000  # files, so that a wrong folder such as a whole drive is refused soon
REMEDY = "name a folder with PNG, JPEG, BMP, TIFF or WebP files"
OTHER_IMAGES = frozenset({
    ".arw", ".avif", ".cr2", ".dcm", ".dng", ".exr", ".gif", ".hdr", ".heic", ".heif", ".j2k", ".jp2", ".jxl",
    ".nef", ".npy", ".pbm", ".pgm", ".pnm", ".ppm", ".raw", ".tga",
})  # fmt: skip


def no_image(folder: Path, remedy: str = REMEDY) -> InputError:
    """The error for `folder`, below which no image was found, with the most frequent endings of its files."""
    names = chain.from_iterable(files for _, _, files in os.walk(folder))
    suffixes = (Path(name).suffix.lower() for name in islice(names, MOST_LISTED) if not name.startswith("."))
    counts = Counter(suffix for suffix in suffixes if suffix)
    if not counts:
        return InputError(folder, "no image in this folder", remedy)
    named = [f"{count} {suffix}" for suffix, count in counts.most_common(MOST_NAMED)]
    named += ["..."] if len(counts) > len(named) else []
    if counts.keys() & OTHER_IMAGES:
        remedy = f"save its images as PNG, or {remedy}"
    return InputError(folder, f"no image in this folder, only {', '.join(named)}", remedy)
