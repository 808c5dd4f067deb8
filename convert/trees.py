"""The trees that `mvtec2coco` converts: their faults, and what is reported of them."""

from collections.abc import Sequence
from pathlib import Path

from convert.faults import Fault, planning_faults
from convert.report import Event
from datasets.formats.category_names import joined_labels
from datasets.formats.layouts.registry import LayoutName, read_tree
from datasets.formats.layouts.tree import ImageTree
from system.errors import InputError
from system.exclude import Excluder


def read_trees(
    sources: Sequence[Path], layout: LayoutName, exclude: Excluder
) -> tuple[list[ImageTree], list[Fault]]:
    """The sound images of each tree, and the faults of all, named as the images are in the dataset."""
    trees, faults = [], []
    for source in sources:
        errors: list[InputError] = []
        trees.append(read_tree(source, layout, exclude, faults=errors))
        faults += planning_faults(source, errors, f"{trees[-1].name}/" if len(sources) > 1 else "")
    return trees, faults


def check_splits_named(trees: Sequence[ImageTree]) -> None:
    """Raise InputError for a tree whose layout names no splits."""
    for tree in trees:
        if not tree.names_splits:
            problem = f"--split original, but the layout {tree.layout} has no splits"
            raise InputError(tree.root, problem, "leave out --split original")


def left_out_events(trees: Sequence[ImageTree]) -> list[Event]:
    """An event for each folder without ground truth."""
    return [Event(f"{tree.name}/{name}", "", "no-ground-truth", "") for tree in trees for name in tree.left_out]


def joined_events(trees: Sequence[ImageTree]) -> list[Event]:
    """An event for each defect type whose folders are spelt in several ways that look the same."""
    groups = joined_labels(kind for tree in trees for kind in tree.defect_types)
    return [Event(".", "", "joined-category", f"{len(kinds)} spellings of {name}") for name, kinds in groups]
