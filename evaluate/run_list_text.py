"""Listed runs as text: a table, or a block of lines for each run where the terminal is too narrow for it."""

from collections.abc import Sequence

from evaluate.cells import interval_cell, value_cell
from evaluate.run_list import HEADLINES, ListedRun, facts_of
from system.console import print_table, print_text, terminal_width
from system.table import fold, format_table

INDENT = "  "
SHORTEST = 30  # seconds that are shown as minutes


def print_runs(title: str, runs: Sequence[ListedRun], by: str | None = None) -> None:
    """Print what the runs have in common, and of each the rest, its main numbers, that of `by`, and its time."""
    names = [name for name in HEADLINES if any(run.numbers.get(name) is not None for run in runs)]
    names += [by] if by and by not in names else []
    common, facts = facts_of(runs)
    if len(runs) == 1:
        common, facts = [], [common]
    if common:
        title += f"; all: {', '.join(common)}"
    columns = ("run", "", *names, "minutes")
    rows = [
        [run.run, ", ".join(own), *(_number(run, name) for name in names), _minutes(run)]
        for run, own in zip(runs, facts, strict=True)
    ]
    width = terminal_width()
    if width is None or len(max(format_table(columns, rows), key=len)) < width:
        print_table(title, columns, rows)
    else:
        print_text("\n".join([*fold(title, width - 1), "", *_blocks(names, rows, width)]) + "\n")


def _blocks(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    lines = []
    for run, facts, *numbers, minutes in rows:
        asked = [text for text in (facts, f"{minutes} min") if text not in ("", "- min")]
        measured = [f"{name} {number}" for name, number in zip(names, numbers, strict=True) if number != "-"]
        lines += [run]
        for items in (asked, measured or ["not measured"]):
            lines += [INDENT + line for line in fold(", ".join(items), width - 1 - len(INDENT))]
        lines.append("")
    return lines


def _number(run: ListedRun, name: str) -> str:
    value = run.numbers.get(name)
    if value is None:
        return "-"
    interval = run.intervals.get(name)
    return f"{value_cell(value)} ({interval_cell(interval)})" if interval else value_cell(value)


def _minutes(run: ListedRun) -> str:
    if run.seconds is None:
        return "-"
    return f"{run.seconds / 60:.0f}" if run.seconds >= SHORTEST else "<1"
