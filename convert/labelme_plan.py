"""Plan the conversion of a labelme folder before any shape is drawn: images, labels, categories."""

import posixpath
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from convert.exclusion import exclusion_events
from convert.faults import Fault, Guarded, planning_faults, reported_with
from convert.labelme_glance import GlancedFile, glance_labelme
from convert.labels import joined_events, make_categories, parse_renames, read_labels_file
from convert.report import Event
from datasets.coco import Category
from datasets.formats.labelme import read_labelme
from datasets.formats.labelme_flags import (
    FLAGS_WITH_A_MEANING,
    UNCERTAIN,
    all_left_out,
    left_out,
    listed_labels,
    undrawn_types,
)
from datasets.formats.labelme_folder import (
    LabelmeImage,
    find_clashes,
    find_embedded_elsewhere,
    find_links_outside,
    image_not_found,
    unlabelled_images,
    without_clashes,
)
from datasets.formats.labelme_images import Found, ImageFinder, Tree, bare_name, is_excluded, list_tree
from datasets.formats.labelme_suspicions import ShapeValues, check_values
from system.errors import InputError, collected, raise_together
from system.exclude import NOTHING, Excluder
from system.workers import Pool, map_ordered

POOL_PAYS_FROM = 5000  # files; fewer are read before the processes of the pool are ready


class LabelmePlan(msgspec.Struct, frozen=True):
    """Sources sorted by file name, categories, category id of each label, and counts and events so far."""

    sources: list[LabelmeImage]
    categories: list[Category]
    ids: dict[str, int]
    read: dict[str, int]
    events: list[Event]
    faults: list[Fault]


class _Gathered(msgspec.Struct):
    """The images of all labelme files, used and left out; `labels` is label -> first place where it occurs.

    `types` are the labels and proposed types of all files, `flagged` is file -> its flags and labels, if it has
    flags that may be types.
    """

    sources: list[LabelmeImage] = []
    left_out: list[LabelmeImage] = []
    labels: dict[str, str] = {}
    events: list[Event] = []
    embedded: dict[str, str] = {}
    types: set[str] = set()
    flagged: dict[str, tuple[list[str], list[str]]] = {}
    shapes: int = 0
    values: list[ShapeValues] = []
    errors: list[InputError] = []


def plan_labelme(
    tree: Tree,
    images: Path | None,
    labels: Path | None,
    renames: Sequence[str],
    pool: Pool | None,
    *,
    unlabelled_negative: bool,
    keep_unreviewed: bool,
    skip_bad: bool,
    exclude: Excluder = NOTHING,
) -> LabelmePlan:
    """Plan the conversion of the labelme files in `tree`, with images from there and from the folder `images`.

    Images flagged reject are left out, images flagged good that have a shape a person drew, and images flagged as
    a defect type that have no shape of a defect. Images with an unreviewed shape are left out unless
    `keep_unreviewed`. Files that cannot be read, or whose image is missing, are faults of the plan; if there are
    any, no image without a file becomes a negative: its file may be one of them.

    Raises InputError for images and labels that contradict each other, together with the faults unless `skip_bad`,
    and OptionError for a wrong rename.
    """
    source = tree.root
    if not tree.files:
        problem = "no labelme file (*.json) in this folder"
        raise InputError(source, problem, "name the folder that labelme wrote to")
    image_tree = list_tree(images, exclude) if images is not None else None
    order = read_labels_file(labels) if labels is not None else None
    gathered = _gather(tree, ImageFinder(tree, image_tree), pool, exclude, keep_unreviewed=keep_unreviewed)
    renamed = parse_renames(renames)
    sources = _without_undrawn(gathered, listed_labels(source) | set(order or []), renamed)
    clashes = list(find_clashes(source, [*sources, *gathered.left_out]))
    if skip_bad and clashes:
        gathered.errors += clashes
        sources = without_clashes(sources, gathered.left_out)
    faults = planning_faults(source, gathered.errors)
    excluded = exclusion_events(exclude, [*sources, *gathered.left_out, *gathered.errors])
    events = [*excluded, *gathered.events, *joined_events(gathered.labels)]
    if not sources:
        raise_together([] if skip_bad else gathered.errors)
        raise all_left_out(source, [*(event.code for event in events), *("bad-input" for _ in faults)])
    with reported_with(gathered.errors, skip=skip_bad):
        raise_together([] if skip_bad else clashes)
        if suspicion := check_values(source, gathered.values):
            events.append(Event(".", "", "box-form", suspicion))
        categories, ids = make_categories(gathered.labels, order, renamed)
    trees = [tree] if image_tree is None else [tree, image_tree]
    unlabelled = unlabelled_images([*sources, *gathered.left_out], trees)
    has_negatives = unlabelled_negative and not faults
    stems = exclude.stems()
    negatives = [image for image in unlabelled if has_negatives and _stem(image.file_name) not in stems]
    if len(negatives) < len(unlabelled):
        used = {image.file_name for image in negatives}
        events += [Event(i.file_name, "", "unlabelled", "") for i in unlabelled if i.file_name not in used]
    read = {"labelme files": len(tree.files), "shapes": gathered.shapes, "unlabelled pictures": len(unlabelled)}
    if has_negatives:
        raise_together(find_embedded_elsewhere(negatives, gathered.embedded))
        sources += [LabelmeImage(image.file_name, None, image.path) for image in negatives]
        raise_together(find_clashes(source, sources))
    with reported_with(gathered.errors, skip=skip_bad):
        raise_together(find_links_outside(sources, trees))
    return LabelmePlan(sorted(sources, key=lambda s: s.file_name), categories, ids, read, events, faults)


