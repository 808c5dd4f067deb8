"""One thing that doctor looked at."""

from typing import Literal

import msgspec

Level = Literal["ok", "note", "problem"]
GB = 1e9


class Check(msgspec.Struct, frozen=True):
    """What was found of one thing, and what to do; `remedy` is empty if nothing needs to be done.

    A `problem` keeps defectline from working, a `note` is something that only some commands need.
    """

    area: str
    name: str
    level: Level
    found: str
    remedy: str = ""


def gigabytes(size: float) -> str:
    """A number of bytes in GB."""
    return f"{size / GB:.1f} GB"
