"""Agreement between two people who labelled the same images."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from annotate.folder_images import FolderImage, image_size, read_labels
from annotate.shape_groups import ShapeGroup, shape_groups
from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import set_flags
from datasets.masks.rle import rle_ious
from system.errors import InputError

SAME_IOU_THRESHOLD = 0.5


class ShapeGroupMatch(msgspec.Struct, frozen=True):
    """Shape groups of two people that overlap with the mask IoU `iou`; their labels may differ."""

    first: ShapeGroup
    second: ShapeGroup
    iou: float

    @property
    def agrees(self) -> bool:
        """Whether the labels are also equal."""
        return self.first.label == self.second.label


class ImageAgreement(msgspec.Struct, frozen=True):
    """One image: matched shape groups, and those that only one person drew."""

    name: str
    matches: list[ShapeGroupMatch]
    only_first: list[ShapeGroup]
    only_second: list[ShapeGroup]
    same_flags: bool

    @property
    def f1(self) -> float:
        """Twice the agreeing matches divided by the shape groups of both people; 1 if there are none."""
        total = 2 * len(self.matches) + len(self.only_first) + len(self.only_second)
        return 2 * sum(match.agrees for match in self.matches) / total if total else 1.0

    @property
    def is_complete(self) -> bool:
        """Whether the two people agree on every shape group and every flag."""
        return self.f1 == 1.0 and self.same_flags


class TypeAgreement(msgspec.Struct, frozen=True):
    """One label: shape groups of each person, agreeing matches, their F1 and mean IoU (None without any)."""

    first: int
    second: int
    agreeing: int
    f1: float
    mean_iou: float | None


class Agreement(msgspec.Struct, frozen=True, rename={"images": "pictures"}):
    """Agreement on the `images` labelled by both, a count; kappa of each image flag, None if it is undefined.

    `only_first` and `only_second` are the names of images labelled by one person, `worst` pairs of name and F1.
    """

    images: int
    only_first: list[str]
    only_second: list[str]
    types: dict[str, TypeAgreement]
    kappa: dict[str, float | None]
    worst: list[tuple[str, float]]


def compare_folders(first: Sequence[FolderImage], second: Sequence[FolderImage]) -> list[ImageAgreement]:
    """Compare the images labelled by both people, matched by name.

    Raises InputError if there is no such image, if two sizes differ, and for labels that cannot be read or drawn.
    """
    theirs = {image.name: image for image in second if image.labelled}
    mine = [image for image in first if image.labelled]
    both = [image for image in mine if image.name in theirs]
    if not both:
        raise InputError(
            first[0].root,
            f"no image is labelled both here and in {second[0].root}",
            "name the folders of two people",
        )
    files, other_files = read_labels(both), read_labels(theirs[p.name] for p in both)
    return [compare_image(image, files[image.name], theirs[image.name], other_files[image.name]) for image in both]


def compare_image(
    image: FolderImage, file: LabelmeFile, other_image: FolderImage, other_file: LabelmeFile
) -> ImageAgreement:
    """Match the shape groups of two labelme files of one image.

    Raises InputError if their image sizes differ and for a shape that cannot be drawn.
    """
    size = image_size(image, file)
    if size != image_size(other_image, other_file):
        raise InputError(other_image.label_path, "the image has another size", "compare labels of the same images")
    mine, theirs = (shape_groups(p.label_path, f, size) for p, f in ((image, file), (other_image, other_file)))
    pairs = match_groups(mine, theirs)
    return ImageAgreement(
        image.name,
        [ShapeGroupMatch(mine[i], theirs[j], iou) for i, j, iou in pairs],
        [group for i, group in enumerate(mine) if i not in {pair[0] for pair in pairs}],
        [group for j, group in enumerate(theirs) if j not in {pair[1] for pair in pairs}],
        set_flags(file) == set_flags(other_file),
    )


def match_groups(first: Sequence[ShapeGroup], second: Sequence[ShapeGroup]) -> list[tuple[int, int, float]]:
    """Pairs (i, j, IoU) with a mask IoU of 0.5 or more, one to one.

    They contain as many equal labels as possible and, among such assignments, have the largest total IoU.
    The assignment is optimal, not greedy (Kuhn 1955, computed by scipy).
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    first_masks = {i: group.rle for i, group in enumerate(first) if group.rle is not None}
    second_masks = {j: group.rle for j, group in enumerate(second) if group.rle is not None}
    if not first_masks or not second_masks:
        return []
    rows, columns = list(first_masks), list(second_masks)
    ious = rle_ious(list(first_masks.values()), list(second_masks.values()))
    same = np.array([[first[i].label == second[j].label for j in columns] for i in rows])
    # one pair of equal labels counts more than the IoU of all pairs together
    gain = np.where(ious >= SAME_IOU_THRESHOLD, ious + same * (1 + min(ious.shape)), 0)
    assigned = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return [(rows[a], columns[b], float(ious[a, b])) for a, b in assigned if gain[a, b] > 0]


def summarise(
    compared: Sequence[ImageAgreement],
    first: Mapping[str, LabelmeFile],
    second: Mapping[str, LabelmeFile],
    max_worst: int,
) -> Agreement:
    """Summarise compared images; `first` and `second` are the labelme files of each person by image name.

    At most `max_worst` images without full agreement are listed, lowest F1 first.
    """
    names = [image.name for image in compared]
    counts: Counter[tuple[str, str]] = Counter()
    ious: dict[str, list[float]] = {}
    for image in compared:
        counts.update(("first", i.label) for i in [*(m.first for m in image.matches), *image.only_first])
        counts.update(("second", i.label) for i in [*(m.second for m in image.matches), *image.only_second])
        for match in image.matches:
            if match.agrees:
                ious.setdefault(match.first.label, []).append(match.iou)
    labels = sorted({label for _, label in counts})
    flags = sorted({flag for files in (first, second) for name in names for flag in files[name].flags or {}})
    worst = sorted((p for p in compared if not p.is_complete), key=lambda p: (p.f1, p.name))
    return Agreement(
        images=len(compared),
        only_first=sorted(set(first) - set(second)),
        only_second=sorted(set(second) - set(first)),
        types={
            label: _type(counts["first", label], counts["second", label], ious.get(label, [])) for label in labels
        },
        kappa={
            flag: kappa([(flag in set_flags(first[n]), flag in set_flags(second[n])) for n in names])
            for flag in flags
        },
        worst=[(p.name, round(p.f1, 4)) for p in worst[:max_worst]],
    )


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of pairs of yes/no answers (Cohen 1960); None if all answers of both people are equal."""
    total = len(pairs)
    yes_first, yes_second = (sum(pair[side] for pair in pairs) / total for side in (0, 1))
    observed = sum(a == b for a, b in pairs) / total
    expected = yes_first * yes_second + (1 - yes_first) * (1 - yes_second)
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _type(first: int, second: int, ious: Sequence[float]) -> TypeAgreement:
    mean = sum(ious) / len(ious) if ious else None
    return TypeAgreement(first, second, len(ious), 2 * len(ious) / (first + second), mean)
