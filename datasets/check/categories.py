"""Checks of the categories: similar names, and splits without or with an unlikely share of a category."""

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import combinations

from datasets.check.codes import Finding
from datasets.check.facts import Facts
from datasets.coco import SPLITS
from datasets.masks.pixel_mask import check_category_count
from system.errors import InputError

SIMILAR_NAMES_THRESHOLD = 0.85  # minimum difflib similarity of names of which one may be misspelt
MAX_COMPARED_NAMES = 1000  # a pixel mask holds 255
CHANCE_THRESHOLD = 0.001  # probability under a random split; less likely shares are reported
WHOLE = "(dataset)"


def check_names(facts: Facts) -> list[Finding]:
    """Category names that are equal or differ only in case, spaces, punctuation, accents or one letter in six."""
    counts = Counter(annotation.category for image in facts.images for annotation in image.annotations)
    names = sorted({*facts.categories, *counts})
    twice = [name for name, times in sorted(Counter(facts.categories).items()) if times > 1]
    return [
        *(Finding(WHOLE, "", "near-identical-labels", f"two categories are called {name}") for name in twice),
        *(
            Finding(WHOLE, "", "near-identical-labels", f"{one} ({counts[one]}) and {other} ({counts[other]})")
            for one, other in similar_names(names)
        ),
    ]


def similar_names(names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of similar names, in the order of `names`.

    Of more than MAX_COMPARED_NAMES, only those that are equal but for case, spaces, punctuation and accents.

    >>> similar_names(["Scratch", "dent", "scratch", "scratch2"])
    [('Scratch', 'scratch')]
    """
    plain = [_plain(name) for name in names]
    groups: dict[str, list[int]] = {}  # scratch1 and scratch2 are distinct on purpose
    for k, one in enumerate(plain):
        groups.setdefault(_digits(one) if len(names) <= MAX_COMPARED_NAMES else one, []).append(k)
    pairs = (pair for group in groups.values() for pair in combinations(group, 2))
    return [(names[i], names[j]) for i, j in sorted(pairs) if _look_alike(plain[i], plain[j])]


def check_count(facts: Facts) -> list[Finding]:
    """A finding if there are more categories than a pixel mask can hold."""
    try:
        check_category_count(WHOLE, len(set(facts.categories)))
    except InputError as error:
        return [Finding(WHOLE, "", "too-many-categories", error.problem)]
    return []


def check_absent(facts: Facts) -> list[Finding]:
    """Categories without a defect in a split that has images; ignore regions are none."""
    if not facts.is_split or _are_all_ignored(facts):
        return []
    annotated = {(image.split, annotation.category) for image in facts.images for annotation in image.defects}
    used = {category for _, category in annotated}
    splits = [split for split in SPLITS if any(image.split == split for image in facts.images)]
    missing = [
        (split, c) for c in sorted({*facts.categories, *used}) for split in splits if (split, c) not in annotated
    ]
    return [Finding(WHOLE, split, "absent-from-split", category) for split, category in missing]


def _are_all_ignored(facts: Facts) -> bool:
    """Whether there are annotations, but only ignore regions; that is a finding of its own."""
    return any(i.annotations for i in facts.images) and not any(i.defects for i in facts.images)


def check_skew(facts: Facts) -> list[Finding]:
    """Categories with an unlikely number of their images in a split (two-sided hypergeometric test)."""
    if not facts.is_split:
        return []
    total = len(facts.images)
    sizes = Counter(image.split for image in facts.images)
    findings = []
    for category in sorted({i.category for image in facts.images for i in image.defects}):
        having = Counter(
            image.split for image in facts.images if any(i.category == category for i in image.defects)
        )
        for split in sorted(sizes):
            expected = having.total() * sizes[split] / total
            if _chance(having[split], total, having.total(), sizes[split]) < CHANCE_THRESHOLD:
                value = f"{category}: {having[split]} images where {expected:.0f} are expected"
                findings.append(Finding(WHOLE, split, "split-skew", value))
    return findings


def _chance(count: int, total: int, marked: int, drawn: int) -> float:
    """Two-sided hypergeometric probability of so unlikely a count; importing scipy.stats takes a second."""

    def log_choices(n: int, k: int) -> float:
        return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)

    low, high = max(0, drawn + marked - total), min(marked, drawn)
    masses = [
        math.exp(log_choices(marked, k) + log_choices(total - marked, drawn - k) - log_choices(total, drawn))
        for k in range(low, high + 1)
    ]
    return 2 * min(sum(masses[: count - low + 1]), sum(masses[count - low :]))


def _look_alike(first: str, second: str) -> bool:
    if first == second:
        return True
    if min(len(first), len(second)) < 4:
        return False
    matcher = SequenceMatcher(None, first, second)
    bounds = (matcher.real_quick_ratio, matcher.quick_ratio, matcher.ratio)  # each is at least the next
    return all(bound() >= SIMILAR_NAMES_THRESHOLD for bound in bounds)


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(c for c in decomposed if c.isalnum())


def _digits(name: str) -> str:
    return "".join(c for c in name if c.isdigit())
