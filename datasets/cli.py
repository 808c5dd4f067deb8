"""The `datasets` command: create, inspect and prepare data."""

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from datasets import cli_check, cli_longtail, cli_paste, cli_split
from system.console import new_app, print_status, print_table, progress, run
from system.json_output import report
from system.stored_path import READ

app = new_app("Create, inspect and prepare datasets.")


@app.command("synth")
def synth_command(
    dest: Annotated[Path, typer.Argument(help="Category folder to write.")],
    count: Annotated[int, typer.Option(help="Total number of images in all folders.")] = 120,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 320,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what synth wrote there before.")] = False,
) -> None:
    """Draw synthetic bottle mouths, good and defective, as an MVTec AD category folder."""
    from datasets.synth.synth import synth

    written = synth(
        dest,
        count=count,
        size=size,
        seed=seed,
        overwrite=overwrite,
        progress=lambda places: progress(places, "draw", count),
    )
    report({"folder": dest, "images": written.images})
    print_table(str(dest), ("folder", "images"), list(written.images.items()))


@app.command("summary")
def summary_command(
    path: Annotated[
        Path,
        typer.Argument(click_type=READ, help="MVTec category folder, COCO dataset folder or COCO export."),
    ],
    threshold: Annotated[
        int | None, typer.Option(help="Minimum grey value of a defect pixel in masks, as for mvtec2coco.")
    ] = None,
) -> None:
    """Defect types, images per split and type, sizes, components, areas and boxes."""
    from datasets.summary import print_summary, summarise

    summary = summarise(path, progress, threshold=threshold)
    report(summary)
    print_summary(summary)
    if not any(t.instances for t in summary.types.values()):
        print_status("note: there is no defect in it")


cli_check.register(app)
cli_longtail.register(app)
cli_paste.register(app)
cli_split.register(app)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "datasets")


if __name__ == "__main__":
    main()
