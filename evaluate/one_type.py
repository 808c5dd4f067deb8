"""Runs that find defects without telling their types apart: everything is of one category."""

from collections.abc import Iterable, Sequence

import msgspec

from datasets.coco import Category, CocoFile
from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run

DEFECT = "defect"


def defect_category(categories: Sequence[Category]) -> Category:
    """The category of all defects: the only one of a dataset, the one called `defect`, or a new one after them."""
    if len(categories) == 1:
        return categories[0]
    named = [category for category in categories if category.name == DEFECT]
    return named[0] if named else Category(max((c.id for c in categories), default=0) + 1, DEFECT)


def as_one_type(coco: CocoFile) -> CocoFile:
    """`coco` with every annotation of the category of all defects, the only one left."""
    category = defect_category(coco.categories)
    annotations = [msgspec.structs.replace(a, category_id=category.id) for a in coco.annotations]
    return msgspec.structs.replace(coco, annotations=annotations, categories=[category])


def run_categories(run: Run, dataset: Dataset) -> list[Category]:
    """The categories of the predictions of `run`: those of its dataset, or the one of all defects."""
    return dataset.categories if run.provides.types else [defect_category(dataset.categories)]


def types_by_image(coco: CocoFile) -> dict[int, str]:
    """The defect types of each image id, joined by ` + `; nothing for images without an annotation that counts."""
    names = coco.names()
    found: dict[int, set[str]] = {}
    for annotation in coco.annotations:
        if not annotation.iscrowd:
            found.setdefault(annotation.image_id, set()).add(names[annotation.category_id])
    return {image: _joined(types) for image, types in found.items()}


def _joined(types: Iterable[str]) -> str:
    return " + ".join(sorted(types))
