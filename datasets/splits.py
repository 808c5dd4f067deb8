"""Assign images to train, val and test; each stratum is split in the same proportions."""

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from datasets.coco import SPLITS, CocoFile
from system.errors import OptionError

Ratios = tuple[float, float, float]
ONLY_IGNORED = "(only ignore regions)"  # stratum of images that are neither defective nor good


def parse_ratios(text: str) -> Ratios:
    """Three proportions of train, val and test from text such as 0.7,0.1,0.2; not negative, with any sum.

    Raises OptionError.
    """
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 3 or any(not 0 <= v < float("inf") for v in values) or values[0] <= 0:
        raise OptionError(f"--ratios {text}", "not three proportions", "give train,val,test such as 0.7,0.1,0.2")
    total = sum(values)
    return (values[0] / total, values[1] / total, values[2] / total)


def stratified_split(
    strata: Mapping[str, str], ratios: Ratios, seed: int, groups: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Assign each key of `strata` (key -> stratum) to train, val or test.

    Every stratum is shuffled with its own generator, so adding a defect type moves no image of another type. It is
    split by largest remainder; if it has enough images, each split with a ratio above 0 gets at least one.
    With `groups` (key -> group), keys of a group stay together, and proportions are kept as well as that allows.
    """
    if groups is not None:
        assigned_groups = _split_groups(strata, groups, ratios, seed)
        return {key: SPLITS[part] for key, part in assigned_groups.items()}
    assigned: dict[str, str] = {}
    for keys in _shuffled(strata, seed).values():
        start = 0
        for split, count in zip(SPLITS, _shares(len(keys), ratios), strict=True):
            assigned.update(dict.fromkeys(keys[start : start + count], split))
            start += count
    return assigned


def stratified_folds(
    strata: Mapping[str, str], k: int, seed: int, groups: Mapping[str, str] | None = None
) -> dict[str, int]:
    """Assign each key of `strata` (key -> stratum) to a fold 0 .. k-1; each fold is the test part once.

    The sizes of folds differ by at most one key, in total and in every stratum. With `groups` (key -> group), keys
    of a group stay together, and the folds are as similar as that allows. Raises OptionError for fewer groups than
    folds.
    """
    units = len({groups[key] for key in strata}) if groups is not None else len(strata)
    if not 2 <= k <= units:
        what = "group" if groups is not None else "image"
        remedy = f"give 2 to {units}" if units > 1 else f"there must be as many {what}s as folds"
        raise OptionError(
            f"--folds {k}", f"{units} {what}{'' if units == 1 else 's'} cannot be split into so many folds", remedy
        )
    if groups is not None:
        return _split_groups(strata, groups, [1 / k] * k, seed)
    dealt = [key for keys in _shuffled(strata, seed).values() for key in keys]
    return {key: i % k for i, key in enumerate(dealt)}


def group_by_pattern(keys: Iterable[str], pattern: str) -> dict[str, str]:
    """The group of each key: the text captured by the regular expression, or the match if it captures nothing.

    A key without a match, or with an empty one, is its own group. Raises OptionError if `pattern` is not a regular
    expression or matches no key.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise OptionError(f"--group-by {pattern}", f"not a regular expression ({error})", "correct it") from None
    captured = {key: _captured(compiled.search(key)) for key in keys}
    if captured and not any(captured.values()):
        problem = f"matches nothing in any name, such as {min(captured)}"
        raise OptionError(f"--group-by {pattern}", problem, "correct it, or leave it out")
    return {key: f"group {name}" if name else f"alone {key}" for key, name in captured.items()}


def _captured(match: re.Match[str] | None) -> str:
    if match is None:
        return ""
    return "/".join(match.groups("")) if any(match.groups()) else match[0]


def strata_by_type(files: Iterable[CocoFile]) -> dict[str, str]:
    """`rarest_types` of each image, by file name; ignore regions have no type.

    Images with only ignore regions have the stratum ONLY_IGNORED: they are split separately from good images.
    """
    types: dict[str, set[str]] = {}
    ignored: dict[str, str] = {}
    for coco in files:
        names, annotations, only_ignored = coco.names(), coco.by_image(), coco.only_ignored()
        for image in coco.images:
            types[image.file_name] = {names[a.category_id] for a in annotations[image.id] if not a.iscrowd}
        ignored |= {image.file_name: ONLY_IGNORED for image in coco.images if image.id in only_ignored}
    return rarest_types(types) | ignored


def rarest_types(types: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Stratum of each key: its defect type (the one with the fewest keys if it has several), or `good`.

    >>> rarest_types({"a": ["dent"], "b": ["dent", "scratch"], "c": []})
    {'a': 'dent', 'b': 'scratch', 'c': 'good'}
    """
    counts = Counter(name for names in types.values() for name in set(names))
    return {key: min(names, key=lambda name: (counts[name], name), default="good") for key, names in types.items()}


def _shuffled(strata: Mapping[str, str], seed: int) -> dict[str, list[str]]:
    """Keys of each stratum, in an order that depends only on the seed and the stratum."""
    members: dict[str, list[str]] = {}
    for key in sorted(strata):
        members.setdefault(strata[key], []).append(key)
    for stratum, keys in members.items():
        random.Random(f"{seed}/{stratum}").shuffle(keys)  # noqa: S311
    return members


def _split_groups(
    strata: Mapping[str, str], groups: Mapping[str, str], ratios: Sequence[float], seed: int
) -> dict[str, int]:
    """Part of each key: large groups first, each added to the part that comes closest to its target counts.

    If there are enough groups, each part with a ratio above 0 gets at least one.
    """
    members: dict[str, list[str]] = {}
    for key in sorted(strata):
        members.setdefault(groups[key], []).append(key)
    totals = Counter(strata.values())
    counts: list[Counter[str]] = [Counter() for _ in ratios]
    names = sorted(members)
    random.Random(f"{seed}/groups").shuffle(names)  # noqa: S311

    def gain(part: int, added: Counter[str]) -> float:
        """How much closer a part comes to its target counts; every stratum has the same weight."""
        wanted = {stratum: totals[stratum] * ratios[part] for stratum in added}
        return sum(n * (2 * (wanted[s] - counts[part][s]) - n) / totals[s] for s, n in added.items())

    usable = [part for part, ratio in enumerate(ratios) if ratio > 0]
    parts: list[list[str]] = [[] for _ in ratios]
    for name in sorted(names, key=lambda name: -len(members[name])):
        added = Counter(strata[key] for key in members[name])
        best = max(usable, key=lambda part: (gain(part, added), -counts[part].total() / ratios[part], -part))
        counts[best].update(added)
        parts[best].append(name)
    for part in usable:
        richest = max(usable, key=lambda other: len(parts[other]))
        if not parts[part] and len(parts[richest]) > 1:
            parts[part].append(parts[richest].pop())  # the smallest
    return {key: part for part, held in enumerate(parts) for name in held for key in members[name]}


def _shares(total: int, ratios: Sequence[float]) -> list[int]:
    wanted = [total * ratio for ratio in ratios]
    shares = [int(w) for w in wanted]
    by_remainder = sorted(range(len(ratios)), key=lambda i: (shares[i] - wanted[i], i))
    for i in by_remainder[: total - sum(shares)]:
        shares[i] += 1
    used = [i for i, ratio in enumerate(ratios) if ratio > 0]
    for i in used:
        richest = max(used, key=lambda j: shares[j])
        if shares[i] == 0 and total >= len(used) and shares[richest] > 1:
            shares[richest] -= 1
            shares[i] += 1
    return shares
