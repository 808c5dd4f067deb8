"""The `doctor` command."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import typer

from system.console import print_status, print_table, print_text, run, terminal_width
from system.json_output import report
from system.table import fold

if TYPE_CHECKING:
    from doctor.check import Check

PIPED_WIDTH = 80  # columns, where stdout is not a terminal

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def doctor() -> None:
    """Report what is installed, which device and weights there are, and what to do about what is missing.

    Exit status: 1 if something that defectline needs is missing, else 0. Imports no library and downloads nothing.
    """
    from doctor.machine import check_machine
    from doctor.packages import check_packages
    from doctor.programs import check_programs
    from doctor.weights import check_weights

    checks = [*check_packages(), *check_machine(), *check_programs(), *check_weights()]
    report(checks)
    areas = dict.fromkeys(check.area for check in checks)
    for area in areas:
        print_area(area, [check for check in checks if check.area == area])
    problems = sum(check.level == "problem" for check in checks)
    notes = sum(check.level == "note" for check in checks)
    print_status(f"{problems} problems, {notes} notes")
    if problems:
        raise typer.Exit(1)


def print_area(area: str, checks: "Sequence[Check]") -> None:
    """Print a table of the checks and below it what to do, at most 80 columns wide unless a name is longer."""
    columns = ("", "what", "found")
    rows = [(check.level, check.name, check.found) for check in checks]
    remedies = [f"{check.name}: {check.remedy}" for check in checks if check.remedy]
    print_table(area, columns, rows, piped_width=PIPED_WIDTH)
    lines = [line for one in remedies for line in _folded(one, terminal_width() or PIPED_WIDTH)]
    if lines:
        print_text("\n".join([*lines, "", ""]))


def _folded(remedy: str, width: int) -> list[str]:
    first, *others = fold(remedy, width - 3)
    return [f" {first}", *(f"   {line}" for line in others)]


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "doctor")


if __name__ == "__main__":
    main()
