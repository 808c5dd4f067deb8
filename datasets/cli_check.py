"""`datasets check`."""

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from system.console import print_table, progress

if TYPE_CHECKING:
    from datasets.check.check import Checked

SHOWN = 5  # findings of a code in the table; --json has all


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check")(check_command)


def check_command(
    path: Annotated[
        Path, typer.Argument(help="MVTec tree, labelme folder, YOLO folder, COCO dataset folder or export.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every finding as JSON instead of a table.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    max_speckle: Annotated[int, typer.Option(min=0, help="Tell components with fewer pixels than this.")] = 8,
    imgsz: Annotated[int, typer.Option(min=1, help="Longer side of pictures in training, in pixels.")] = 640,
    min_side: Annotated[
        float, typer.Option(min=0, help="Tell boxes with a side of fewer pixels than this at --imgsz.")
    ] = 4,
    threshold: Annotated[
        int | None, typer.Option(help="Grey value of a mask from which a pixel is a defect, as for mvtec2coco.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes to use; 0 chooses by the amount of work.")] = 0,
) -> None:
    """Find what would spoil a training. Exit status: 0 nothing, 1 errors found, 2 it cannot be read."""
    import msgspec

    from datasets.check.check import check
    from datasets.check.facts import Limits
    from system.json_file import format_json

    checked = check(path, Limits(max_speckle, imgsz, min_side, threshold), jobs=jobs, progress=progress)
    levels = Counter(finding.level for finding in checked.findings)
    if as_json:
        found = [{"level": f.level, **msgspec.to_builtins(f)} for f in checked.findings]
        content = {**msgspec.to_builtins(checked), "findings": found}
        sys.stdout.buffer.write(format_json(content))
    else:
        _print(path, checked)
    if levels["error"] or (strict and checked.findings):
        raise typer.Exit(1)


def _print(path: Path, checked: "Checked") -> None:
    from datasets.check.codes import CHECK_CODES

    title = f"{path}: {checked.format}, {checked.images} images, {checked.annotations} annotations"
    counts = Counter(finding.code for finding in checked.findings)
    codes = sorted(counts, key=lambda code: (CHECK_CODES[code].level, code))
    rows: list[tuple[object, ...]] = [
        (CHECK_CODES[code].level, code, counts[code], CHECK_CODES[code].meaning) for code in codes
    ]
    print_table(title, ("level", "code", "count", "meaning"), rows or [("clean", "", 0, "nothing found")])
    for code in codes:
        found = [finding for finding in checked.findings if finding.code == code]
        shown = [(f.file, f.where, f.value) for f in found[:SHOWN]]
        more = [(f"... {len(found) - SHOWN} more, see --json", "", "")] if len(found) > SHOWN else []
        print_table(code, ("file", "where", "value"), [*shown, *more])
