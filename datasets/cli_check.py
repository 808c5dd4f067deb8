"""`datasets check` on the command line."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from system.console import print_table, print_waiting, progress
from system.errors import OptionError
from system.json_output import report
from system.on_cluster import On, pool_on
from system.stored_path import READ

if TYPE_CHECKING:
    from datasets.check.check import Checked

SHOWN = 5  # findings per code in the table; --json prints all


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("check")(check_command)


def check_command(
    path: Annotated[
        Path,
        typer.Argument(
            click_type=READ,
            help="MVTec tree, labelme or YOLO folder, COCO folder or export, or images with --masks.",
        ),
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 for warnings, too.")] = False,
    max_speckle: Annotated[int, typer.Option(min=0, help="Report components with fewer pixels than this.")] = 8,
    imgsz: Annotated[int, typer.Option(min=1, help="Longer side of images in training, in pixels.")] = 640,
    min_side: Annotated[
        float, typer.Option(min=0, help="Report boxes with a side shorter than this at --imgsz, in pixels.")
    ] = 4,
    threshold: Annotated[
        int | None, typer.Option(help="Minimum grey value of a defect pixel in masks, as for mvtec2coco.")
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(click_type=READ, help="Folder of the masks of the images in PATH, as for masks2coco."),
    ] = None,
    category: Annotated[str | None, typer.Option(help="As for masks2coco, with --masks.")] = None,
    categories: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="As for masks2coco, with --masks.")
    ] = None,
    colours: Annotated[
        list[str] | None, typer.Option(metavar="NAME=R,G,B", help="As for masks2coco, with --masks.")
    ] = None,
    labelmap: Annotated[
        Path | None, typer.Option(click_type=READ, help="As for masks2coco, with --masks.")
    ] = None,
    type_folders: Annotated[bool, typer.Option("--type-folders", help="As for masks2coco, with --masks.")] = False,
    pattern: Annotated[str, typer.Option(help="As for masks2coco, with --masks.")] = "{stem}",
    void: Annotated[
        bool, typer.Option("--void", help="With --masks: index 255 and 224,224,192 are void, as in Pascal VOC.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Do not read these files, as for convert. May be repeated."),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=0, help="Number of processes, at most 4 per processor (0: automatic).")
    ] = 0,
    on: On = None,
) -> None:
    """Check a dataset for problems that would harm training.

    Exit status: 0 if there are no errors, 1 if there are, 2 if the dataset cannot be read. Notes do not count.
    """
    import msgspec

    from datasets.check.check import check
    from datasets.check.facts import Limits
    from datasets.check.read_masks import MaskFolders
    from datasets.formats.mask_types import choose_types
    from system.exclude import Excluder

    folders = None
    if masks is not None:
        types = choose_types(path, masks, category, categories, colours or [], labelmap, type_folders=type_folders)
        folders = MaskFolders(masks, types, pattern, threshold, void)
    elif category or categories or colours or labelmap or type_folders or void or pattern != "{stem}":
        raise OptionError("datasets check", "options of masks without --masks", "give --masks FOLDER")
    limits = Limits(max_speckle, imgsz, min_side, threshold)
    excluder = Excluder(tuple(exclude or ()))
    with pool_on(on, jobs) as pool:
        checked = check(path, limits, jobs=jobs, pool=pool, progress=progress, masks=folders, exclude=excluder)
    levels = Counter(finding.level for finding in checked.findings)
    findings = [{"level": f.level, **msgspec.to_builtins(f)} for f in checked.findings]
    report({**msgspec.to_builtins(checked), "findings": findings})
    _print(path, checked)
    print_waiting(sum(finding.code == "unreviewed" for finding in checked.findings))
    if levels["error"] or (strict and levels["warning"]):
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
        findings = [finding for finding in checked.findings if finding.code == code]
        shown = [(f.file, f.where, f.value) for f in findings[:SHOWN]]
        more = [(f"... {len(findings) - SHOWN} more, see --json", "", "")] if len(findings) > SHOWN else []
        print_table(code, ("file", "where", "value"), [*shown, *more])
