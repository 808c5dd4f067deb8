"""Read COCO instance and result files strictly, check them, and write them with reproducible bytes.

Source: https://cocodataset.org/#format-data and #format-results.
"""

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from datasets.coco import MAX_PIXELS, CocoFile, Image, Prediction, Rle
from datasets.formats.coco_repair import Repair, repair_annotations
from system.errors import InputError
from system.files import BYTE_ORDER_MARK, read_file, write_atomic

T = TypeVar("T")


class ReadCoco(msgspec.Struct, frozen=True):
    """A COCO file, the repairs made while reading it, and whether its images are labelled.

    A file without annotations and categories, such as COCO's image_info_test2017.json, is not labelled.
    """

    coco: CocoFile
    repairs: list[Repair]
    is_labelled: bool


def read_coco(path: Path, *, flat_ok: bool = False) -> CocoFile:
    """Read, check and repair one COCO instances file; boxes without area are allowed with `flat_ok`.

    Raises InputError with file, place and value if the file is not valid.
    """
    return read_repaired_coco(path, flat_ok=flat_ok).coco


def read_repaired_coco(path: Path, *, flat_ok: bool = False) -> ReadCoco:
    """Like `read_coco`, with the repairs (see `repair_annotations`).

    Raises InputError if the file is not valid.
    """
    read = read_unchecked_coco(path)
    return check_and_repair(path, read, flat_ok=flat_ok)


def check_and_repair(path: Path, read: ReadCoco, *, flat_ok: bool) -> ReadCoco:
    """Check and repair the content of the file `path`. Raises InputError if it is not valid."""
    check_coco(path, read.coco)
    if not flat_ok:
        _check_areas(path, read.coco)
    coco, repairs = repair_annotations(read.coco)
    return ReadCoco(coco, read.repairs + repairs, read.is_labelled)


def read_unchecked_coco(path: Path, *, unlabelled_ok: bool = False) -> ReadCoco:
    """Read a COCO instances file without checking ids and references; only rotated boxes are repaired.

    With `unlabelled_ok` annotations and categories may be missing. Raises InputError if the file is not valid.
    """
    from datasets.formats.coco_lenient import normalise_foreign_json
    from datasets.formats.coco_rotation import apply_rotations

    turned: dict[int, str] = {}
    labelled = True

    def normalise(raw: Any) -> Any:
        nonlocal labelled
        labelled = not isinstance(raw, dict) or raw.get("annotations") is not None
        normal = normalise_foreign_json(raw, unlabelled_ok=unlabelled_ok)
        if isinstance(normal, dict) and isinstance(normal.get("annotations"), list):
            turned.update(apply_rotations(normal["annotations"]))
        return normal

    coco = _decode(path, CocoFile, normalise, always=b'"rotation"')
    names = {image.id: image.file_name for image in coco.images}
    repairs = [
        Repair(
            names.get(coco.annotations[i].image_id, ""), f"annotation {coco.annotations[i].id}", "rotated-box", v
        )
        for i, v in turned.items()
    ]
    return ReadCoco(coco, repairs, labelled and bool(coco.annotations or coco.categories))


def write_coco(path: Path, coco: CocoFile) -> None:
    """Write `coco` compactly and atomically; equal values give equal bytes."""
    write_atomic(path, msgspec.json.encode(coco) + b"\n")


def read_predictions(path: Path, images: Iterable[Image] = ()) -> list[Prediction]:
    """Read a COCO results file; polygons, empty masks and missing boxes of other tools are accepted.

    Polygons are drawn at the size of their image in `images`. Raises InputError with file, place and value if the
    file is not valid.
    """
    from datasets.formats.coco_results import check_masks, normalise_results, with_compressed_mask

    predictions = _decode(path, list[Prediction], lambda raw: normalise_results(raw, images))
    checked = [with_compressed_mask(prediction) for prediction in predictions]
    check_masks(path, checked, images)
    return checked


