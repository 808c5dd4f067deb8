"""What two people agree on becomes one folder of labels; the rest is marked there for a third look."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from annotate.agreement import PictureAgreement
from annotate.instances import Instance
from annotate.pictures import Picture, picture_size
from annotate.project import CONFIG, FLAGS, LABELS
from datasets.formats.labelme import SUFFIX
from datasets.formats.labelme_document import Document, new_document, read_document, write_document
from datasets.formats.labelme_flags import UNREVIEWED
from system.files import check_apart, link_or_copy, new_folder, write_atomic

QUEUE = "to-decide.txt"


class Merged(msgspec.Struct, frozen=True):
    """What a merge wrote: pictures taken over, pictures to decide, instances that agree and that do not."""

    taken: int
    to_decide: list[str]
    agreeing: int
    contested: int


def merge_folders(
    first: Sequence[Picture], second: Sequence[Picture], compared: Sequence[PictureAgreement], dest: Path
) -> Merged:
    """Write `dest`: the pictures that both labelled, the shapes of the first person where both agree.

    Where they do not, the shapes of both are there, flagged unreviewed, their `description` naming whose each is,
    and the picture is listed in to-decide.txt for `annotate open --only`. Raises OutputError for `dest`.
    """
    mine = {picture.name: picture for picture in first}
    theirs = {picture.name: picture for picture in second}
    check_apart(dest, [first[0].root, second[0].root])
    names = (first[0].root.resolve().name, second[0].root.resolve().name)
    with new_folder(dest) as root:
        for picture in compared:
            _merge_picture(root, mine[picture.name], theirs[picture.name], picture, names)
        for name in (LABELS, FLAGS, CONFIG):
            if (first[0].root / name).is_file():
                write_atomic(root / name, (first[0].root / name).read_bytes())
        to_decide = [picture.name for picture in compared if not picture.is_whole]
        write_atomic(root / QUEUE, "".join(f"{name}\n" for name in to_decide).encode())
    contested = sum(
        len(p.only_first) + len(p.only_second) + 2 * sum(not m.agrees for m in p.matches) for p in compared
    )
    agreeing = sum(match.agrees for picture in compared for match in picture.matches)
    return Merged(len(compared) - len(to_decide), to_decide, agreeing, contested)


def _merge_picture(
    root: Path, mine: Picture, theirs: Picture, compared: PictureAgreement, names: tuple[str, str]
) -> None:
    target = root / mine.name
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(mine.path, target)
    first, second = read_document(mine.label_path), read_document(theirs.label_path)
    contested = [match for match in compared.matches if not match.agrees]
    shapes = [first.raw["shapes"][i] for m in compared.matches if m.agrees for i in m.first.indices]
    shapes += _marked(first, [*compared.only_first, *(m.first for m in contested)], names[0])
    shapes += _marked(second, [*compared.only_second, *(m.second for m in contested)], names[1])
    flags = {**(first.file.flags or {})}
    for name, is_set in (second.file.flags or {}).items():
        flags[name] = is_set or flags.get(name, False)
    document = new_document(target.with_suffix(SUFFIX), target.name, *picture_size(mine, first.file))
    write_document(document, {**first.raw, "flags": flags, "shapes": shapes, "imagePath": target.name})


def _marked(document: Document, instances: Sequence[Instance], whose: str) -> list[dict[str, Any]]:
    """The shapes of instances as they are in the file, unknown keys and all, flagged and with whose they are."""
    raws = [document.raw["shapes"][i] for instance in instances for i in instance.indices]
    return [
        {
            **raw,
            "flags": {**(raw.get("flags") or {}), UNREVIEWED: True},
            "description": f"only {whose} {raw.get('description') or ''}".strip(),
        }
        for raw in raws
    ]
