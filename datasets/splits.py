"""Splits: which image goes to train, val or test, each stratum shared out in the same proportions."""

import random
from collections.abc import Mapping, Sequence

from datasets.errors import OptionError

SPLITS = ("train", "val", "test")
Ratios = tuple[float, float, float]


def parse_ratios(text: str) -> Ratios:
    """Three proportions of train, val and test from text like 0.7,0.1,0.2; any sum, none negative.

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


def stratified_split(strata: Mapping[str, str], ratios: Ratios, seed: int) -> dict[str, str]:
    """Assign each key of `strata` (key -> stratum) to train, val or test.

    Every stratum is shuffled with a generator of its own, so that adding a defect type moves no image of another,
    and shared out by largest remainder; where it has enough images, each split with a ratio gets at least one.
    """
    members: dict[str, list[str]] = {}
    for key in sorted(strata):
        members.setdefault(strata[key], []).append(key)
    assigned: dict[str, str] = {}
    for stratum, keys in members.items():
        random.Random(f"{seed}/{stratum}").shuffle(keys)  # noqa: S311
        start = 0
        for split, count in zip(SPLITS, _shares(len(keys), ratios), strict=True):
            assigned.update(dict.fromkeys(keys[start : start + count], split))
            start += count
    return assigned


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
