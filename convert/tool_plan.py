"""Plan the conversion of a labelling tool's export before any shape is drawn: images, categories, splits."""

import posixpath
from collections.abc import Mapping, Sequence

import msgspec

from convert.exclusion import exclusion_events
from convert.faults import Fault, planning_faults, reported_with
from convert.labels import joined_events, make_categories, parse_renames, read_labels_file
from convert.report import Event
from convert.split_assignment import split_by_type
from convert.tool_options import ToolOptions
from datasets.coco import SPLITS, Category
from datasets.formats.fractions import check_not_fractions, shape_corners
from datasets.formats.image_search import ImageSearch
from datasets.formats.split_names import split_of_folder
from datasets.formats.tool_box_form import find_other_forms
from datasets.formats.tool_export import Loss, ToolExport, ToolImage
from datasets.formats.tool_images import check_in_splits, dataset_names, images_of, without_excluded
from system.errors import InputError, collected
from system.exclude import NOTHING, Excluder


class ToolSource(msgspec.Struct, frozen=True):
    """One image to convert: its name in the dataset, its file, its place in the export.

    `image` has no shapes if the export does not list the image.
    """

    file_name: str
    path: str
    image: ToolImage


class ToolPlan(msgspec.Struct, frozen=True):
    """Sources sorted by file name, categories, category id of each label, and counts and events so far.

    `splits` is file name -> split, for the images that have a split in the export.
    """

    sources: list[ToolSource]
    categories: list[Category]
    ids: dict[str, int]
    splits: dict[str, str]
    read: dict[str, int]
    events: list[Event]
    faults: list[Fault]


def plan_export(
    export: ToolExport,
    options: ToolOptions,
    errors: Sequence[InputError],
    exclude: Excluder = NOTHING,
    *,
    skip_bad: bool,
) -> ToolPlan:
    """Find the image of each entry of the export; `errors` are the faults of the export itself.

    Faulty entries are left out, and no image without an entry becomes a negative if there are any: the entry that
    was left out may be that of the image. Raises InputError for unusable labels, together with the
    faults unless `skip_bad`, and OptionError.
    """
    search = ImageSearch(options.images or export.root, export.not_images, exclude)
    export = without_excluded(export, search, exclude)
    excluded = exclusion_events(exclude, [*export.images, *errors])
    stems = exclude.stems()
    misplaced: list[tuple[ToolImage, InputError]] = []
    placed = images_of(export, search, misplaced)
    faulty = [*errors, *(error for _, error in misplaced)]
    suspected: list[tuple[str, Loss]] = []
    with collected(faulty):
        check_not_fractions(export.root, shape_corners(export), export.unit)
        suspected = find_other_forms(export, placed, search.root)
    faults = planning_faults(export.root, faulty)
    entries = {relative: one.image for relative, one in placed.items()}
    events = [
        *excluded,
        *(Event(file, loss.where, loss.code, loss.value) for file, loss in (*export.losses, *suspected)),
    ]
    events += [
        Event(one.image.file, one.image.where, "image-moved", relative)
        for relative, one in placed.items()
        if not one.whole
    ]
    unlisted = [relative for relative in search.images if relative not in entries]
    if options.unlabelled == "negative" and not faults:
        entries |= {
            relative: _unlisted(relative, export.splits) for relative in unlisted if _stem(relative) not in stems
        }
    events += [
        Event(relative, "", "unlabelled", "not in the export") for relative in unlisted if relative not in entries
    ]
    named = dataset_names(entries)
    sources = [
        ToolSource(named[relative], f"{search.root}/{relative}", image) for relative, image in entries.items()
    ]
    splits = {named[relative]: image.split for relative, image in entries.items() if image.split}
    if options.split == "stratified" and len(set(splits.values())) > 1:
        ignored = ", ".join(split for split in SPLITS if split in splits.values())
        events.append(Event(".", "", "splits-ignored", ignored))
    with reported_with(faulty, skip=skip_bad):
        seen = _labels(export)
        events += joined_events(seen)
        categories, ids = _categories(seen, options)
    return ToolPlan(
        sorted(sources, key=lambda source: source.file_name),
        categories,
        ids,
        splits,
        export.read | {"images not in it": len(unlisted)},
        events,
        faults,
    )


def _stem(relative: str) -> str:
    return posixpath.splitext(posixpath.basename(relative))[0]


def _unlisted(relative: str, splits: Mapping[str, str]) -> ToolImage:
    stem = _stem(relative)
    split = splits.get(stem) or split_of_folder(relative)
    return ToolImage(relative, "", (), None, [], [], reviewed=False, split=split)


def _labels(export: ToolExport) -> dict[str, str]:
    """Label -> the first place where it occurs."""
    seen: dict[str, str] = {}
    for image in export.images:
        for shape in image.shapes:
            if shape.label not in seen:
                seen[shape.label] = f"{export.root / image.file}, {shape.where}"
    return seen


def _categories(seen: Mapping[str, str], options: ToolOptions) -> tuple[list[Category], dict[str, int]]:
    order = read_labels_file(options.labels) if options.labels is not None else None
    return make_categories(seen, order, parse_renames(options.rename))


def reader_events(image: ToolImage) -> list[Event]:
    """An event for each object of the export that the reader could not turn into a shape."""
    return [Event(image.file, loss.where, loss.code, loss.value) for loss in image.losses]


def hides_shapes(losses: list[Loss]) -> bool:
    """Whether the reader lost a drawn object, so that the image cannot be a negative."""
    return any(loss.code in {"shape-lost", "no-label"} for loss in losses)


def assign_splits(
    strata: dict[str, str], splits: Mapping[str, str], options: ToolOptions, categories: Sequence[Category]
) -> Mapping[str, str]:
    """The split of each file name: that of the export, or stratified by the rarest category of each image.

    Raises InputError if the splits of the export are kept but an image has none.
    """
    if options.split == "original" or (options.split is None and splits):
        check_in_splits(strata, splits)
        return splits
    return split_by_type(strata, options.ratios, options.seed, categories)
