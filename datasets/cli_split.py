"""`datasets split` on the command line."""

from pathlib import Path
from typing import Annotated

import typer

from system.console import print_table
from system.json_output import report


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("split")(split_command)


def split_command(
    source: Annotated[Path, typer.Argument(metavar="DATASET", help="COCO dataset folder.")],
    dest: Annotated[
        Path,
        typer.Argument(metavar="DST", help="The new dataset folder; with --folds, a folder of dataset folders."),
    ],
    ratios: Annotated[
        str, typer.Option(help="Proportions of train,val,test; with --folds only train and val count.")
    ] = "0.7,0.1,0.2",
    folds: Annotated[
        int | None, typer.Option(min=2, help="Make this many folds, each with its own train, val and test.")
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Keep images together whose names have the same match, or the same captured group.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a destination that `datasets split` wrote.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the table, but write nothing.")] = False,
) -> None:
    """Split a dataset again by defect type into train, val and test, or into folds; images are hard links."""
    from datasets.resplit import Options, resplit
    from datasets.splits import parse_ratios

    options = Options(parse_ratios(ratios), seed, folds or 0, group_by)
    counts = resplit(source, dest, options, overwrite=overwrite, dry_run=dry_run)
    types = sorted({type_ for splits in counts.values() for counted in splits.values() for type_ in counted})
    rows = [
        (name, split, counted.total(), *(counted[type_] for type_ in types))
        for name, splits in counts.items()
        for split, counted in splits.items()
    ]
    report({"folder": dest, "dry_run": dry_run, "images": counts})
    title = f"{dest} (dry run, nothing written)" if dry_run else str(dest)
    print_table(title, ("", "split", "images", *types), rows)
