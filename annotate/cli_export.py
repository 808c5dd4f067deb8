"""The command that exports a run's model for another annotation program."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from system.console import print_status
from system.json_output import report


class ProgramKind(StrEnum):
    """The annotation program that loads the model."""

    x_anylabeling = "x-anylabeling"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("export")(export_command)


def export_command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder of train_det.")],
    program: Annotated[ProgramKind, typer.Option("--for", help="The program that loads the model.")],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to write (default: RUN/x-anylabeling).")
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="Location of the run's dataset if it was moved.")] = None,
) -> None:
    """Export the model of a run, so that X-AnyLabeling proposes shapes with it while you label."""
    from annotate.export_model import check_is_new, export_for_x_anylabeling
    from evaluate.run_dataset import open_run_dataset
    from evaluate.run_folder import load_run

    dest = out or run / program.value
    check_is_new(dest)
    one = load_run(run)
    exported = export_for_x_anylabeling(one, open_run_dataset(one, dataset), dest)
    report(exported)
    print_status(f"in X-AnyLabeling: the list of models, Load Custom Model, {exported.config}")
