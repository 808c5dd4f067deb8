"""Convert category folders of MVTec AD or a similar layout to a COCO dataset folder.

Each component of a mask becomes an annotation.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance, recorded_options
from convert.exclusion import exclusion_events
from convert.execution import Execution
from convert.mask_instances import (
    Cut,
    check_cut,
    check_some_kept,
    cut_mask,
    read_masked_image,
)
from convert.report import Event, Report
from convert.trees import check_splits_named, joined_events, left_out_events, read_trees
from datasets.coco import Category, SegmentationForm
from datasets.formats.category_names import category_name
from datasets.formats.layouts.registry import LayoutName
from datasets.formats.layouts.tree import GOOD, ImageTree, TreeImage, check_good_mask, check_has_defects
from datasets.formats.listed_image import check_mask_size
from datasets.images.image_file import ImageInfo, check_whole, read_image_bytes
from datasets.masks.component import Component
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import mask_name, write_pixel_mask
from datasets.splits import Ratios, stratified_split
from system.errors import OptionError, raise_together
from system.exclude import Excluder
from system.files import check_apart, check_destination, link_or_copy
from system.links import check_inside

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POOL_PAYS_FROM = 256  # images and masks; for fewer, starting processes costs more than it saves
PRELOAD = ("numpy", "PIL.Image", "pycocotools.mask")


class MvtecOptions(msgspec.Struct, frozen=True):
    """Options of the conversion; `min_area` and `merge_gap` are in pixels."""

    split: Literal["stratified", "original"] = "stratified"
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    connectivity: Literal[4, 8] = 8
    min_area: int = 1
    merge_gap: int = 0
    segmentation: SegmentationForm = "rle"
    threshold: int | None = None
    layout: LayoutName = "auto"


class _Source(msgspec.Struct, frozen=True):
    """One image to convert: its name in the dataset and the index of its defect type, 0 for good.

    `stratum` groups images that are split in proportion; `threshold` is that of its tree.
    """

    image: TreeImage
    file_name: str
    stratum: str
    category_id: int
    threshold: int | None


def mvtec2coco(
    sources: Sequence[Path],
    dest: Path,
    options: MvtecOptions = MvtecOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert category folders into the dataset folder `dest`; image names of several folders get a prefix.

    Raises InputError for what does not pair or cannot be read and, with `execution.strict`, for the first loss;
    OptionError for impossible options and OutputError for `dest`.
    """
    check_cut(_cut(options), options.threshold)
    check_apart(dest, sources)
    check_destination(dest, overwrite=execution.overwrite)
    exclude = Excluder(execution.exclude)
    trees, faults = read_trees(sources, options.layout, exclude)
    images = list(chain.from_iterable(tree.images for tree in trees))
    excluded = exclusion_events(exclude, [*images, *faults])
    if not images:
        raise_together(fault.error for fault in faults)
    if options.split == "original":
        check_splits_named(trees)
    if options.split == "stratified" and not faults:
        check_has_defects(trees)
    categories, todo = _plan(trees, options.threshold)
    masks = sum(len(source.image.masks) for source in todo)
    conversion = Conversion(
        tool="mvtec2coco",
        origins=sorted(tree.name for tree in trees),
        options=_recorded(options, trees),
        categories=categories,
        sources=todo,
        convert_image=partial(_convert_image, options=options),
        assign_splits=partial(_assign_splits, options=options, todo=todo),
        read={"images": len(todo), "masks": masks, "defect types": len(categories)},
        events=[*excluded, *left_out_events(trees), *joined_events(trees)],
        pool_pays=len(todo) + masks >= POOL_PAYS_FROM,
        preload=PRELOAD,
        faults=faults,
    )
    return assemble(dest, conversion, execution)