def _gather(
    tree: Tree, finder: ImageFinder, pool: Pool | None, exclude: Excluder, *, keep_unreviewed: bool
) -> _Gathered:
    gathered = _Gathered()
    work = Guarded(partial(glance_labelme, root=str(tree.root)), str)
    used_pool = pool if len(tree.files) >= POOL_PAYS_FROM else None
    glanced = map_ordered(work, tree.files, 1, pool_pays=False, pool=used_pool)
    for file, glance in zip(tree.files, glanced, strict=True):
        if isinstance(glance, Fault):
            gathered.errors.append(glance.error)
            continue
        if is_excluded(tree, file, glance.image_path, exclude):
            continue
        gathered.shapes += len(glance.shapes)
        gathered.types |= glance.types | {label for label, _ in glance.shapes}
        located = None
        with collected(gathered.errors):
            located = _find(tree, finder, file, glance)
        if located is None:
            continue
        image = LabelmeImage(located.file_name, file, located.path, located.event_code, UNCERTAIN in glance.flags)
        if located.path is None:
            gathered.embedded |= {bare_name(name): file for name in (file, glance.image_path) if name}
        if reason := left_out(glance.flags, glance.shapes, keep_unreviewed=keep_unreviewed):
            gathered.events.append(Event(file, *reason))
            gathered.left_out.append(image)
            continue
        if not FLAGS_WITH_A_MEANING.issuperset(glance.flags):
            gathered.flagged[file] = glance.flags, [label for label, _ in glance.shapes]
        for i, (label, _) in enumerate(glance.shapes):
            if label not in gathered.labels:
                gathered.labels[label] = f"{tree.root / file}, $.shapes[{i}].label"
        gathered.values.append(glance.values)
        gathered.sources.append(image)
    return gathered


def _without_undrawn(gathered: _Gathered, listed: set[str], renames: Mapping[str, str]) -> list[LabelmeImage]:
    """The images that are used; those of which only a flag names a defect are moved to the ones left out."""
    sources, types = [], gathered.types | listed
    for image in gathered.sources:
        file = image.file or ""
        flags, labels = gathered.flagged.get(file, ([], []))
        if reason := undrawn_types(flags, labels, types, renames):
            gathered.events.append(Event(file, *reason))
            gathered.left_out.append(image)
        else:
            sources.append(image)
    return sources


def _stem(file_name: str) -> str:
    return posixpath.splitext(posixpath.basename(file_name))[0]


def _find(tree: Tree, finder: ImageFinder, file: str, glance: GlancedFile) -> Found:
    try:
        return finder.find(file, glance.image_path, glance.data_suffix)
    except InputError as error:
        path = tree.root / file
        raise image_not_found(path, read_labelme(path), error) from None
