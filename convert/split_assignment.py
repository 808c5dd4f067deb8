"""Assign images to splits: stratified by their rarest defect type, or by the names of their folders."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from convert.conversion import Instance
from convert.report import Event
from datasets.coco import SPLITS, Category
from datasets.formats.split_names import split_of_folder
from datasets.splits import ONLY_IGNORED, Ratios, rarest_types, stratified_split
from system.errors import InputError

SplitRule = Literal["stratified", "original"]


def category_stratum(category_ids: Iterable[int]) -> str:
    """The categories of an image as text for `split_by_type`; an empty list for a negative."""
    return msgspec.json.encode(sorted(set(category_ids))).decode()


def instance_stratum(instances: Sequence[Instance]) -> str:
    """`category_stratum` of an image; ignore regions have no category, and an image with nothing else has 0."""
    ids = [instance.category_id for instance in instances if not instance.iscrowd]
    return category_stratum(ids if ids or not instances else [0])


def split_by_type(
    strata: Mapping[str, str], ratios: Ratios, seed: int, categories: Iterable[Category]
) -> dict[str, str]:
    """The split of each file name from its `category_stratum`, as `datasets split` assigns it."""
    names = {0: ONLY_IGNORED} | {category.id: category.name for category in categories}
    ids = {name: msgspec.json.decode(stratum, type=list[int]) for name, stratum in strata.items()}
    types = {name: [names[k] for k in category_ids] for name, category_ids in ids.items()}
    return stratified_split(rarest_types(types), ratios, seed)


def split_by_folder(strata: Mapping[str, str], source: Path) -> dict[str, str]:
    """The split that is named by a folder of each file name, as in train/a.png.

    Raises InputError with `source` if no folder names a split.
    """
    splits = {}
    for file_name in strata:
        split = split_of_folder(file_name)
        if split is None:
            problem = f"--split original, but {file_name} is in none of the folders {', '.join(SPLITS)}"
            raise InputError(source, problem, "move it into one of them, or leave out --split original")
        splits[file_name] = split
    return splits


def assign_splits(
    rule: SplitRule, ratios: Ratios, seed: int, source: Path, categories: Sequence[Category]
) -> Callable[[Mapping[str, str]], dict[str, str]]:
    """The function for `rule` that maps file name -> `category_stratum` to file name -> split."""
    if rule == "original":
        return lambda strata: split_by_folder(strata, source)
    return lambda strata: split_by_type(strata, ratios, seed, categories)


def ignored_splits(rule: SplitRule, source: Path, file_names: Iterable[str]) -> list[Event]:
    """An event if folders are named like splits but `--split stratified` assigns their images again."""
    named = {split for name in file_names if (split := split_of_folder(name)) is not None}
    if rule == "original" or len(named) < 2:
        return []
    return [Event(source.resolve().name, "", "splits-ignored", ", ".join(s for s in SPLITS if s in named))]
