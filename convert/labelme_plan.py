"""What a folder of labelme files holds, before any shape is drawn: pictures, labels, categories."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from convert.labels import make_categories, parse_renames, read_labels_file
from convert.report import Event
from datasets.coco import Category
from datasets.formats.labelme import parse_labelme, read_json
from datasets.formats.labelme_images import Found, ImageFinder, Tree, bare_name, list_tree
from datasets.images.ending import ending_of
from system.errors import InputError
from system.files import BYTE_ORDER_MARK
from system.workers import Pool, map_ordered

POOL_PAYS_FROM = 5000  # files; below, one has looked at them before the processes of the pool are ready


class LabelmeSource(msgspec.Struct, frozen=True):
    """One image to convert: `file` is its labelme file, None for an unlabelled picture.

    `picture` is None where it is embedded in `file`, `how` the code of an event about where it was found.
    """

    file_name: str
    file: str | None
    picture: str | None
    how: str = ""


class LabelmePlan(msgspec.Struct, frozen=True):
    """Sources sorted by file name, categories, category id of each label, and what is known already."""

    sources: list[LabelmeSource]
    categories: list[Category]
    ids: dict[str, int]
    read: dict[str, int]
    events: list[Event]


class _Flags(msgspec.Struct):
    unreviewed: bool = False


class _Labelled(msgspec.Struct):
    label: str
    flags: _Flags | None = None


class _Glance(msgspec.Struct):
    """What the plan needs of a labelme file."""

    shapes: list[_Labelled]
    image_path: str | None = msgspec.field(default=None, name="imagePath")
    image_data: msgspec.Raw = msgspec.field(default=msgspec.Raw(b"null"), name="imageData")


class _Glanced(msgspec.Struct, frozen=True):
    labels: list[str]
    unreviewed: int
    image_path: str | None
    data_suffix: str | None


def plan_labelme(
    tree: Tree,
    images: Path | None,
    labels: Path | None,
    renames: Sequence[str],
    pool: Pool | None,
    *,
    unlabelled_negative: bool,
    keep_unreviewed: bool,
) -> LabelmePlan:
    """Look through the folder of `tree` and, for pictures, `images`. Raises InputError and OptionError.

    An image with a shape that annotate proposed and nobody has looked at is left out unless `keep_unreviewed`.
    """
    source = tree.root
    if not tree.files:
        raise InputError(source, "no labelme file (*.json) in it", "name the folder that labelme wrote to")
    image_tree = list_tree(images) if images is not None else None
    finder = ImageFinder(tree, image_tree)
    order = read_labels_file(labels) if labels is not None else None
    sources: list[LabelmeSource] = []
    seen: dict[str, str] = {}
    waiting: list[LabelmeSource] = []
    events: list[Event] = []
    embedded: dict[str, str] = {}
    shapes = 0
    work = partial(_glance, root=str(source))
    helpers = pool if len(tree.files) >= POOL_PAYS_FROM else None
    glanced = map_ordered(work, tree.files, 1, pool_pays=False, pool=helpers)
    for file, glance in zip(tree.files, glanced, strict=True):
        shapes += len(glance.labels)
        found = finder.find(file, glance.image_path, glance.data_suffix)
        if found.path is None:
            embedded |= {bare_name(name): file for name in (file, glance.image_path) if name}
        if glance.unreviewed and not keep_unreviewed:
            events.append(Event(file, "$.shapes", "unreviewed", f"{glance.unreviewed} of {len(glance.labels)}"))
            waiting.append(LabelmeSource(found.file_name, file, found.path, found.how))
            continue
        for i, label in enumerate(glance.labels):
            if label not in seen:
                seen[label] = f"{source / file}, $.shapes[{i}].label"
        sources.append(LabelmeSource(found.file_name, file, found.path, found.how))
    if not sources:
        problem = "every labelme file in it has an unreviewed shape"
        raise InputError(source, problem, "look at them with annotate open, or give --unreviewed keep")
    _check_pairs(source, [*sources, *waiting])
    categories, ids = make_categories(seen, order, parse_renames(renames))
    trees = [tree] if image_tree is None else [tree, image_tree]
    rest = _unlabelled([*sources, *waiting], trees)
    if not unlabelled_negative:
        events += [Event(found.file_name, "", "unlabelled", "") for found in rest]
    read = {"labelme files": len(tree.files), "shapes": shapes, "unlabelled pictures": len(rest)}
    if unlabelled_negative:
        _check_negatives(rest, embedded)
        sources += [LabelmeSource(found.file_name, None, found.path) for found in rest]
        _check_pairs(source, sources)
    _check_links(sources, trees)
    return LabelmePlan(sorted(sources, key=lambda s: s.file_name), categories, ids, read, events)


def _glance(file: str, root: str) -> _Glanced:
    path = f"{root}/{file}"
    data = read_json(path)
    try:
        glance = _DECODER.decode(data.removeprefix(BYTE_ORDER_MARK))
        embedded = msgspec.json.decode(glance.image_data, type=str | None) if glance.image_data else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        parse_labelme(path, data)  # says in full what is wrong
        raise
    labels = [shape.label for shape in glance.shapes]
    unreviewed = sum(shape.flags is not None and shape.flags.unreviewed for shape in glance.shapes)
    return _Glanced(labels, unreviewed, glance.image_path, _suffix(embedded))


_DECODER = msgspec.json.Decoder(_Glance)


def _suffix(embedded: str | None) -> str | None:
    """The suffix that fits an embedded picture, None where there is none that can be known."""
    try:
        start = base64.b64decode((embedded or "")[:16])
    except (binascii.Error, ValueError):
        return None
    return ending_of(start)


def _check_pairs(root: Path, sources: Sequence[LabelmeSource]) -> None:
    taken: dict[str, LabelmeSource] = {}
    for source in sources:
        other = taken.setdefault(source.file_name, source)
        if other is source:
            continue
        if source.picture == other.picture:
            problem = f"labels {source.file_name}, as {other.file} does"
            raise InputError(root / str(source.file), problem, "merge the two into one or remove one")
        problem = f"two pictures would be {source.file_name} in the dataset: {source.picture}, {other.picture}"
        raise InputError(root / str(source.file or other.file), problem, "rename one of them")


def _check_negatives(pictures: Sequence[Found], embedded: Mapping[str, str]) -> None:
    for picture in pictures:
        if file := embedded.get(bare_name(picture.file_name)):
            problem = f"would be a negative, but {file} has a picture of that name in $.imageData"
            remedy = "if it is the same, name its folder with --images, else rename it"
            raise InputError(str(picture.path), problem, remedy)


def _check_links(sources: Sequence[LabelmeSource], trees: Sequence[Tree]) -> None:
    links = {f"{tree.root}/{name}" for tree in trees for name in tree.links}
    roots = [tree.root.resolve() for tree in trees]
    for source in sources:
        if source.picture in links and not any(map(Path(source.picture).resolve().is_relative_to, roots)):
            problem = f"a link that leads outside, to {Path(source.picture).resolve()}"
            raise InputError(
                source.picture, problem, "copy the picture, or name the folder it is in with --images"
            )


def _unlabelled(sources: Sequence[LabelmeSource], trees: Sequence[Tree]) -> list[Found]:
    labelled = {source.picture for source in sources}
    pictures = [Found(name, f"{tree.root}/{name}") for tree in trees for name in sorted(tree.pictures)]
    return [picture for picture in pictures if picture.path not in labelled]
