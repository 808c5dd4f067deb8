"""MVTec AD category folders to a COCO dataset folder: one annotation per component, negatives listed."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import msgspec

from convert.report import Event, Report, check_strict, make_report
from datasets.coco import Annotation, Box, Category, Image, Segmentation
from datasets.errors import InputError, OptionError
from datasets.files import check_apart, check_destination, link_or_copy, new_folder
from datasets.folder import (
    Provenance,
    content_hash,
    make_provenance,
    mask_path,
    write_annotations,
    write_pixel_mask,
    write_provenance,
)
from datasets.images import read_info
from datasets.mvtec import MvtecImage, MvtecTree, read_mvtec_tree
from datasets.splits import SPLITS, Ratios, stratified_split

Progress = Callable[[Iterable[Any], str, int], Iterable[Any]]
POOL_PAYS_FROM = 256  # masks; below, starting processes costs more than it saves


class Options(msgspec.Struct, frozen=True):
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


class _Converted(msgspec.Struct, frozen=True):
    """What one image became."""

    file_name: str
    width: int
    height: int
    sha256: str
    instances: list[tuple[Box, int, Segmentation]]
    events: list[Event]


def mvtec2coco(
    sources: Sequence[Path],
    dest: Path,
    options: Options,
    *,
    overwrite: bool = False,
    dry_run: bool = False,
    strict: bool = False,
    jobs: int = 0,
    progress: Progress = lambda items, _label, _total: items,
) -> Report:
    """Convert one or several category folders into the dataset folder `dest`; several get their names as prefix.

    `jobs` is the number of processes, 0 chooses. `strict` makes a loss an InputError. With
    `dry_run` everything is read and checked, nothing written.
    Raises InputError for what does not pair or cannot be read, OutputError for `dest`.
    """
    check_options(options)
    check_apart(dest, sources)
    check_destination(dest, overwrite=overwrite)
    trees = [read_mvtec_tree(source) for source in sources]
    categories, todo = _plan(trees)
    split_of = _assign_splits(trees, todo, options)
    if dry_run:
        return _report(todo, list(_convert_all(todo, None, options, jobs, progress)), categories, strict=strict)
    with new_folder(dest, overwrite=overwrite) as partial_dest:
        done = list(_convert_all(todo, partial_dest, options, jobs, progress))
        report = _report(todo, done, categories, strict=strict)
        images, annotations = _number(todo, done)
        members = {s: [i for i in images if split_of[i.file_name] == s] for s in SPLITS}
        write_annotations(partial_dest, members, annotations, categories)
        write_provenance(partial_dest, _provenance(trees, options, members, annotations, categories, done, report))
    return report


def check_options(options: Options) -> None:
    """Raise OptionError for values no conversion can use."""
    if options.min_area < 1:
        raise OptionError(f"--min-area {options.min_area}", "less than one pixel", "give 1 or more")
    if options.merge_gap < 0:
        raise OptionError(f"--merge-gap {options.merge_gap}", "negative", "give 0 or more pixels")
    if options.threshold is not None and options.threshold < 1:
        raise OptionError(f"--threshold {options.threshold}", "would make every pixel a defect", "give 1 or more")


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


def _assign_splits(trees: Sequence[MvtecTree], todo: Sequence[_Source], options: Options) -> dict[str, str]:
    if options.split == "original":
        return {source.file_name: source.image.split for source in todo}
    if not any(tree.defect_types for tree in trees):
        raise InputError(trees[0].root, "no defect image in test/*", "check that it was unpacked completely")
    return stratified_split(
        {s.file_name: s.file_name.rsplit("/", 1)[0] for s in todo}, options.ratios, options.seed
    )


def _convert_all(
    todo: Sequence[_Source], dest: Path | None, options: Options, jobs: int, progress: Progress
) -> Iterator[_Converted]:
    if dest is not None:
        for folder in sorted({Path(source.file_name).parent for source in todo}):
            (dest / "images" / folder).mkdir(parents=True)
            (dest / "masks" / folder).mkdir(parents=True)
    work = partial(_convert_image, dest=dest, options=options)
    masks = sum(source.image.mask is not None for source in todo)
    if jobs == 1 or (jobs == 0 and masks < POOL_PAYS_FROM):
        yield from progress(map(work, todo), "convert", len(todo))
        return
    with ProcessPoolExecutor(jobs or None) as pool:
        yield from progress(pool.map(work, todo, chunksize=16), "convert", len(todo))


def _convert_image(source: _Source, dest: Path | None, options: Options) -> _Converted:
    path, info = source.image.path, read_info(source.image.path)
    if info.orientation != 1:
        raise InputError(
            path, f"EXIF orientation {info.orientation}, while masks are as stored", "save it upright"
        )
    digest = hashlib.sha256(path.read_bytes())
    instances: list[tuple[Box, int, Segmentation]] = []
    events: list[Event] = []
    if dest is not None:
        link_or_copy(path, dest / "images" / source.file_name)
    if source.image.mask is not None:
        digest.update(source.image.mask.read_bytes())
        instances, events = _convert_mask(source, (info.height, info.width), dest, options)
    elif dest is not None:
        write_pixel_mask(mask_path(dest, source.file_name), None, info.height, info.width)
    return _Converted(source.file_name, info.width, info.height, digest.hexdigest(), instances, events)


def _convert_mask(
    source: _Source, size: tuple[int, int], dest: Path | None, options: Options
) -> tuple[list[tuple[Box, int, Segmentation]], list[Event]]:
    import numpy as np

    from datasets.masks import components, read_mask
    from datasets.polygons import component_to_segmentation

    path = source.image.mask
    assert path is not None
    mask = read_mask(path, options.threshold)
    if mask.shape != size:
        raise InputError(
            path,
            f"{mask.shape[1]} x {mask.shape[0]} pixels, its image {size[1]} x {size[0]}",
            "make the mask as large as the image",
        )
    found = components(mask, connectivity=options.connectivity, merge_gap=options.merge_gap)
    kept = [component for component in found if component.area >= options.min_area]
    if not kept:
        raise InputError(
            path,
            f"no component has --min-area {options.min_area} pixels, the image would become a negative",
            "lower --min-area or remove the image",
        )
    if dest is not None:
        indices = np.zeros(size, np.uint8)
        for component in kept:
            x, y, w, h = component.box
            indices[y : y + h, x : x + w][component.pixels] = source.category_id
        write_pixel_mask(mask_path(dest, source.file_name), indices, *size)
    events = [
        Event(source.file_name, str(list(c.box)), "below-min-area", f"{c.area} px")
        for c in found
        if c.area < options.min_area
    ]
    if options.merge_gap and (joined := len(components(mask, connectivity=options.connectivity)) - len(found)):
        events.append(Event(source.file_name, "", "merged-gap", f"{joined} joined"))
    return [(c.box, c.area, component_to_segmentation(c, *size, options.segmentation)) for c in kept], events


def _number(todo: Sequence[_Source], done: Sequence[_Converted]) -> tuple[list[Image], list[Annotation]]:
    images: list[Image] = []
    annotations: list[Annotation] = []
    for image_id, (source, converted) in enumerate(zip(todo, done, strict=True), 1):
        images.append(Image(image_id, converted.file_name, converted.width, converted.height))
        for box, area, segmentation in converted.instances:
            annotation_id = len(annotations) + 1
            annotations.append(Annotation(annotation_id, image_id, source.category_id, box, area, segmentation))
    return images, annotations


def _report(
    todo: Sequence[_Source], done: Sequence[_Converted], categories: Sequence[Category], *, strict: bool
) -> Report:
    instances = sum(len(converted.instances) for converted in done)
    masks = sum(source.image.mask is not None for source in todo)
    read = {"images": len(todo), "masks": masks, "defect types": len(categories)}
    written = {"images": len(done), "negatives": len(done) - masks, "annotations": instances}
    report = make_report(read, written, chain.from_iterable(converted.events for converted in done))
    if strict:
        check_strict(report)
    return report


def _provenance(
    trees: Sequence[MvtecTree],
    options: Options,
    members: dict[str, list[Image]],
    annotations: Sequence[Annotation],
    categories: Sequence[Category],
    done: Sequence[_Converted],
    report: Report,
) -> Provenance:
    return make_provenance(
        "mvtec2coco",
        sorted(tree.name for tree in trees),
        msgspec.to_builtins(options),
        members,
        annotations,
        categories,
        report.summary(),
        content_hash((converted.file_name, converted.sha256) for converted in done),
    )
