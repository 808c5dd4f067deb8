"""Two people's labels of the same pictures: which shapes agree, how much, and where to look first."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from annotate.instances import Instance, instances_of
from annotate.pictures import Picture, picture_size, read_labels
from datasets.formats.labelme import LabelmeFile
from datasets.formats.labelme_flags import set_flags
from datasets.masks.rle import rle_ious
from system.errors import InputError

SAME_IOU = 0.5


class Match(msgspec.Struct, frozen=True):
    """Instances of two people that show the same place; their labels may differ."""

    first: Instance
    second: Instance
    iou: float

    @property
    def agrees(self) -> bool:
        """Whether the labels are the same as well."""
        return self.first.label == self.second.label


class PictureAgreement(msgspec.Struct, frozen=True):
    """One picture: instances matched, and those that one person alone has."""

    name: str
    matches: list[Match]
    only_first: list[Instance]
    only_second: list[Instance]
    same_flags: bool

    @property
    def f1(self) -> float:
        """Twice the agreeing instances over all of both people; 1 where nobody drew anything."""
        total = 2 * len(self.matches) + len(self.only_first) + len(self.only_second)
        return 2 * sum(match.agrees for match in self.matches) / total if total else 1.0

    @property
    def is_whole(self) -> bool:
        """Whether the two people agree on everything."""
        return self.f1 == 1.0 and self.same_flags


class TypeAgreement(msgspec.Struct, frozen=True):
    """One label: instances of each person, agreeing ones, F1 and the mean IoU of those (None without any)."""

    first: int
    second: int
    agreeing: int
    f1: float
    mean_iou: float | None


class Agreement(msgspec.Struct, frozen=True):
    """Agreement on `pictures` that both labelled; kappa of each image flag, None where it has no meaning."""

    pictures: int
    only_first: list[str]
    only_second: list[str]
    types: dict[str, TypeAgreement]
    kappa: dict[str, float | None]
    worst: list[tuple[str, float]]


def compare_folders(first: Sequence[Picture], second: Sequence[Picture]) -> list[PictureAgreement]:
    """Compare each picture that both people labelled, by name. Raises InputError where there is none."""
    theirs = {picture.name: picture for picture in second if picture.labelled}
    mine = [picture for picture in first if picture.labelled]
    both = [picture for picture in mine if picture.name in theirs]
    if not both:
        raise InputError(
            first[0].root, f"no picture is labelled here and in {second[0].root}", "name two people's folders"
        )
    files, other_files = read_labels(both), read_labels(theirs[p.name] for p in both)
    return [
        compare_picture(picture, files[picture.name], theirs[picture.name], other_files[picture.name])
        for picture in both
    ]


def compare_picture(
    picture: Picture, file: LabelmeFile, other_picture: Picture, other_file: LabelmeFile
) -> PictureAgreement:
    """Match the instances of two labelme files of one picture. Raises InputError where their sizes differ."""
    size = picture_size(picture, file)
    if size != picture_size(other_picture, other_file):
        raise InputError(other_picture.label_path, "the picture has another size", "compare labels of one picture")
    mine, theirs = (instances_of(p.label_path, f, size) for p, f in ((picture, file), (other_picture, other_file)))
    pairs = match_instances(mine, theirs)
    return PictureAgreement(
        picture.name,
        [Match(mine[i], theirs[j], iou) for i, j, iou in pairs],
        [instance for i, instance in enumerate(mine) if i not in {pair[0] for pair in pairs}],
        [instance for j, instance in enumerate(theirs) if j not in {pair[1] for pair in pairs}],
        set_flags(file) == set_flags(other_file),
    )


def match_instances(first: Sequence[Instance], second: Sequence[Instance]) -> list[tuple[int, int, float]]:
    """Pairs (i, j, IoU) with an IoU of 0.5 or more, one to one: most agreeing labels first, then the largest IoU.

    The assignment is optimal, not greedy (Kuhn 1955, by scipy).
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    mine = {i: instance.rle for i, instance in enumerate(first) if instance.rle is not None}
    theirs = {j: instance.rle for j, instance in enumerate(second) if instance.rle is not None}
    if not mine or not theirs:
        return []
    rows, columns = list(mine), list(theirs)
    ious = rle_ious(list(mine.values()), list(theirs.values()))
    same = np.array([[first[i].label == second[j].label for j in columns] for i in rows])
    # one agreeing label outweighs the IoU of all pairs together
    gain = np.where(ious >= SAME_IOU, ious + same * (1 + min(ious.shape)), 0)
    assigned = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return [(rows[a], columns[b], float(ious[a, b])) for a, b in assigned if gain[a, b] > 0]


def summarise(
    compared: Sequence[PictureAgreement],
    first: Mapping[str, LabelmeFile],
    second: Mapping[str, LabelmeFile],
    most: int,
) -> Agreement:
    """Sum up; `first` and `second` have the labelme files by picture name, at `most` so many worst are listed."""
    names = [picture.name for picture in compared]
    counts: Counter[tuple[str, str]] = Counter()
    ious: dict[str, list[float]] = {}
    for picture in compared:
        counts.update(("first", i.label) for i in [*(m.first for m in picture.matches), *picture.only_first])
        counts.update(("second", i.label) for i in [*(m.second for m in picture.matches), *picture.only_second])
        for match in picture.matches:
            if match.agrees:
                ious.setdefault(match.first.label, []).append(match.iou)
    labels = sorted({label for _, label in counts})
    flags = sorted({flag for files in (first, second) for name in names for flag in files[name].flags or {}})
    worst = sorted((p for p in compared if not p.is_whole), key=lambda p: (p.f1, p.name))
    return Agreement(
        pictures=len(compared),
        only_first=sorted(set(first) - set(second)),
        only_second=sorted(set(second) - set(first)),
        types={
            label: _type(counts["first", label], counts["second", label], ious.get(label, [])) for label in labels
        },
        kappa={
            flag: kappa([(flag in set_flags(first[n]), flag in set_flags(second[n])) for n in names])
            for flag in flags
        },
        worst=[(p.name, round(p.f1, 4)) for p in worst[:most]],
    )


def kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Cohen's kappa of two people's yes or no (Cohen 1960); None where both always say the same one thing."""
    total = len(pairs)
    yes_first, yes_second = (sum(pair[side] for pair in pairs) / total for side in (0, 1))
    observed = sum(a == b for a, b in pairs) / total
    expected = yes_first * yes_second + (1 - yes_first) * (1 - yes_second)
    return None if expected == 1 else (observed - expected) / (1 - expected)


def _type(first: int, second: int, ious: Sequence[float]) -> TypeAgreement:
    mean = sum(ious) / len(ious) if ious else None
    return TypeAgreement(first, second, len(ious), 2 * len(ious) / (first + second), mean)
