"""`datasets longtail` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from system.console import print_status, print_table
from system.json_output import report


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("longtail")(longtail_command)


def longtail_command(
    dataset: Annotated[Path, typer.Argument(help="A COCO dataset folder.")],
    dest: Annotated[Path, typer.Argument(help="The new dataset folder.")],
    ratio: Annotated[float, typer.Option(help="Images of the most frequent type to those of the rarest.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the table, but write nothing.")] = False,
) -> None:
    """Leave out training images so that types have fewer and fewer, by an exponential profile."""
    from datasets.longtail import longtail, unreached

    counts = longtail(dataset, dest, ratio=ratio, seed=seed, overwrite=overwrite, dry_run=dry_run)
    report({"folder": dest, "dry_run": dry_run, "types": counts})
    print_table(
        f"{dest} (dry run, nothing written)" if dry_run else str(dest),
        ("training images", "before", "kept"),
        [(one.type, one.images, one.kept) for one in counts],
    )
    if line := unreached(counts, ratio):
        print_status(line)
