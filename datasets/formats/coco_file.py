"""Read COCO instance and result files strictly, check them, and write them as the same bytes every time.

Source: https://cocodataset.org/#format-data and #format-results.
"""

import posixpath
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from datasets.coco import MAX_PIXELS, CocoFile, Prediction
from system.errors import InputError
from system.files import BYTE_ORDER_MARK, write_atomic

T = TypeVar("T")


def read_coco(path: Path, *, flat_ok: bool = False) -> CocoFile:
    """Read and check one COCO instances file; boxes may have no area where `flat_ok`.

    Raises InputError naming file, place and value.
    """
    coco = read_unchecked_coco(path)
    check_coco(path, coco)
    if not flat_ok:
        _check_areas(path, coco)
    return coco


def read_unchecked_coco(path: Path) -> CocoFile:
    """Read a COCO instances file whose ids may repeat or lead nowhere. Raises InputError."""
    from datasets.formats.coco_lenient import loosen

    return _decode(path, CocoFile, loosen)


def write_coco(path: Path, coco: CocoFile) -> None:
    """Write `coco` compactly and atomically; equal values give equal bytes."""
    write_atomic(path, msgspec.json.encode(coco) + b"\n")


def read_predictions(path: Path) -> list[Prediction]:
    """Read a COCO results file. Raises InputError naming file, place and value."""
    return _decode(path, list[Prediction])


def write_predictions(path: Path, predictions: list[Prediction]) -> None:
    """Write a COCO results file atomically."""
    write_atomic(path, msgspec.json.encode(predictions) + b"\n")


def check_coco(path: Path, coco: CocoFile) -> None:
    """Raise InputError where ids repeat, references lead nowhere or the size of an image is no size."""
    for field, items in (
        ("images", coco.images),
        ("annotations", coco.annotations),
        ("categories", coco.categories),
    ):
        for value, times in Counter(item.id for item in items).items():
            if times > 1:
                raise InputError(path, f"id {value} occurs {times} times in $.{field}", "make the ids unique")
    _check_images(path, coco)
    _check_annotations(path, coco)


def _check_images(path: Path, coco: CocoFile) -> None:
    for file_name, times in Counter(posixpath.normpath(image.file_name) for image in coco.images).items():
        if times > 1:
            raise InputError(path, f"{file_name!r} is listed {times} times in $.images", "list each image once")
    for i, image in enumerate(coco.images):
        if image.width < 1 or image.height < 1:
            raise InputError(path, f"$.images[{i}] is {image.width} x {image.height} pixels", "correct the size")
        if image.width * image.height > MAX_PIXELS:
            told = f"$.images[{i}] has {image.width} x {image.height} pixels, more than run lengths can count"
            raise InputError(path, told, "correct the size, or cut the picture")
        if "\0" in image.file_name or posixpath.normpath(image.file_name) == ".":
            raise InputError(path, f"$.images[{i}].file_name {image.file_name!r} is no name", "correct it")
        if Path(image.file_name).is_absolute() or ".." in Path(image.file_name).parts:
            raise InputError(
                path, f"$.images[{i}].file_name {image.file_name!r} leads outside", "make it relative"
            )


def _check_annotations(path: Path, coco: CocoFile) -> None:
    images = {image.id for image in coco.images}
    categories = {category.id for category in coco.categories}
    for i, annotation in enumerate(coco.annotations):
        where = f"$.annotations[{i}]"
        if annotation.image_id not in images:
            raise InputError(path, f"{where}.image_id {annotation.image_id} is no image", "list it in $.images")
        if annotation.category_id not in categories:
            known = ", ".join(f"{c.id} {c.name}" for c in coco.categories)
            raise InputError(
                path, f"{where}.category_id {annotation.category_id} is unknown", f"known are {known}"
            )


def _check_areas(path: Path, coco: CocoFile) -> None:
    for i, annotation in enumerate(coco.annotations):
        if min(annotation.bbox[2:]) <= 0:
            told = f"$.annotations[{i}].bbox {list(annotation.bbox)} has no area"
            raise InputError(path, told, "remove the annotation")


def _decode(path: Path, kind: type[T], loosen: Callable[[Any], Any] | None = None) -> T:
    """The content of a JSON file; what does not fit is put through `loosen`, if there is one, and read again."""
    try:
        data = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    try:
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError:
            if loosen is None:
                raise
            return msgspec.convert(loosen(msgspec.json.decode(data)), kind)
    except msgspec.ValidationError as error:
        raise InputError(path, f"not in COCO form: {error}", "correct the value") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(path, f"not valid JSON: {error}", "write it anew") from None
