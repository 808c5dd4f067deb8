"""What a conversion read, wrote, repaired and lost: counted always, told per file on demand."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from convert.codes import CODES
from system.console import print_table
from system.errors import InputError
from system.json_file import write_json


class Event(msgspec.Struct, frozen=True, order=True):
    """One thing repaired or lost: in which file, where in it, a stable code, the value."""

    file: str
    where: str
    code: str
    value: str


class Report(msgspec.Struct, frozen=True):
    """Counts of things read and written, and events in the order of the files."""

    read: dict[str, int]
    written: dict[str, int]
    events: list[Event]

    def summary(self) -> list[dict[str, str | int]]:
        """Events counted per code, as `dataset.json` keeps them."""
        counts = Counter(event.code for event in self.events)
        return [{"code": code, "kind": CODES[code].kind, "count": counts[code]} for code in sorted(counts)]


def make_report(read: dict[str, int], written: dict[str, int], events: Iterable[Event]) -> Report:
    """A report with its events sorted, so that it does not depend on who finished first."""
    return Report(read, written, sorted(events))


def check_strict(report: Report) -> None:
    """Raise InputError for the first loss: `--strict` wants none."""
    for event in report.events:
        if CODES[event.code].kind == "lost":
            where = f"{event.where}: " if event.where else ""
            raise InputError(
                event.file, f"{where}{event.code} ({event.value})", "correct the source or leave out --strict"
            )


def print_report(title: str, report: Report) -> None:
    """The table at the end of every conversion."""
    counts = Counter(event.code for event in report.events)
    rows: list[tuple[object, ...]] = [("read", name, n, "") for name, n in report.read.items()]
    rows += [("written", name, n, "") for name, n in report.written.items()]
    rows += [(CODES[code].kind, code, counts[code], CODES[code].meaning) for code in sorted(counts)]
    print_table(title, ("", "what", "count", "meaning"), rows)


def write_report(path: Path, report: Report) -> None:
    """Write the report with every event as JSON."""
    write_json(path, report)
