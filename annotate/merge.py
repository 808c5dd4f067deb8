"""Merge the labels of two people: keep what they agree on, and mark the rest for a decision."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from annotate.agreement import ImageAgreement
from annotate.folder_images import FolderImage, image_size
from annotate.project import CONFIG, FLAGS, LABELS
from annotate.shape_groups import ShapeGroup
from datasets.formats.labelme import PROPOSED, SUFFIX
from datasets.formats.labelme_document import Document, new_document, raw_shapes, read_document, write_document
from datasets.formats.labelme_flags import UNREVIEWED
from datasets.formats.labelme_proposal import proposal_mark
from system.files import check_apart, link_or_copy, new_folder, write_atomic
from system.links import check_inside

QUEUE = "to-decide.txt"


class Merged(msgspec.Struct, frozen=True):
    """Result of a merge: images both agree on, names of the others, shape groups agreed on and contested."""

    agreed: int
    to_decide: list[str]
    agreeing: int
    contested: int


def merge_folders(
    first: Sequence[FolderImage], second: Sequence[FolderImage], compared: Sequence[ImageAgreement], dest: Path
) -> Merged:
    """Write the folder `dest` with the images labelled by both, and the shapes of the first where both agree.

    If they do not agree, the shapes of both are written, flagged unreviewed, with the folder of the person in
    their `description`, and the image is listed in to-decide.txt for `annotate open --only`. Raises OutputError if
    `dest` cannot be written, InputError for labels that cannot be read.
    """
    mine = {image.name: image for image in first}
    theirs = {image.name: image for image in second}
    check_apart(dest, [first[0].root, second[0].root])
    names = (first[0].root.resolve().name, second[0].root.resolve().name)
    with new_folder(dest, overwrite=None) as root:
        for image in compared:
            _merge_image(root, mine[image.name], theirs[image.name], image, names)
        for name in (LABELS, FLAGS, CONFIG):
            if (first[0].root / name).is_file():
                write_atomic(root / name, (first[0].root / name).read_bytes())
        to_decide = [image.name for image in compared if not image.is_complete]
        write_atomic(root / QUEUE, "".join(f"{name}\n" for name in to_decide).encode())
    contested = sum(
        len(p.only_first) + len(p.only_second) + 2 * sum(not m.agrees for m in p.matches) for p in compared
    )
    agreeing = sum(match.agrees for image in compared for match in image.matches)
    return Merged(len(compared) - len(to_decide), to_decide, agreeing, contested)


def _merge_image(
    root: Path, mine: FolderImage, theirs: FolderImage, compared: ImageAgreement, names: tuple[str, str]
) -> None:
    target = root / mine.name
    check_inside(mine.path, [mine.root])
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(mine.path, target)
    first, second = read_document(mine.label_path), read_document(theirs.label_path)
    contested = [match for match in compared.matches if not match.agrees]
    shapes = [raw_shapes(first)[i] for m in compared.matches if m.agrees for i in m.first.indices]
    shapes += _marked(first, [*compared.only_first, *(m.first for m in contested)], names[0])
    shapes += _marked(second, [*compared.only_second, *(m.second for m in contested)], names[1])
    flags = {**(first.file.flags or {})}
    for name, is_set in (second.file.flags or {}).items():
        flags[name] = is_set or flags.get(name, False)
    document = new_document(target.with_suffix(SUFFIX), target.name, *image_size(mine, first.file))
    write_document(document, {**first.raw, "flags": flags, "shapes": shapes, "imagePath": target.name})


def _marked(document: Document, groups: Sequence[ShapeGroup], folder_name: str) -> list[dict[str, object]]:
    """The raw shapes of groups with all their keys, flagged unreviewed, the folder name in their description."""
    shapes = document.file.shapes
    return [
        {
            **raw_shapes(document)[i],
            "flags": {**(shapes[i].flags or {}), UNREVIEWED: True},
            PROPOSED: proposal_mark(shapes[i]),
            "description": f"only {folder_name} {shapes[i].description or ''}".strip(),
        }
        for group in groups
        for i in group.indices
    ]
