"""A folder of pictures and a folder of masks, paired by name, to a COCO dataset folder."""

import hashlib
import os
import unicodedata
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import msgspec

from convert.assemble import assemble
from convert.conversion import Conversion, Converted, Instance, encode_instance, recorded_options
from convert.execution import Execution
from convert.mask_instances import Cut, check_cut, check_some_kept, cut_mask, read_masked_image
from convert.report import Event, Report
from convert.split_assignment import SplitRule, assign_splits, category_stratum, ignored_splits
from datasets.coco import Category
from datasets.formats.listed_image import check_mask_size
from datasets.images.image_file import is_image
from datasets.masks.paint import paint
from datasets.masks.pixel_mask import mask_name, write_pixel_mask
from datasets.splits import Ratios
from system.errors import InputError, OptionError
from system.files import check_apart, check_unicode, link_or_copy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POOL_PAYS_FROM = 256  # images and masks
PRELOAD = ("numpy", "PIL.Image", "pycocotools.mask")
STEM = "{stem}"


class MasksOptions(msgspec.Struct, frozen=True):
    """Where the masks are and what they mean: one category against 0, or with `indices` value k is the k-th one.

    The mask of SRC/a/b.jpg is `masks`/a/<pattern>.*, with b for {stem}. An image without a mask is left out, or a
    negative where `unlabelled` is so; an image with an all-black mask always is a negative.
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


class _Source(msgspec.Struct, frozen=True):
    """A picture, its name in the dataset, its mask."""

    picture: Path
    file_name: str
    mask: Path | None


def masks2coco(source: Path, dest: Path, options: MasksOptions, execution: Execution = Execution()) -> Report:
    """Convert the images below `source` and their masks into the dataset folder `dest`.

    Each component becomes one annotation. Raises InputError for a mask without an image, for values
    that a mask should not have and, with `execution.strict`, for the first loss; OutputError for `dest`.
    """
    check_options(options)
    check_apart(dest, [source, options.masks])
    sources = pair(source, options.masks, options.pattern)
    paired = sum(source.mask is not None for source in sources)
    categories = [Category(i, name) for i, name in enumerate(options.categories, 1)]
    conversion = Conversion(
        tool="masks2coco",
        origins=[source.resolve().name, options.masks.resolve().name],
        options=recorded_options(options),
        categories=categories,
        sources=sources,
        convert_image=partial(_convert_image, options=options),
        assign_splits=assign_splits(options.split, options.ratios, options.seed, source, categories),
        read={"images": len(sources), "masks": paired, "categories": len(options.categories)},
        events=ignored_splits(options.split, source, (image.file_name for image in sources)),
        pool_pays=len(sources) + paired >= POOL_PAYS_FROM,
        preload=PRELOAD,
    )
    return assemble(dest, conversion, execution)


def check_options(options: MasksOptions) -> None:
    """Raise OptionError for values no conversion can use."""
    check_cut(options.cut, options.threshold)
    if any(side.count(STEM) != 1 for side in options.pattern.split("=", 1)) or "/" in options.pattern:
        problem = "no pattern for the name of a mask without its ending"
        remedy = f"give one like {STEM}_mask, or img_{STEM}=gt_{STEM}"
        raise OptionError(f"--pattern {options.pattern}", problem, remedy)
    names = options.categories
    if not all(name.strip() for name in names) or len(set(names)) < len(names):
        given = f"{'--categories' if options.indices else '--category'} {','.join(names)}"
        raise OptionError(given, "an empty name or one given twice", "name each once")
    if len(names) > 255:
        raise OptionError("--categories", f"{len(names)} names, an index PNG tells 255", "merge some")
    if options.indices and options.threshold is not None:
        remedy = "give --category NAME for grey masks"
        raise OptionError(f"--threshold {options.threshold}", "index masks have no grey values", remedy)


def pair(pictures: Path, masks: Path, pattern: str) -> list[_Source]:
    """Pictures below a folder with their masks, sorted by name. Raises InputError where a mask has no picture."""
    masks = _spelt_like(masks, pictures)
    of_stem: dict[str, Path] = {}
    for mask in _below(masks):
        stem = _same_form(mask.relative_to(masks).with_suffix("").as_posix())
        if stem in of_stem:
            raise InputError(mask, f"a second mask beside {of_stem[stem].name}", "keep one of them")
        of_stem[stem] = mask
    wanted = {picture: _mask_stem(picture.relative_to(pictures), pattern) for picture in _below(pictures)}
    found = {picture: of_stem.get(stem) for picture, stem in wanted.items() if stem is not None}
    paired = {picture: mask for picture, mask in found.items() if mask is not None and mask != picture}
    if not paired:
        picture, wanted_stem = next(iter(wanted.items()))
        folders = sorted({Path(name).parts[0] for name in of_stem if "/" in name})
        remedy = "give the --pattern of their names"
        if len(folders) > 1 and not any((pictures / folder).is_dir() for folder in folders):
            remedy = f"join the masks in {', '.join(folders[:4])} into index masks for --categories"
        raise InputError(masks, f"has no mask {wanted_stem or pattern}.* for {picture.name}", remedy)
    used = set(paired.values())
    sources = [
        _Source(picture, picture.relative_to(pictures).as_posix(), paired.get(picture))
        for picture in wanted
        if picture not in used
    ]
    for mask in of_stem.values():
        if mask not in used and mask not in wanted:
            problem = f"no picture in {pictures} has this mask by the pattern {pattern}"
            raise InputError(mask, problem, "add the picture, remove the mask or give another --pattern")
    return sorted(sources, key=lambda source: source.file_name)


def _below(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name a folder of pictures and one of masks")
    found: list[Path] = []
    for root, subfolders, names in os.walk(folder, onerror=_tell):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        found += [path for name in names if is_image(path := Path(root, name))]
    if not found:
        raise InputError(folder, "no picture in this folder", "name another folder")
    check_unicode(folder, map(str, found))
    return sorted(found)


def _tell(error: OSError) -> NoReturn:
    raise error


def _spelt_like(folder: Path, other: Path) -> Path:
    """`folder` said by way of `other` where it lies in it, so that their files can be told to be the same."""
    if folder.resolve().is_relative_to(other.resolve()):
        return other / folder.resolve().relative_to(other.resolve())
    return folder


def _mask_stem(relative: Path, pattern: str) -> str | None:
    """The name of the mask of an image without its ending, None where the pattern is of other images."""
    image, _, mask = pattern.rpartition("=")
    before, _, after = image.partition(STEM)
    stem = relative.stem
    if len(stem) < len(before) + len(after) or not (stem.startswith(before) and stem.endswith(after)):
        return None
    common = stem[len(before) : len(stem) - len(after)]
    return _same_form((relative.parent / mask.replace(STEM, common)).as_posix())


def _same_form(name: str) -> str:
    """One of the forms in which Unicode writes a letter with an accent: macOS takes names apart."""
    return unicodedata.normalize("NFC", name)


def _convert_image(source: _Source, dest: Path | None, options: MasksOptions) -> Converted:
    info, data = read_masked_image(source.picture)
    digest = hashlib.sha256(data)
    kept = source.mask is not None or options.unlabelled == "negative"
    instances: list[Instance] = []
    events: list[Event] = []
    mask = None
    if source.mask is not None:
        digest.update(source.mask.read_bytes())
        values = _read(source.mask, options)
        check_mask_size(source.mask, values.shape[::-1], (info.width, info.height))
        mask, instances, events = _cut(source.file_name, values, options)
        if values.any():
            check_some_kept(source.mask, instances, options.cut)
    elif not kept:
        events = [Event(source.file_name, "", "unlabelled", "no mask")]
    if dest is not None and kept:
        link_or_copy(source.picture, f"{dest}/images/{source.file_name}")
        write_pixel_mask(f"{dest}/masks/{mask_name(source.file_name)}", mask, info.height, info.width)
    ids = [instance.category_id for instance in instances]
    return Converted(
        source.file_name,
        info.width,
        info.height,
        digest.hexdigest(),
        category_stratum(ids),
        ids,
        [encode_instance(instance) for instance in instances],
        events,
        kept,
    )


def _read(mask: Path, options: MasksOptions) -> "NDArray[np.integer]":
    from datasets.images.mask_file import read_indices, read_mask

    if options.indices:
        return read_indices(mask, len(options.categories))
    return read_mask(mask, options.threshold, empty_ok=True).astype("uint8")


def _cut(
    file_name: str, values: "NDArray[np.integer]", options: MasksOptions
) -> "tuple[NDArray[np.uint8] | None, list[Instance], list[Event]]":
    import numpy as np

    present = [int(k) for k in np.unique(values) if k]
    done = [cut_mask(file_name, values == k, k, options.cut) for k in present]
    painted = [(k, component) for k, (kept, _, _) in zip(present, done, strict=True) for component in kept]
    height, width = values.shape
    mask = paint(height, width, painted)[0] if painted else None
    instances = list(chain.from_iterable(made for _, made, _ in done))
    return mask, instances, list(chain.from_iterable(events for _, _, events in done))
