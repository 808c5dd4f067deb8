"""A folder of images and a folder of masks, paired by name, to a COCO dataset folder."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, encode_instance, ignored_positions, recorded_options
from convert.exclusion import exclusion_events
from convert.execution import Execution
from convert.faults import planning_faults
from convert.mask_drawing import draw_masks
from convert.mask_instances import Cut, check_cut, read_masked_image
from convert.report import Event, Report
from convert.split_assignment import SplitRule, assign_splits, ignored_splits, instance_stratum
from datasets.coco import SPLITS, Category
from datasets.formats.mask_folders import MaskedImage, pair_masks
from datasets.formats.mask_layers import MaskMeaning, Void, check_same_values
from datasets.formats.mask_pattern import STEM, parse_pattern
from datasets.formats.mask_types import MaskTypes
from datasets.formats.segmentation_export import MaskSource, find_mask_source, with_objects
from datasets.images.colour_mask import Colour
from datasets.images.image_file import read_image_bytes
from datasets.masks.pixel_mask import mask_name, write_pixel_mask
from datasets.splits import Ratios
from system.errors import InputError, OptionError
from system.exclude import Excluder
from system.files import check_apart, link_or_copy
from system.links import check_inside

POOL_PAYS_FROM = 256  # images and masks
PRELOAD = ("numpy", "PIL.Image", "pycocotools.mask")
MAX_NAMES = 255  # an index PNG has 8 bits, and 0 is the background


class MasksOptions(msgspec.Struct, frozen=True):
    """Where the masks are and what they mean.

    Binary masks mark one category; with `indices` value k is the k-th category; with `colours` the colour is the
    type; with `type_folders` the folder `masks` has a folder of masks for each type, and `categories` is empty.
    The mask of SRC/a/b.jpg is `masks`/a/<pattern>.*, with b for {stem}; with {n} in the pattern it has several
    masks, one for each instance. An image without a mask is left out, or is a negative, as `unlabelled` states; an
    image whose masks are all black is always a negative. `void` is the treatment of void pixels (Pascal VOC).
    """

    masks: Path
    categories: tuple[str, ...]
    indices: bool = False
    threshold: int | None = None
    pattern: str = STEM
    unlabelled: Literal["leave-out", "negative"] = "leave-out"
    split: SplitRule = "stratified"
    ratios: Ratios = (0.7, 0.1, 0.2)
    seed: int = 0
    cut: Cut = Cut()
    colours: tuple[tuple[str, Colour], ...] = ()
    type_folders: bool = False
    void: Void = "refuse"


LATER_OPTIONS = {"colours": (), "type_folders": False, "void": "refuse"}  # recorded only if they were given


class _Work(msgspec.Struct, frozen=True):
    """Arguments that are the same for every image."""

    options: MasksOptions
    meaning: MaskMeaning


def masks2coco(source: Path, dest: Path, options: MasksOptions, execution: Execution = Execution()) -> Report:
    """Convert the images below `source` and their masks into the dataset folder `dest`.

    Each component becomes one annotation, or each mask where they are instances. Raises InputError for masks that
    do not pair, all together unless `execution.skip_bad`, for values that a mask should not have and, with
    `execution.strict`, for the first loss; OptionError for impossible options and OutputError for `dest`.
    """
    check_options(options)
    check_apart(dest, [source, options.masks])
    mask_source = find_mask_source(options.masks)
    pattern = parse_pattern(options.pattern)
    exclude = Excluder(execution.exclude)
    pairing = pair_masks(source, mask_source.masks, pattern, exclude, type_folders=options.type_folders)
    types = MaskTypes(options.categories, options.indices, options.colours, options.type_folders)
    names = types.names(pairing.types)
    void = options.void != "refuse"
    meaning = types.meaning(names, threshold=options.threshold, void=void, numbered=pattern.several)
    categories = [Category(i, name) for i, name in enumerate(names, 1)]
    excluded = exclusion_events(exclude, [*pairing.images, *pairing.faults])
    for image in pairing.images:
        check_inside(image.path, [source])
    images = [with_objects(image, mask_source) for image in pairing.images]
    masks = sum(len(image.masks) for image in images)
    conversion = Conversion(
        tool="masks2coco",
        origins=[source.resolve().name, options.masks.resolve().name],
        options=_recorded(options),
        categories=categories,
        sources=images,
        convert_image=partial(_convert_image, work=_Work(options, meaning)),
        assign_splits=_split_rule(options, source, mask_source, categories),
        read={"images": len(images), "masks": masks, "categories": len(names)},
        events=[*excluded, *_ignored_splits(options, source, mask_source, images)],
        pool_pays=len(images) + masks >= POOL_PAYS_FROM,
        preload=PRELOAD,
        check_mask_values=check_same_values,
        faults=planning_faults(mask_source.masks, pairing.faults),
    )
    return assemble(dest, conversion, execution)


def check_options(options: MasksOptions) -> None:
    """Raise OptionError for values no conversion can use."""
    check_cut(options.cut, options.threshold)
    parse_pattern(options.pattern)
    names = options.categories
    if not all(name.strip() for name in names) or len(set(names)) < len(names):
        given = f"{'--categories' if options.indices else '--category'} {','.join(names)}"
        raise OptionError(given, "an empty name or one given twice", "name each once")
    if len(names) > MAX_NAMES:
        raise OptionError("--categories", f"{len(names)} names, but an index PNG holds {MAX_NAMES}", "merge some")
    if options.indices and options.threshold is not None:
        remedy = "give --category NAME for grey masks"
        raise OptionError(f"--threshold {options.threshold}", "index masks have no grey values", remedy)
    if options.colours and options.threshold is not None:
        problem = "coloured masks have no grey values"
        raise OptionError(f"--threshold {options.threshold}", problem, "leave it out, or give --category NAME")
    if options.void != "refuse" and not (options.indices or options.colours):
        problem = "a binary mask has no void pixels"
        raise OptionError(f"--void {options.void}", problem, "leave it out, or give --categories or --colours")


def _recorded(options: MasksOptions) -> dict[str, object]:
    recorded = recorded_options(options)
    return {name: value for name, value in recorded.items() if LATER_OPTIONS.get(name, ...) != value}


def _split_rule(
    options: MasksOptions, source: Path, mask_source: MaskSource, categories: Sequence[Category]
) -> Callable[[Mapping[str, str]], Mapping[str, str]]:
    """As `assign_splits`; with --split original, lists of image ids in the export go before folders."""
    if options.split == "original" and mask_source.splits:
        return partial(_split_by_list, mask_source=mask_source)
    return assign_splits(options.split, options.ratios, options.seed, source, categories)


def _split_by_list(strata: Mapping[str, str], mask_source: MaskSource) -> dict[str, str]:
    ids = {file_name: PurePosixPath(file_name).stem for file_name in strata}
    for file_name, image_id in ids.items():
        if image_id not in mask_source.splits:
            problem = f"--split original, but ImageSets/Segmentation has no list with {file_name}"
            raise InputError(mask_source.masks.parent, problem, "add it to a list, or leave out --split original")
    return {file_name: mask_source.splits[image_id] for file_name, image_id in ids.items()}


def _ignored_splits(
    options: MasksOptions, source: Path, mask_source: MaskSource, images: Sequence[MaskedImage]
) -> list[Event]:
    named = {mask_source.splits.get(PurePosixPath(image.file_name).stem) for image in images}
    splits = [split for split in SPLITS if split in named]
    if len(splits) > 1 and options.split == "stratified":
        return [Event("ImageSets/Segmentation", "", "splits-ignored", ", ".join(splits))]
    return ignored_splits(options.split, source, (image.file_name for image in images))


def _convert_image(source: MaskedImage, dest: Path | None, work: _Work) -> Converted:
    info, data = read_masked_image(source.path)
    digest = hashlib.sha256(data)
    for mask in source.masks:
        digest.update(read_image_bytes(mask.path))
        if mask.objects is not None:
            digest.update(read_image_bytes(mask.objects))
    drawing = draw_masks(source, info, work.meaning, work.options.cut, work.options.void)
    events = drawing.events
    kept = drawing.kept
    if not source.masks and work.options.unlabelled != "negative":
        kept, events = False, [Event(source.file_name, "", "unlabelled", "no mask")]
    if dest is not None and kept:
        link_or_copy(source.path, f"{dest}/images/{source.file_name}")
        write_pixel_mask(
            f"{dest}/masks/{mask_name(source.file_name)}", drawing.pixel_mask, info.height, info.width
        )
    return Converted(
        source.file_name,
        info.width,
        info.height,
        digest.hexdigest(),
        instance_stratum(drawing.instances),
        [instance.category_id for instance in drawing.instances],
        [encode_instance(instance) for instance in drawing.instances],
        events,
        kept,
        drawing.mask_values,
        ignored_positions(drawing.instances),
    )
