"""`datasets split`."""

from pathlib import Path
from typing import Annotated

import typer

from system.console import print_table


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("split")(split_command)


def split_command(
    source: Annotated[Path, typer.Argument(metavar="DATASET", help="COCO dataset folder.")],
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new folder, with --folds one of folders.")],
    ratios: Annotated[
        str, typer.Option(help="Proportions of train,val,test; with --folds those of train and val count.")
    ] = "0.7,0.1,0.2",
    folds: Annotated[
        int | None, typer.Option(min=2, help="Make this many folds, each with its own train, val and test.")
    ] = None,
    group_by: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="Images stay together whose names give the same match or capture."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what split wrote there before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the table, write nothing.")] = False,
) -> None:
    """Share a dataset out anew by type, into train, val and test or into folds; pictures are links."""
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
    title = f"{dest} (dry run, nothing written)" if dry_run else str(dest)
    print_table(title, ("", "split", "images", *types), rows)
