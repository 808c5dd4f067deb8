"""MVTec AD category folders to a COCO dataset folder: one annotation per component, negatives listed."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance, recorded_options
from convert.execution import Execution
from convert.mask_instances import (
    Cut,
    check_cut,
    check_mask_size,
    check_some_kept,
    cut_mask,
    read_masked_image,
)
from convert.report import Event, Report
from datasets.coco import Category
from datasets.formats.mvtec import MvtecImage, MvtecTree, read_mvtec_tree
from datasets.images.image_file import ImageInfo, read_image_bytes
from datasets.masks.edges import join_edges, measure_edges
from datasets.masks.packed_mask import paint_packed
from datasets.masks.pixel_mask import mask_name, write_packed_mask
from datasets.splits import Ratios, stratified_split
from system.errors import InputError, OptionError
from system.files import check_apart, check_destination, link_or_copy

POOL_PAYS_FROM = 256  # images and masks; below, starting processes costs more than it saves
PRELOAD = ("numpy", "PIL.Image", "pycocotools.mask")


class MvtecOptions(msgspec.Struct, frozen=True):
    """How to convert; sizes in pixels."""

    split: Literal["stratified", "original"] = "stratified"
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    connectivity: Literal[4, 8] = 8
    min_area: int = 1
    merge_gap: int = 0
    segmentation: Literal["rle", "polygon", "auto"] = "rle"
    threshold: int | None = None


class _Source(msgspec.Struct, frozen=True):
    """One image to convert: its name in the dataset and the index of its defect type, 0 for good."""

    image: MvtecImage
    file_name: str
    category_id: int


def mvtec2coco(
    sources: Sequence[Path],
    dest: Path,
    options: MvtecOptions = MvtecOptions(),
    execution: Execution = Execution(),
) -> Report:
    """Convert one or several category folders into the dataset folder `dest`; several get their names as prefix.

    Raises InputError for what does not pair or cannot be read and, with `execution.strict`, for the first loss;
    OptionError for impossible options and OutputError for `dest`.
    """
    check_cut(_cut(options), options.threshold)
    check_apart(dest, sources)
    check_destination(dest, overwrite=execution.overwrite)
    trees = [read_mvtec_tree(source) for source in sources]
    if options.split == "stratified" and not any(tree.defect_types for tree in trees):
        raise InputError(trees[0].root, "no defect image in test/*", "check that it was unpacked completely")
    categories, todo = _plan(trees)
    masks = sum(source.image.mask_name is not None for source in todo)
    conversion = Conversion(
        tool="mvtec2coco",
        origins=sorted(tree.name for tree in trees),
        options=recorded_options(options),
        categories=categories,
        sources=todo,
        convert_image=partial(_convert_image, options=options),
        assign_splits=partial(_assign_splits, options=options),
        read={"images": len(todo), "masks": masks, "defect types": len(categories)},
        events=[],
        pool_pays=len(todo) + masks >= POOL_PAYS_FROM,
        preload=PRELOAD,
    )
    return assemble(dest, conversion, execution)


def _plan(trees: Sequence[MvtecTree]) -> tuple[list[Category], list[_Source]]:
    names = [tree.name for tree in trees]
    if repeated := sorted(name for name, times in Counter(names).items() if times > 1):
        raise OptionError(repeated[0], "given twice as a category folder", "rename one of the folders")
    types = sorted(set(chain.from_iterable(tree.defect_types for tree in trees)))
    ids = {name: i for i, name in enumerate(types, 1)}
    todo = []
    for tree in trees:
        prefix = f"{tree.name}/" if len(trees) > 1 else ""
        todo += [_Source(image, prefix + image.relative, ids.get(image.type, 0)) for image in tree.images]
    return [Category(i, name) for name, i in ids.items()], sorted(todo, key=lambda source: source.file_name)


def _assign_splits(strata: dict[str, str], options: MvtecOptions) -> dict[str, str]:
    if options.split == "original":
        return {name: stratum.rsplit("/", 2)[-2] for name, stratum in strata.items()}
    return stratified_split(strata, options.ratios, options.seed)


def _convert_image(source: _Source, dest: Path | None, options: MvtecOptions) -> Converted:
    path = source.image.path
    info, data = read_masked_image(path)
    digest = hashlib.sha256(data)
    instances: list[Instance] = []
    events: list[Event] = []
    if dest is not None:
        link_or_copy(path, f"{dest}/images/{source.file_name}")
    mask = source.image.mask
    if mask is not None:
        digest.update(read_image_bytes(mask))
        instances, events = _convert_mask(source, mask, info, dest, options)
    elif dest is not None:
        write_packed_mask(f"{dest}/masks/{mask_name(source.file_name)}", None, info.height, info.width)
    return Converted(
        source.file_name,
        info.width,
        info.height,
        digest.hexdigest(),
        source.file_name.rsplit("/", 1)[0],
        [instance.category_id for instance in instances],
        [encode_instance(instance) for instance in instances],
        events,
    )


def _convert_mask(
    source: _Source, path: Path, picture: ImageInfo, dest: Path | None, options: MvtecOptions
) -> tuple[list[Instance], list[Event]]:
    from datasets.images.mask_file import read_mask

    mask = read_mask(path, options.threshold)
    check_mask_size(path, mask, picture)
    kept, instances, events = cut_mask(source.file_name, mask, source.category_id, _cut(options))
    check_some_kept(path, instances, _cut(options))
    if dest is not None:
        joined = [join_edges(kept)]
        size = (picture.height, picture.width)
        painted, _ = paint_packed(*size, [(source.category_id, joined[0])], measure_edges(joined, size[:1]))
        write_packed_mask(f"{dest}/masks/{mask_name(source.file_name)}", painted, *size)
    return instances, events


def _cut(options: MvtecOptions) -> Cut:
    return Cut(options.connectivity, options.min_area, options.merge_gap, options.segmentation)