def write_predictions(path: Path, predictions: list[Prediction]) -> None:
    """Write a COCO results file atomically."""
    write_atomic(path, msgspec.json.encode(predictions) + b"\n")


def check_coco(path: Path, coco: CocoFile) -> None:
    """Raise InputError for duplicate ids, references to unknown ids, and impossible names and sizes."""
    for field, items in (
        ("images", coco.images),
        ("annotations", coco.annotations),
        ("categories", coco.categories),
    ):
        for value, times in Counter(item.id for item in items).items():
            if times > 1:
                raise InputError(path, f"id {value} occurs {times} times in $.{field}", "make the ids unique")
    for i, category in enumerate(coco.categories):
        if not category.name.strip():
            raise InputError(path, f"$.categories[{i}].name {category.name!r} is empty", "write a name")
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
            problem = (
                f"$.images[{i}] has {image.width} x {image.height} pixels, more than COCO run lengths can hold"
            )
            raise InputError(path, problem, "correct the size, or cut the image")
        if "\0" in image.file_name or posixpath.normpath(image.file_name) == ".":
            raise InputError(path, f"$.images[{i}].file_name {image.file_name!r} is not a file name", "correct it")
        if Path(image.file_name).is_absolute() or ".." in Path(image.file_name).parts:
            raise InputError(
                path, f"$.images[{i}].file_name {image.file_name!r} points outside its folder", "make it relative"
            )


def _check_annotations(path: Path, coco: CocoFile) -> None:
    images = {image.id for image in coco.images}
    categories = {category.id for category in coco.categories}
    for i, annotation in enumerate(coco.annotations):
        where = f"$.annotations[{i}]"
        if annotation.image_id not in images:
            raise InputError(
                path,
                f"{where}.image_id {annotation.image_id} is not in $.images",
                "add the image or correct the id",
            )
        if annotation.category_id not in categories:
            known = ", ".join(f"{c.id} {c.name}" for c in coco.categories)
            raise InputError(path, f"{where}.category_id {annotation.category_id} is unknown", f"known: {known}")


def check_run_lengths(path: Path, coco: CocoFile) -> None:
    """Raise InputError for an annotation whose run lengths do not add up to the size of its image."""
    from datasets.masks.run_lengths import covers_image

    sizes = {image.id: (image.height, image.width) for image in coco.images}
    for i, annotation in enumerate(coco.annotations):
        mask = annotation.segmentation
        if isinstance(mask, Rle) and not covers_image(mask, *sizes[annotation.image_id]):
            problem = f"the run lengths of $.annotations[{i}].segmentation do not add up to the size of its image"
            raise InputError(path, problem, "convert the source again")


def _check_areas(path: Path, coco: CocoFile) -> None:
    for i, annotation in enumerate(coco.annotations):
        if min(annotation.bbox[2:]) <= 0:
            problem = f"$.annotations[{i}].bbox {list(annotation.bbox)} has no area"
            raise InputError(path, problem, "remove the annotation")


def _decode(
    path: Path, kind: type[T], normalise: Callable[[Any], Any] | None = None, always: bytes | None = None
) -> T:
    """Decode a JSON file; if its values do not match `kind`, pass them through `normalise` and try again.

    A file that contains the bytes `always` is always normalised.
    """
    try:
        data = read_file(path).removeprefix(BYTE_ORDER_MARK)
    except FileNotFoundError:
        raise InputError(path, "no such file", "check the path") from None
    try:
        try:
            if always is None or normalise is None or always not in data:
                return msgspec.json.decode(data, type=kind)
        except msgspec.ValidationError:
            if normalise is None:
                raise
        return msgspec.convert(normalise(msgspec.json.decode(data)), kind)
    except msgspec.ValidationError as error:
        raise InputError(path, f"not in COCO form: {error}", "correct the value") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            path, f"not valid JSON: {_reason(data, error)}", "correct the file or write it again"
        ) from None


def _reason(data: bytes, error: Exception) -> str:
    from datasets.formats.coco_lenient import find_non_finite

    return find_non_finite(data) or str(error)
