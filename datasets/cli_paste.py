"""`datasets paste` on the command line."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from system.console import print_table, progress
from system.json_output import report
from system.on_cluster import On, pool_on


class PlaceOption(StrEnum):
    """Where a defect may be pasted on the new image."""

    AUTO = "auto"
    ORBIT = "orbit"
    ANYWHERE = "anywhere"
    SAME = "same"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("paste")(paste_command)


def paste_command(
    dataset: Annotated[Path, typer.Argument(help="A COCO dataset folder.")],
    dest: Annotated[Path, typer.Argument(help="The new dataset folder.")],
    count: Annotated[int, typer.Option(help="Number of new training images.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    place: Annotated[
        PlaceOption,
        typer.Option(
            help="orbit: any angle around the centre of a round part, at the same radius. anywhere: any position "
            "and angle. same: the original position. auto: orbit for round parts on a plain background, same for "
            "other parts, anywhere for textures."
        ),
    ] = PlaceOption.AUTO,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Do all the work and print the table, but write nothing.")
    ] = False,
    on: On = None,
) -> None:
    """Add training images: real defects of the train split pasted onto good images of the train split."""
    from datasets.paste.dataset import paste_dataset

    with pool_on(on) as pool:
        pasted = paste_dataset(
            dataset,
            dest,
            count=count,
            seed=seed,
            place=place.value,
            overwrite=overwrite,
            dry_run=dry_run,
            progress=progress,
            pool=pool,
        )
    report({"folder": dest, "dry_run": dry_run, "report": pasted})
    print_table(
        f"{dest} (dry run, nothing written)" if dry_run else str(dest),
        ("", "what", "count"),
        [
            ("read", "train images with defects", pasted.sources),
            ("read", "train negatives", pasted.canvases),
            (f"place {pasted.place}", "new images", pasted.images),
            *(("pasted", name, number) for name, number in pasted.pasted.items()),
            *(("left out", loss["code"], loss["count"]) for loss in pasted.lost()),
        ],
    )
