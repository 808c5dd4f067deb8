"""The image files that `predict` reads: named on the command line, in folders, or on standard input."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datasets.images.image_file import find_images
from system.errors import InputError, OptionError
from training.watch_file import check_watch

STANDARD_INPUT = Path("-")


def asked_images(
    images: Sequence[Path] | None, watch: Path | None, out: Path | None, others: Mapping[str, object]
) -> list[Path]:
    """The files to predict now: none with `watch`, else those that `images` name.

    `others` are the values of flags that `--watch` does not have. Raises InputError for a name without a file, and
    InputError and OptionError as `named_images` and `check_watch` do.
    """
    if watch is None:
        files = named_images(images)
        if missing := next((file for file in files if not os.path.lexists(file)), None):
            raise InputError(missing, "no such image", "check the path")
        return files
    check_watch(watch, out, images or (), [flag for flag, value in others.items() if value is not None])
    return []


def named_images(images: Sequence[Path] | None) -> list[Path]:
    """The files that `images` name; a folder means the images in it, `-` means names on standard input.

    Raises OptionError without any, InputError for a folder without an image and an empty standard input.
    """
    if not images:
        raise OptionError("IMAGES", "no image is named", "name images or folders, give - or --watch DIR")
    if list(images).count(STANDARD_INPUT) > 1:
        raise OptionError("IMAGES - -", "standard input can be read only once", "give one -")
    return find_images([file for path in images for file in ([path] if path != STANDARD_INPUT else read_names())])


def read_names() -> Iterator[Path]:
    """The names on standard input, one per line, or separated by zero bytes if there is one (find -print0).

    Raises InputError without any, and for a name that no file can have.
    """
    data = sys.stdin.buffer.read()
    zero = b"\0" in data
    names = data.split(b"\0") if zero else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    names = [name for name in names if name]
    if not names:
        raise InputError("standard input", "contains no name of an image", "give one name per line")
    yield from (Path(os.fsdecode(name)) for name in names)
