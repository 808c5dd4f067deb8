"""The content of a dataset: types, images per split, sizes, components, mask areas and box sizes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from statistics import median

import msgspec

from datasets.coco import SPLITS, Annotation
from datasets.formats.coco_export import read_coco_export
from datasets.formats.coco_layout import looks_like_coco
from datasets.formats.dataset_folder import Dataset, load_dataset, looks_like_dataset
from datasets.formats.image_search import ImageSearch
from datasets.formats.layouts.registry import find_layout, read_tree
from datasets.formats.layouts.tree import GOOD, ImageTree, check_threshold
from datasets.formats.tool_detect import ToolFormat, find_tool_format
from datasets.formats.tool_images import images_of, tool_annotations
from datasets.images.image_file import read_info
from datasets.images.mask_file import read_mask
from datasets.masks.find_components import components
from datasets.splits import ONLY_IGNORED
from system.console import print_table
from system.errors import InputError
from system.progress import Progress

NEGATIVE = "(negative)"
UNLABELLED = "(unlabelled)"
NOT_DEFECTS = frozenset({GOOD, NEGATIVE, ONLY_IGNORED, UNLABELLED})
SPLIT_ORDER = (*SPLITS, "")
LISTED_SIZES = 6  # of images; the JSON lists all
TREE = " tree"  # end of the name of a kind of dataset with masks


class Spread(msgspec.Struct, frozen=True):
    """Minimum, median and maximum of some numbers, in pixels."""

    median: float
    min: float
    max: float


class TypeSummary(msgspec.Struct, frozen=True):
    """One defect type: its instances and their sizes in pixels; None if it has no instance."""

    images: dict[str, int]
    instances: int
    area: Spread | None
    box_width: Spread | None
    box_height: Spread | None


class Summary(msgspec.Struct, frozen=True):
    """Everything `datasets summary` prints.

    `types` includes good (MVTec tree), or (negative) and (only ignore regions) (COCO folder).
    """

    path: str
    kind: str
    images: int
    splits: dict[str, int]
    proportions: dict[str, float]
    sizes: dict[str, int]
    modes: dict[str, int]
    types: dict[str, TypeSummary]


class _Fact(msgspec.Struct, frozen=True):
    split: str
    path: Path
    types: list[str]
    instances: list[tuple[str, int, int, int]]


def summarise(
    path: Path, progress: Progress = lambda items, _label, _total: items, *, threshold: int | None = None
) -> Summary:
    """Summarise an MVTec category folder, a COCO dataset folder or export, or the export of a labelling tool.

    In an MVTec tree an instance is an 8-connected component of a mask; elsewhere it is an annotation. Mask pixels
    with a grey value of at least `threshold` are a defect. Raises InputError for anything else, and OptionError
    for a threshold if the dataset has no grey masks.
    """
    summary = _summarise(path, progress, threshold)
    if threshold is not None:
        check_threshold(threshold, summary.kind, has_grey_masks=summary.kind.endswith(TREE))
    return summary


def _summarise(path: Path, progress: Progress, threshold: int | None) -> Summary:
    if path.is_file() and (tool := find_tool_format(path)):
        return _summarise_tool(path, *tool, progress)
    if path.is_file() and path.suffix.lower() == ".json":
        return _summarise_export(path, progress)
    if not path.is_dir():
        raise InputError(path, "no such folder", "name an MVTec category folder or a dataset folder")
    if looks_like_dataset(path):
        dataset = load_dataset(path)
        facts = [_coco_facts(dataset, split) for split in dataset.splits]
        return _summary(path, "COCO folder", list(dataset.splits), list(chain.from_iterable(facts)), progress)
    if looks_like_coco(path):
        return _summarise_export(path, progress)
    if tool := find_tool_format(path):
        return _summarise_tool(path, *tool, progress)
    if find_layout(path):
        tree = read_tree(path)
        splits = sorted({image.split for image in tree.images} | {"train", "test"}, key=SPLIT_ORDER.index)
        kind = f"MVTec{TREE}" if tree.layout == "mvtec" else f"{tree.layout}{TREE}"
        facts_read = _tree_facts(tree, progress, tree.threshold(threshold))
        return _summary(path, kind, splits if tree.names_splits else [""], facts_read, progress)
    inside = sorted(p.name for p in path.iterdir() if p.is_dir() and (find_layout(p) or looks_like_dataset(p)))
    remedy = f"name one of the folders inside: {', '.join(inside)}" if inside else "name another folder"
    raise InputError(path, "neither an MVTec category folder nor a COCO dataset folder", remedy)


def _summarise_export(path: Path, progress: Progress) -> Summary:
    export = read_coco_export(path)
    names = {category.id: category.name for category in export.categories}
    facts = []
    for entry in export.images:
        if entry.path is None:
            raise InputError(entry.image.file_name, f"listed in {path.name} but missing", "restore the file")
        empty = NEGATIVE if entry.is_labelled else UNLABELLED
        facts.append(_coco_fact(entry.split or "", entry.path, entry.annotations, names, empty))
    return _summary(path, "COCO export", export.splits or [""], facts, progress)


def _summarise_tool(path: Path, tool: ToolFormat, source: Path, progress: Progress) -> Summary:
    export = tool.read(source)
    facts = []
    for relative, placed in images_of(export, ImageSearch(export.root, export.not_images)).items():
        file, image = export.root / relative, placed.image
        annotations = [(label, area, w, h) for label, area, w, h in tool_annotations(file, export.root, image)]
        types = sorted({label for label, *_ in annotations}) or [NEGATIVE if image.reviewed else UNLABELLED]
        facts.append(_Fact(image.split or "", file, types, annotations))
    splits = [split for split in SPLIT_ORDER if any(fact.split == split for fact in facts)]
    return _summary(path, tool.name, splits, facts, progress)


def describe_sizes(sizes: dict[str, int]) -> str:
    """The sizes and their numbers of images; of more than LISTED_SIZES the most frequent, and the range of all."""
    frequent = sorted(sizes.items(), key=lambda item: -item[1])[:LISTED_SIZES]
    listed = ", ".join(f"{size} ({n})" for size, n in frequent)
    if len(sizes) == len(frequent):
        return listed
    widths, heights = zip(*(map(int, size.split(" x ")) for size in sizes), strict=True)
    ranges = f"widths {min(widths)} to {max(widths)}, heights {min(heights)} to {max(heights)}"
    return f"{listed} and {len(sizes) - len(frequent)} others; {ranges}"


def print_summary(summary: Summary) -> None:
    """The summary as tables for people."""
    splits = list(summary.splits)
    defects = [name for name in summary.types if name not in NOT_DEFECTS]
    rows: list[tuple[object, ...]] = [
        ("images", summary.images),
        *((f"images in {s}", f"{n} ({summary.proportions[s]:.1%})") for s, n in summary.splits.items()),
        ("defect types", f"{len(defects)}: {', '.join(defects)}" if defects else "0"),
        ("sizes", describe_sizes(summary.sizes)),
        ("modes", ", ".join(f"{mode} ({n})" for mode, n in summary.modes.items())),
    ]
    print_table(f"{summary.path} ({summary.kind})", ("", ""), rows)
    header = ("type", *splits, "instances", "area px (median, min-max)", "box w px", "box h px")
    print_table(
        "per type",
        header,
        [
            (
                name,
                *(t.images.get(split, 0) for split in splits),
                t.instances,
                *(_spread_text(s) for s in (t.area, t.box_width, t.box_height)),
            )
            for name, t in summary.types.items()
        ],
    )


def _coco_facts(dataset: Dataset, split: str) -> list[_Fact]:
    coco = dataset.splits[split]
    names = coco.names()
    annotations = coco.by_image()
    return [_coco_fact(split, dataset.image_path(image), annotations[image.id], names) for image in coco.images]


def _coco_fact(
    split: str, path: Path, annotations: Sequence[Annotation], names: Mapping[int, str], empty: str = NEGATIVE
) -> _Fact:
    """One image by its annotations; without any, its type is `empty`. Ignore regions do not count as instances."""
    single = [a for a in annotations if not a.iscrowd]
    found = [(names[a.category_id], int(a.area), int(a.bbox[2]), int(a.bbox[3])) for a in single]
    types = sorted({name for name, *_ in found}) or [ONLY_IGNORED if annotations else empty]
    return _Fact(split, path, types, found)


def _tree_facts(tree: ImageTree, progress: Progress, threshold: int | None) -> list[_Fact]:
    facts = []
    for image in progress(tree.images, "masks", len(tree.images)):
        empty_ok = image.black_is_good or image.type == GOOD
        masks = [read_mask(path, threshold, empty_ok=empty_ok) for path in image.mask_paths]
        instances = [(image.type, c.area, c.box[2], c.box[3]) for mask in masks for c in components(mask)]
        kind = GOOD if image.black_is_good and not instances else image.type
        facts.append(_Fact(image.split, image.path, [kind], instances))
    return facts


def _summary(path: Path, kind: str, splits: Sequence[str], facts: Sequence[_Fact], progress: Progress) -> Summary:
    infos = [read_info(fact.path) for fact in progress(facts, "images", len(facts))]
    per_split = {split: sum(fact.split == split for fact in facts) for split in splits}
    names = set(chain.from_iterable(fact.types for fact in facts))
    return Summary(
        path.name or path.resolve().name,
        kind,
        len(facts),
        per_split,
        {split: round(count / len(facts), 4) if facts else 0.0 for split, count in per_split.items()},
        dict(Counter(f"{info.width} x {info.height}" for info in infos).most_common()),
        dict(Counter(info.mode for info in infos).most_common()),
        {name: _type_summary(name, facts) for name in sorted(names, key=lambda n: (n in NOT_DEFECTS, n))},
    )


def _type_summary(name: str, facts: Sequence[_Fact]) -> TypeSummary:
    images = Counter(fact.split for fact in facts if name in fact.types)
    sizes = [(area, w, h) for fact in facts for kind, area, w, h in fact.instances if kind == name]
    area, width, height = (_spread([size[k] for size in sizes]) for k in range(3))
    return TypeSummary(dict(sorted(images.items())), len(sizes), area, width, height)


def _spread(values: Sequence[int]) -> Spread | None:
    return Spread(median(values), min(values), max(values)) if values else None


def _spread_text(spread: Spread | None) -> str:
    return f"{spread.median:.0f}, {spread.min:.0f}-{spread.max:.0f}" if spread else "-"
