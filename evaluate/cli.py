"""The `evaluate` command: compare runs, list them and name the best."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from system.console import new_app, print_status, print_table, run
from system.errors import raise_together
from system.json_output import report

if TYPE_CHECKING:
    from evaluate.compare import MeasuredRun

app = new_app("Compare the measured runs of all trainers.")
Runs = Annotated[Path, typer.Argument(metavar="[RUNS]", help="Folder below which the runs are.")]


@app.command("compare")
def compare_command(
    first: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    second: Annotated[Path, typer.Argument(metavar="RUN_B", help="The run folder after the change.")],
    with_a: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="A run like RUN_A with another seed; may be repeated.")
    ] = None,
    with_b: Annotated[
        list[Path] | None, typer.Option(metavar="RUN", help="A run like RUN_B with another seed; may be repeated.")
    ] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Number of bootstrap resamples.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples.")] = 0,
    dataset: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Location of the dataset if it was moved.")
    ] = None,
) -> None:
    """Report by how much RUN_B is better or worse than RUN_A in each measure, with intervals of the difference."""
    from evaluate.compare import MIN_IMAGES, check_different, compare_runs

    sides = [_read(roots, dataset) for roots in ([first, *(with_a or [])], [second, *(with_b or [])])]
    for side in sides:
        check_different(side)
    compared = compare_runs(*sides, resamples=resamples, seed=seed)
    report(compared)
    rows = [
        [d.measure, f"{d.a:.3f}", f"{d.b:.3f}", f"{d.difference:+.3f}", "{:+.3f} to {:+.3f}".format(*d.interval),
         d.verdict]
        for d in compared.measures
    ]  # fmt: skip
    columns = ("", "A", "B", "B - A", "95 % interval", "B is")
    print_table(f"{second} against {first}, {compared.images} test images", columns, rows)
    if min(map(len, sides)) < 2:
        print_status(
            "the intervals do not include the variation from seed to seed; add runs by --with-a and --with-b"
        )
    if compared.defective < MIN_IMAGES:
        print_status(
            f"{compared.defective} of the test images are defective, fewer than {MIN_IMAGES}: too few to exclude"
            " chance"
        )


@app.command("list")
def list_command(folder: Runs = Path("runs")) -> None:
    """List the runs below a folder: options, data, numbers with intervals, and time.

    Ends with an error that names the runs that cannot be read; the others are listed.
    """
    from evaluate.run_list import list_runs
    from evaluate.run_list_text import print_runs

    found = list_runs(folder)
    report(found.runs, despite_errors=True)
    print_runs(str(folder), found.runs)
    raise_together(found.faults)


@app.command("best")
def best_command(
    folder: Runs = Path("runs"),
    by: Annotated[
        str, typer.Option(metavar="NUMBER", help="A number of the folds' table in metrics.md.")
    ] = "boxes AP",
    most: Annotated[int, typer.Option(min=1, help="Maximum number of runs listed.")] = 5,
) -> None:
    """List the runs below a folder by a number, the best first."""
    from evaluate.run_list import list_runs, sort_by
    from evaluate.run_list_text import print_runs

    found = list_runs(folder)
    listed = sort_by(found.runs, by)[:most]
    report(listed, despite_errors=True)
    print_runs(f"{folder}, best {by} first", listed, by)
    raise_together(found.faults)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "evaluate")


def _read(roots: Sequence[Path], moved: Path | None) -> "list[MeasuredRun]":
    from evaluate.compare import read_measured
    from evaluate.run_dataset import open_run_dataset
    from evaluate.run_folder import load_run, seeds_of
    from evaluate.truth import corrections_since

    single = [one for run in map(load_run, roots) for one in seeds_of(run) or [run]]
    measured = []
    for one in single:
        dataset = open_run_dataset(one, moved)
        measured.append(read_measured(one, dataset))
        if corrections_since(one, dataset):
            print_status(f"{one.root}: {dataset.name} was corrected since; the corrected annotations count")
    return measured
