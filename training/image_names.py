"""The image files that `predict` reads: named on the command line, in folders, or on standard input."""

import os
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from datasets.images.image_file import find_images
from evaluate.run_folder import Run
from system.errors import InputError, OptionError
from system.files import BYTE_ORDER_MARK
from system.stored_path import URL
from training.run_identity import run_identity
from training.watch_file import check_watch

STANDARD_INPUT = Path("-")
MAX_NAME_BYTES = 4096  # PATH_MAX of Linux
IMAGE_BYTES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
)  # the first bytes of PNG, JPEG, WebP, TIFF


def asked_images(
    run: Run, images: Sequence[Path] | None, watch: Path | None, out: Path | None, others: Mapping[str, object]
) -> list[Path]:
    """The files that `run` predicts now: none with `watch`, else those that `images` name.

    `others` are the values of flags that `--watch` does not have. Raises InputError for a name without a file, and
    InputError and OptionError as `named_images` and `check_watch` do.
    """
    if watch is None:
        files = named_images(images)
        if missing := next((file for file in files if not os.path.lexists(file)), None):
            raise InputError(missing, "no such image", "check the path")
        return files
    flags = [flag for flag, value in others.items() if value is not None]
    check_watch(watch, out, images or (), flags, run_identity(run))
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

    A byte order mark before them and blank lines are ignored. Raises InputError without any, for a URL, for an
    image or another long text in place of names, and for UTF-16, whose zero bytes would separate letters.
    """
    data = sys.stdin.buffer.read()
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise InputError("standard input", "the names are encoded as UTF-16", "give them as UTF-8")
    if data.startswith(IMAGE_BYTES):
        problem = "contains an image, and - reads names of images"
        raise InputError("standard input", problem, "give the name of its file")
    data = data.removeprefix(BYTE_ORDER_MARK)
    zero = b"\0" in data
    names = data.split(b"\0") if zero else [line.removesuffix(b"\r") for line in data.split(b"\n")]
    names = [name for name in names if name.strip()]
    if not names:
        raise InputError("standard input", "contains no name of an image", "give one name per line")
    if (longest := max(map(len, names))) > MAX_NAME_BYTES:
        problem = f"contains a line of {longest} bytes, too long for the name of a file"
        raise InputError("standard input", problem, "give one name per line")
    for name in map(os.fsdecode, names):
        if URL.fullmatch(name):
            raise InputError("standard input", f"takes no URL such as {name}", "give the URL as an argument")
        yield Path(name)
