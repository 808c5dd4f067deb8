"""A table of texts, and numbers as the texts of its cells."""

from collections.abc import Sequence

import msgspec

from evaluate.values import Interval

NONE = "-"
INTERVAL_ROW = "95 % interval"


class Table(msgspec.Struct, frozen=True):
    """A titled table of texts, the first column naming the row; `note` states how the numbers were made."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def value_cell(value: float | None) -> str:
    """Three decimals."""
    return NONE if value is None else f"{value:.3f}"


def interval_cell(interval: Interval | None) -> str:
    """Low to high, three decimals each."""
    return NONE if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def rate_cell(part: int, whole: int) -> str:
    """`part` of `whole` in percent."""
    return f"{part / whole:.1%}" if whole else NONE