def _plan(trees: Sequence[ImageTree], threshold: int | None) -> tuple[list[Category], list[_Source]]:
    names = [tree.name for tree in trees]
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise OptionError(repeated[0], "given twice as a category folder", "rename one of the folders")
    types = sorted({category_name(kind) for tree in trees for kind in tree.defect_types})
    ids = {name: i for i, name in enumerate(types, 1)}
    todo = []
    for tree in trees:
        prefix = f"{tree.name}/" if len(trees) > 1 else ""
        for image in tree.images:
            check_inside(image.path, [tree.root])
            name, stratum = prefix + image.relative, prefix + _stratum(tree, image)
            todo.append(
                _Source(image, name, stratum, ids.get(category_name(image.type), 0), tree.threshold(threshold))
            )
    return [Category(i, name) for name, i in ids.items()], sorted(todo, key=lambda source: source.file_name)


def _stratum(tree: ImageTree, image: TreeImage) -> str:
    """The folder of an MVTec image, so that train/good and test/good are split separately; otherwise the type."""
    return image.relative.rsplit("/", 1)[0] if tree.layout == "mvtec" else image.type


def _recorded(options: MvtecOptions, trees: Sequence[ImageTree]) -> dict[str, object]:
    """The options for dataset.json; layouts are only recorded if one is not that of MVTec AD."""
    recorded = recorded_options(options)
    del recorded["layout"]
    layouts = sorted({tree.layout for tree in trees})
    return recorded if layouts == ["mvtec"] else recorded | {"layout": layouts}


def _assign_splits(strata: dict[str, str], options: MvtecOptions, todo: Sequence[_Source]) -> dict[str, str]:
    if options.split == "original":
        return {source.file_name: source.image.split for source in todo if source.file_name in strata}
    return stratified_split(strata, options.ratios, options.seed)


def _convert_image(source: _Source, dest: Path | None, options: MvtecOptions) -> Converted:
    path = source.image.path
    info, data = read_masked_image(path)
    digest = hashlib.sha256(data)
    instances: list[Instance] = []
    events: list[Event] = []
    if dest is not None:
        link_or_copy(path, f"{dest}/images/{source.file_name}")
    for mask in source.image.mask_paths:
        content = read_image_bytes(mask)
        check_whole(mask, content)
        digest.update(content)
    if source.category_id:
        instances, events = _convert_masks(source, info, dest, options)
    else:
        _check_good(source, info)
    if dest is not None and not instances:
        write_pixel_mask(f"{dest}/masks/{mask_name(source.file_name)}", None, info.height, info.width)
    return Converted(
        source.file_name,
        info.width,
        info.height,
        digest.hexdigest(),
        source.stratum if instances or not source.image.black_is_good else GOOD,
        [instance.category_id for instance in instances],
        [encode_instance(instance) for instance in instances],
        events,
    )


def _convert_masks(
    source: _Source, image: ImageInfo, dest: Path | None, options: MvtecOptions
) -> tuple[list[Instance], list[Event]]:
    kept: list[Component] = []
    instances: list[Instance] = []
    events: list[Event] = []
    for path in source.image.mask_paths:
        mask = _read_mask(path, source, image)
        if source.image.black_is_good and not mask.any():
            continue
        large, cut_instances, repaired = cut_mask(source.file_name, mask, source.category_id, _cut(options))
        check_some_kept(path, cut_instances, _cut(options))
        kept += large
        instances += cut_instances
        events += repaired
    if dest is not None and kept:
        size = (image.height, image.width)
        painted, _ = paint(*size, [(source.category_id, component) for component in kept])
        write_pixel_mask(f"{dest}/masks/{mask_name(source.file_name)}", painted, *size)
    return instances, events


def _check_good(source: _Source, image: ImageInfo) -> None:
    """Raise InputError if a mask of a good image has a defect; all-black masks are harmless."""
    for path in source.image.mask_paths:
        is_black = not _read_mask(path, source, image, empty_ok=True).any()
        check_good_mask(path, source.image, is_black=is_black)


def _read_mask(path: Path, source: _Source, image: ImageInfo, *, empty_ok: bool = False) -> "NDArray[np.bool_]":
    from datasets.images.mask_file import read_mask

    return read_mask(
        path,
        source.threshold,
        empty_ok=empty_ok or source.image.black_is_good,
        check=lambda size: check_mask_size(path, size, (image.width, image.height)),
    )


def _cut(options: MvtecOptions) -> Cut:
    return Cut(options.connectivity, options.min_area, options.merge_gap, options.segmentation)
