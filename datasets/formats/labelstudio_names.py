"""The image file of a Label Studio task: uploads, local storage, cloud storage."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from datasets.formats.json_values import Object
from datasets.images.image_file import SUFFIXES
from system.errors import InputError

# Label Studio puts 8 hexadecimal digits and a hyphen in front of the name of an uploaded file
UPLOAD_PREFIX = re.compile(r"[0-9a-f]{4,32}-(?=.)")
DOWNLOAD = "download the images and name their folder with --images"


def image_value(path: Path, where: str, data: Object, image_key: str | None) -> str:
    """The text in a task's data that contains the name of its image. Raises InputError if there are none or
    several."""
    if image_key is not None:
        value = data.get(image_key)
        if isinstance(value, str):
            return value
        raise InputError(path, f"{where} has no {image_key!r} in its data", "correct --image-key")
    candidates = {key: value for key, value in data.items() if isinstance(value, str) and _is_image(value)}
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if not candidates:
        raise InputError(path, f"the data of {where} contains no image", "export an image project")
    names = ", ".join(sorted(candidates))
    raise InputError(path, f"the data of {where} contains several images ({names})", "choose one with --image-key")


def names_of(path: Path, where: str, value: str) -> tuple[tuple[str, ...], str]:
    """Possible names of the image file, with and without Label Studio's prefix; and the remedy if it is missing.

    >>> names_of(Path("a.json"), "$[0]", "/data/upload/3/abcd1234-a%20b.png")[0]
    ('abcd1234-a b.png', 'a b.png', 'abcd1234-a%20b.png', 'a%20b.png')
    """
    if value.startswith("data:"):
        raise InputError(
            path, f"the image of {where} is embedded", "save it as a file and put its name into the task"
        )
    name, remedy = value.replace("\\", "/"), ""
    if "://" in value:
        parts = urlsplit(value)
        name, remedy = parts.path or parts.netloc, f"it is at a URL: {DOWNLOAD}"
    if "?d=" in value:
        name = value.partition("?d=")[2].partition("&")[0].replace("\\", "/")
        remedy = ""
    elif "/upload/" in name:
        name = name.rpartition("/")[2]
    names: list[str] = []
    for candidate in (unquote(name), name):
        folder, slash, base = candidate.rpartition("/")
        names += [candidate, folder + slash + UPLOAD_PREFIX.sub("", base, count=1)]
    return tuple(dict.fromkeys(name.lstrip("/") for name in names if name.strip("/"))), remedy


def _is_image(value: str) -> bool:
    if value.startswith("data:image/") or "/local-files/?d=" in value:
        return True
    return Path(urlsplit(value).path if "://" in value else value.partition("?")[0]).suffix.lower() in SUFFIXES
