"""The `doctor` command."""

from typing import NoReturn

import typer

from system.console import print_status, print_table, run
from system.json_output import report

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
        rows = [(c.level, c.name, c.found, c.remedy) for c in checks if c.area == area]
        print_table(area, ("", "what", "found", "what to do"), rows)
    problems = sum(check.level == "problem" for check in checks)
    notes = sum(check.level == "note" for check in checks)
    print_status(f"{problems} problems, {notes} notes")
    if problems:
        raise typer.Exit(1)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "doctor")


if __name__ == "__main__":
    main()
