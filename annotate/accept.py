"""Confirm proposals without opening labelme: unchanged shapes and types of images become reviewed."""

from collections.abc import Collection

import msgspec

from annotate.folder_images import FolderImage, open_document
from datasets.formats.labelme import PROPOSED
from datasets.formats.labelme_document import raw_shapes, write_document
from datasets.formats.labelme_flags import UNREVIEWED


class Accepted(msgspec.Struct, frozen=True):
    """Numbers of accepted shapes and types of images, and of shapes whose label is unknown, which still wait."""

    shapes: int = 0
    types: int = 0
    unknown: int = 0


def accept_image(image: FolderImage, labels: Collection[str]) -> Accepted:
    """Take the flag `unreviewed` away from the image and from its shapes whose label is in `labels`.

    Without `labels`, every label is known. The file is written only if something was accepted. Raises InputError
    for a file that cannot be read, OutputError for one that changed meanwhile.
    """
    document = open_document(image)
    shapes = []
    accepted = unknown = 0
    for shape, raw in zip(document.file.shapes, raw_shapes(document), strict=True):
        if not (shape.flags or {}).get(UNREVIEWED):
            shapes.append(raw)
        elif labels and shape.label not in labels:
            shapes.append(raw)
            unknown += 1
        else:
            kept = {key: value for key, value in raw.items() if key != PROPOSED}
            shapes.append({**kept, "flags": {**(shape.flags or {}), UNREVIEWED: False}})
            accepted += 1
    flags = dict(document.file.flags or {})
    types = int(flags.get(UNREVIEWED, False))
    if accepted or types:
        write_document(
            document,
            {**document.raw, "flags": {**flags, **({UNREVIEWED: False} if types else {})}, "shapes": shapes},
        )
    return Accepted(accepted, types, unknown)
