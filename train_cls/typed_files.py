"""The types of image files as JSON, CSV and a table, with abstention where no type is probable enough."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from datasets.coco import Category, Image, Prediction
from evaluate.run_folder import Provides
from evaluate.type_of_image import GOOD, PRESENT, image_answers, type_names, type_probabilities
from system.errors import OptionError
from system.files import check_file_destination, write_atomic


class TypedFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image file: its most probable type (None if the classifier abstains) and the probability of each type.

    `probability` is that of the most probable type, also if the classifier abstains. For a classifier of several
    types, `types` lists all types of the image and `type` is the most probable of them. `probability` is then the
    probability of the least certain answer to whether a type is present.
    """

    file_name: str
    type: str | None
    probability: float
    probabilities: dict[str, float]
    types: list[str] = []


def check_flags(out_csv: Path | None, abstain: float | None) -> None:
    """Raise OptionError for an `--abstain` that is not a probability and a `--csv` that cannot be written."""
    if abstain is not None and not 0 <= abstain <= 1:
        raise OptionError(f"--abstain {abstain}", "not a probability", "give 0 to 1")
    if out_csv and not out_csv.parent.is_dir():
        raise OptionError(f"--csv {out_csv}", "its folder does not exist", "make it first")
    if out_csv and out_csv.is_dir():
        raise OptionError(f"--csv {out_csv}", "is a folder", f"name a file, such as {out_csv / 'types.csv'}")
    if out_csv:
        check_file_destination(out_csv)


def found_types(
    predictions: Sequence[Prediction], limit: float, provides: Provides, *, every: bool
) -> list[Prediction]:
    """The predictions that are written: the most probable type of each image that is found at `limit`.

    With `every`, or if an image may have several types, all that reach `limit` by themselves.
    """
    if every or not provides.one_type:
        return [p for p in predictions if p.score >= limit]
    found = {(p.image_id, p.category_id) for p in image_answers(predictions, provides) if p.score >= limit}
    return [p for p in predictions if (p.image_id, p.category_id) in found]


def typed_files(
    images: Sequence[Image],
    predictions: Sequence[Prediction],
    categories: Sequence[Category],
    abstain: float | None,
    *,
    several: bool = False,
) -> list[TypedFile]:
    """The type of each image by predictions of all types; None if its probability is below `abstain`.

    With `several` types, an image has every type whose probability is at least 0.5; without any it is good.
    """
    ordered = sorted(categories, key=lambda category: category.id)
    names = type_names(category.name for category in ordered)
    by_type = type_probabilities(images, [category.id for category in ordered], predictions, several=several)
    if several:
        return [
            _several(image.file_name, names, row.tolist(), abstain or 0.0)
            for image, row in zip(images, by_type, strict=True)
        ]
    return [
        TypedFile(
            image.file_name,
            names[int(row.argmax())] if row.max() >= (abstain or 0.0) else None,
            float(row.max()),
            dict(zip(names, row.tolist(), strict=True)),
        )
        for image, row in zip(images, by_type, strict=True)
    ]


def _several(file_name: str, names: Sequence[str], row: Sequence[float], abstain: float) -> TypedFile:
    types = {name: value for name, value in zip(names[1:], row[1:], strict=True) if value >= PRESENT}
    certain = min((max(value, 1 - value) for value in row[1:]), default=1.0)
    kept = certain >= abstain
    top = max(types, key=lambda name: types[name]) if types else GOOD
    every = dict(zip(names, row, strict=True))
    return TypedFile(file_name, top if kept else None, certain, every, list(types) if kept else [])


def write_types_json(path: Path, files: Sequence[TypedFile]) -> None:
    """Write a list of TypedFile, one per line."""
    lines = ",\n".join(msgspec.json.encode(file).decode() for file in files)
    write_atomic(path, f"[\n{lines}\n]\n".encode())


def write_types_csv(path: Path, files: Sequence[TypedFile]) -> None:
    """Write the columns image, type (empty if abstained), probability, and the probability of each type.

    Several types are joined by a semicolon.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["image", "type", "probability", *(files[0].probabilities if files else ())])
    for file in files:
        numbers = [f"{value:.6f}" for value in file.probabilities.values()]
        writer.writerow([file.file_name, named_types(file), f"{file.probability:.6f}", *numbers])
    write_atomic(path, text.getvalue().encode())


def type_rows(files: Sequence[TypedFile]) -> Iterator[tuple[str, str, str]]:
    """Image, type and probability as texts."""
    for file in files:
        yield file.file_name, named_types(file) or "(abstained)", f"{file.probability:.3f}"


def named_types(file: TypedFile) -> str:
    """All types of an image in one text, empty if the classifier abstained."""
    return "; ".join(file.types) or file.type or ""
