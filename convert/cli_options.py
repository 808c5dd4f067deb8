"""The options that several conversions share, and how the command line runs a conversion."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from system.console import progress
from system.errors import CombinedInputError, OptionError

if TYPE_CHECKING:
    from convert.execution import Execution
    from convert.report import Report

Src = TypeVar("Src")
Opt = TypeVar("Opt")

NewDataset = Annotated[Path, typer.Argument(metavar="DST", help="The new dataset folder.")]
CocoSource = Annotated[Path, typer.Argument(metavar="SRC", help="COCO dataset folder or COCO file.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a destination that defectline wrote.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Read and check everything, print the table, write nothing.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Make any loss an error.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write each repair and loss to this JSON file.")]
Jobs = Annotated[int, typer.Option("--jobs", min=0, help="Processes to use; 0 chooses by the amount of work.")]
Seed = Annotated[int, typer.Option("--seed", help="Seed of everything random.")]
Images = Annotated[
    Path | None, typer.Option("--images", help="Folder of the pictures, where they do not lie near.")
]
Connectivity = Annotated[
    int, typer.Option("--connectivity", help="Pixels of a component touch by 4 or 8 neighbours.")
]
MinArea = Annotated[int, typer.Option("--min-area", min=1, help="Drop and report components with fewer pixels.")]
MergeGap = Annotated[
    int, typer.Option("--merge-gap", min=0, help="Components nearer than this many pixels are one.")
]
Threshold = Annotated[int | None, typer.Option("--threshold", help="Grey values from this on are the defect.")]
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


class UnlabelledKind(StrEnum):
    """What becomes of pictures that nobody labelled."""

    leave_out = "leave-out"
    negative = "negative"


Unlabelled = Annotated[
    UnlabelledKind, typer.Option("--unlabelled", help="What becomes of pictures that nobody labelled.")
]
Segmentation = Annotated[
    SegmentationKind,
    typer.Option(help="auto: polygon where it says the same and is no longer; holes are always rle."),
]


def parse_connectivity(connectivity: int) -> Literal[4, 8]:
    """The neighbourhood that is asked for. Raises OptionError."""
    if connectivity == 4:
        return 4
    if connectivity == 8:
        return 8
    raise OptionError(f"--connectivity {connectivity}", "no such neighbourhood", "give 4 or 8")


def run_conversion(
    convert: Callable[[Src, Path, Opt, "Execution"], "Report"],
    source: Src,
    dest: Path,
    options: Opt,
    *,
    overwrite: bool,
    dry_run: bool,
    strict: bool,
    jobs: int,
    report: Path | None,
    max_errors: int = 50,
    skip_bad: bool = False,
) -> None:
    """Run a conversion as the command line asks, print its table, and write the report where one is wanted.

    Raises OptionError for a report that cannot be written, before anything is converted, and what `convert` does.
    """
    from convert.execution import Execution
    from convert.report import print_report, write_report

    _check_report(report, dest, dry_run=dry_run)
    execution = Execution(
        overwrite=overwrite,
        dry_run=dry_run,
        strict=strict,
        max_errors=max_errors,
        skip_bad=skip_bad,
        jobs=jobs,
        progress=progress,
    )
    try:
        result = convert(source, dest, options, execution)
    except CombinedInputError as error:
        raise error.limited(max_errors) from None
    print_report(f"{dest} (dry run, nothing written)" if dry_run else str(dest), result)
    if report is not None:
        write_report(report, result)
    if any(event.code == "bad-input" for event in result.events):
        raise typer.Exit(1)


def _check_report(report: Path | None, dest: Path, *, dry_run: bool) -> None:
    """Raise OptionError where `--report` cannot be written, before anything is converted; `dest` may hold it."""
    from system.files import may_write

    if report is None:
        return
    if report.is_dir():
        raise OptionError(f"--report {report}", "a folder", "name a file")
    becomes = not dry_run and report.parent.resolve() == dest.resolve()
    if not report.parent.is_dir() and not becomes:
        raise OptionError(f"--report {report}", f"there is no folder {report.parent}", "make it or name another")
    if not becomes and not may_write(report.parent):
        raise OptionError(
            f"--report {report}", f"no permission to write in {report.parent}", "name another folder"
        )
