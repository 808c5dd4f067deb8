"""The annotations of one image after a correction in labelme; those that nobody touched are unchanged."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from annotate.correction import TRUTH
from convert.instances import Labelled, draw_instances
from datasets.coco import Annotation, Image, SegmentationForm
from datasets.formats.labelme import Shape
from datasets.formats.labelme_document import Document, raw_shapes
from datasets.formats.labelme_flags import REJECT, annotation_key, is_unreviewed, set_flags
from datasets.formats.labelme_proposal import is_changed
from system.errors import InputError


class CorrectedImage(msgspec.Struct, frozen=True):
    """The annotations of an image in the order of the dataset, new ones last, and what happened to them.

    New annotations have the id 0. `dropped` is the number of proposals that nobody reviewed.
    """

    annotations: list[Annotation]
    kept: int
    changed: int
    added: int
    removed: int
    dropped: int

    @property
    def is_changed(self) -> bool:
        """Whether anything differs from the dataset."""
        return bool(self.changed or self.added or self.removed)


class _Group(msgspec.Struct):
    """The shapes of one defect in a labelme file; `truth` is the id of the annotation that they were, else 0."""

    shapes: list[Shape]
    truth: int = 0
    untouched: bool = False


class ImageCorrector(msgspec.Struct, frozen=True):
    """Turns labelme files into annotations; `ids` is label -> category id.

    `segmentation` is the form of masks of the dataset; a dataset whose annotations are `boxes_only` gets boxes of
    rectangles.
    """

    ids: Mapping[str, int]
    segmentation: SegmentationForm
    boxes_only: bool

    def correct(self, document: Document, image: Image, before: Sequence[Annotation]) -> CorrectedImage:
        """The annotations of `image`, which had the annotations `before`; ignore regions stay.

        Raises InputError for an image flagged reject, a label that is not a category, and a shape without a pixel.
        """
        if REJECT in set_flags(document.file):
            problem = "is flagged reject, but the images of a dataset stay"
            raise InputError(document.path, problem, "clear the flag, or convert again without this image")
        known = {annotation.id: annotation for annotation in before if not annotation.iscrowd}
        groups = list(self._groups(document, known))
        untouched = {group.truth for group in groups if group.untouched}
        made: dict[int, Annotation] = {id_: known[id_] for id_ in untouched}
        new: list[Annotation] = []
        for group in groups:
            if group.untouched:
                continue
            drawn = self._draw(document.path, image, group.shapes)
            if group.truth and group.truth not in made:
                made[group.truth] = msgspec.structs.replace(drawn, id=group.truth)
            else:
                new.append(drawn)
        kept = [a if a.iscrowd else made[a.id] for a in before if a.iscrowd or a.id in made]
        dropped = sum(map(is_unreviewed, document.file.shapes))
        changed = len(made) - len(untouched)
        return CorrectedImage([*kept, *new], len(untouched), changed, len(new), len(known) - len(made), dropped)

    def _groups(self, document: Document, known: Mapping[int, Annotation]) -> Iterator[_Group]:
        """The groups of shapes that count; the first untouched group of an annotation is untouched."""
        groups: dict[tuple[str, int | None, int], list[int]] = {}
        shapes = document.file.shapes
        for i, shape in enumerate(shapes):
            if not is_unreviewed(shape):
                groups.setdefault(annotation_key(shape.label, shape.group_id, i), []).append(i)
        used: set[int] = set()
        for (label, _, _), members in groups.items():
            if label not in self.ids:
                remedy = f"give one of {', '.join(self.ids)}, or convert again for a new type"
                where = f"$.shapes[{members[0]}].label {label!r}"
                raise InputError(document.path, f"{where} is not a category of the dataset", remedy)
            origins = [_origin(raw_shapes(document)[i].get(TRUTH)) for i in members]
            ids = [one for one, _ in origins if one in known]
            whole = len(set(origins)) == 1 and len(members) == origins[0][1] and bool(ids)
            untouched = whole and ids[0] not in used and not any(is_changed(shapes[i]) for i in members)
            if untouched:
                used.add(ids[0])
            yield _Group([shapes[i] for i in members], ids[0] if ids else 0, untouched)

    def _draw(self, path: Path, image: Image, shapes: Sequence[Shape]) -> Annotation:
        category = self.ids[shapes[0].label]
        if self.boxes_only and len(shapes) == 1 and shapes[0].kind == "rectangle":
            (xs, ys) = zip(*shapes[0].points, strict=True)
            x0, y0 = max(0.0, min(xs)), max(0.0, min(ys))
            w, h = min(max(xs), image.width) - x0, min(max(ys), image.height) - y0
            if min(w, h) > 0:
                return Annotation(0, image.id, category, (x0, y0, w, h), w * h)
        labelled = Labelled(path, path.name, shapes, (image.height, image.width))
        (drawing,) = draw_instances([labelled], self.ids, self.segmentation, None)
        if not drawing.instances:
            raise InputError(
                path, f"a shape of {shapes[0].label} has no pixel in the image", "redraw or delete it"
            )
        (instance,) = drawing.instances
        return Annotation(
            0, image.id, category, instance.bbox, instance.area, instance.segmentation, instance.iscrowd
        )


def _origin(value: object) -> tuple[int, int]:
    """Annotation id and number of shapes in the key of a shape; zeros without a key."""
    number, _, parts = value.partition("/") if isinstance(value, str) else ("", "", "")
    return (int(number), int(parts)) if number.isdigit() and parts.isdigit() else (0, 0)
