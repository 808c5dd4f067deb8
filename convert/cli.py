"""The `convert` command: one `x2y` each."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from datasets.console import new_app, progress, run

app = new_app(
    "Convert between annotation formats; every conversion ends with a table of what it repaired and lost."
)

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and check everything, print the table, write nothing.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Make any loss an error.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write each repair and loss to this JSON file.")]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Processes to use; 0 chooses by the amount of work.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
RatiosText = Annotated[str, typer.Option("--ratios", help="Proportions of train,val,test in a stratified split.")]


class SplitKind(StrEnum):
    """How images are shared out."""

    stratified = "stratified"
    original = "original"


class SegmentationKind(StrEnum):
    """How instance masks are written."""

    rle = "rle"
    polygon = "polygon"
    auto = "auto"


@app.command("mvtec2coco")
def mvtec2coco_command(
    sources: Annotated[
        list[Path], typer.Argument(metavar="SRC... DST", help="Category folders, then the new dataset.")
    ],
    split: Annotated[
        SplitKind, typer.Option(help="By defect type over all images, or MVTec's own.")
    ] = SplitKind.stratified,
    ratios: RatiosText = "0.7,0.1,0.2",
    seed: Seed = 0,
    connectivity: Annotated[int, typer.Option(help="Pixels of a component touch by 4 or 8 neighbours.")] = 8,
    min_area: Annotated[int, typer.Option(min=1, help="Drop and report components with fewer pixels.")] = 1,
    merge_gap: Annotated[int, typer.Option(min=0, help="Components nearer than this many pixels are one.")] = 0,
    segmentation: Annotated[
        SegmentationKind,
        typer.Option(help="auto: polygon where it says the same and is no longer; holes are always rle."),
    ] = SegmentationKind.rle,
    threshold: Annotated[int | None, typer.Option(help="Grey values from this on are the defect.")] = None,
    overwrite: Overwrite = False,
    dry_run: DryRun = False,
    strict: Strict = False,
    report: ReportFile = None,
    jobs: Jobs = 0,
) -> None:
    """MVTec AD category folder(s) to a COCO dataset folder with boxes, instance masks and pixel masks."""
    from convert.mvtec2coco import Options, mvtec2coco
    from datasets.errors import OptionError
    from datasets.splits import parse_ratios

    if len(sources) < 2:
        raise OptionError("convert mvtec2coco", "needs SRC and DST", "name the category folder and the new folder")
    if connectivity not in {4, 8}:
        raise OptionError(f"--connectivity {connectivity}", "no such neighbourhood", "give 4 or 8")
    options = Options(
        split.value,
        parse_ratios(ratios),
        seed,
        8 if connectivity == 8 else 4,
        min_area,
        merge_gap,
        segmentation.value,
        threshold,
    )
    *trees, dest = sources
    result = mvtec2coco(
        trees, dest, options, overwrite=overwrite, dry_run=dry_run, strict=strict, jobs=jobs, progress=progress
    )
    _finish(dest, result, report, dry_run=dry_run)


def _finish(dest: Path, result: Any, report: Path | None, *, dry_run: bool) -> None:
    from convert.report import print_report, write_report

    print_report(f"{dest} (dry run, nothing written)" if dry_run else str(dest), result)
    if report is not None:
        write_report(report, result)


def main() -> NoReturn:
    """Entry point of the console command."""
    run(app, "convert")


if __name__ == "__main__":
    main()
