"""Names of categories that mean the same: one rule for every format.

Names that differ only in their Unicode form, or in spaces around them, look the same: they are one category. Names
that differ only in case are different categories, because labels are compared exactly by most programs, but the
difference is reported.
"""

import unicodedata
from collections.abc import Iterable
from itertools import groupby

NO_DEFECT = frozenset({"good", "ok", "normal", "background", "no defect", "no_defect"})


def category_name(label: str) -> str:
    """The name of the category of a label: composed (NFC), without spaces around it.

    >>> category_name(" chip ")
    'chip'
    """
    return unicodedata.normalize("NFC", label).strip()


def joined_labels(labels: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Each category name that several different labels have, with these labels."""
    ordered = sorted(set(labels), key=lambda label: (category_name(label), label))
    groups = [(name, list(group)) for name, group in groupby(ordered, key=category_name)]
    return [(name, group) for name, group in groups if len(group) > 1]


def names_of_other_case(names: Iterable[str]) -> list[list[str]]:
    """The groups of category names that differ only in case."""
    ordered = sorted(set(names), key=lambda name: (name.casefold(), name))
    groups = [list(group) for _, group in groupby(ordered, key=str.casefold)]
    return [group for group in groups if len(group) > 1]
