"""The report of a conversion: what it read, wrote, repaired and lost."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from convert.codes import CODES
from system.console import print_table
from system.errors import InputError
from system.json_file import write_json


class Event(msgspec.Struct, frozen=True, order=True):
    """One thing repaired, lost or noted: the file, the place in it, a stable code, the value."""

    file: str
    where: str
    code: str
    value: str


class Report(msgspec.Struct, frozen=True):
    """Numbers of items read and written, and events in the order of the files."""

    read: dict[str, int]
    written: dict[str, int]
    events: list[Event]

    def summary(self) -> list[dict[str, str | int]]:
        """The number of events of each code, as `dataset.json` contains them."""
        counts = Counter(event.code for event in self.events)
        return [{"code": code, "kind": CODES[code].kind, "count": counts[code]} for code in sorted(counts)]


def make_report(read: dict[str, int], written: dict[str, int], events: Iterable[Event]) -> Report:
    """A report with sorted events, so that it does not depend on the order in which processes finish."""
    return Report(read, written, sorted(events))


def check_strict(report: Report) -> None:
    """Check for `--strict`. Raises InputError for the first loss."""
    for event in report.events:
        if CODES[event.code].kind == "lost":
            where = f"{event.where}: " if event.where else ""
            raise InputError(
                event.file, f"{where}{event.code} ({event.value})", "correct the source or leave out --strict"
            )


def print_report(title: str, report: Report) -> None:
    """Print the table that ends every conversion."""
    counts = Counter(event.code for event in report.events)
    rows: list[tuple[object, ...]] = [("read", name, n, "") for name, n in report.read.items()]
    rows += [("written", name, n, "") for name, n in report.written.items()]
    rows += [(CODES[code].kind, code, counts[code], CODES[code].meaning) for code in sorted(counts)]
    print_table(title, ("", "what", "count", "meaning"), rows)


def write_report(path: Path, report: Report) -> None:
    """Write the report with every event as JSON. Raises OutputError if `path` cannot be written."""
    write_json(path, report)
