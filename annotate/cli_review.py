"""The commands that look at labels: queue, status, check, agree, merge."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from annotate.cli_labelme import Folder
from system.console import print_status, print_table, progress
from system.errors import OptionError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
FolderA = Annotated[Path, typer.Argument(metavar="DIR_A", help="One person's pictures and labelme files.")]
FolderB = Annotated[Path, typer.Argument(metavar="DIR_B", help="The other's, with the same names.")]


class QueueBy(StrEnum):
    """What makes a picture worth labelling."""

    uncertainty = "uncertainty"
    disagreement = "disagreement"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("queue")(queue_command)
    app.command("status")(status_command)
    app.command("check")(check_command)
    app.command("agree")(agree_command)
    app.command("merge")(merge_command)


def queue_command(
    folder: Folder,
    run: Annotated[list[Path], typer.Option("--from", metavar="RUN", help="A run; twice for disagreement.")],
    by: Annotated[
        QueueBy | None, typer.Option(help="[default: disagreement where two runs are given]", show_default=False)
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="List at most so many pictures.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="LIST", help="Write the list here, not on stdout.")] = None,
    values: Annotated[bool, typer.Option("--values", help="Show how much each picture has to teach.")] = False,
) -> None:
    """List what to label next, the most telling picture first, for annotate open --only."""
    from annotate.pictures import list_labelled, read_labels
    from annotate.predictions import operating_score, predict_pictures
    from annotate.queueing import disagreement, is_open, rank, uncertainty, write_list

    kind = by or (QueueBy.disagreement if len(run) == 2 else QueueBy.uncertainty)
    wanted = 2 if kind is QueueBy.disagreement else 1
    if len(run) != wanted:
        raise OptionError(f"--by {kind}", f"wants {wanted} --from, not {len(run)}", "give detector and segmenter")
    pictures = list_labelled(folder)
    files = read_labels(pictures)
    waiting = [p for p in pictures if is_open(p, files.get(p.name))]
    thresholds = [operating_score(root) for root in run]
    found = [predict_pictures(root, waiting) for root in run]
    if kind is QueueBy.disagreement:
        kept = [
            {name: [p for p in mine if p.score >= least] for name, mine in by_name.items()}
            for by_name, least in zip(found, thresholds, strict=True)
        ]
        telling = {p.name: disagreement(*(by_name.get(p.name, []) for by_name in kept)) for p in waiting}
    else:
        telling = {p.name: uncertainty(found[0].get(p.name, []), thresholds[0]) for p in waiting}
    queued = rank(telling, most)
    if out is not None:
        write_list(out, queued)
    elif not values:
        sys.stdout.write("".join(f"{q.name}\n" for q in queued))
    if values:
        print_table(str(folder), ("picture", str(kind)), [(q.name, f"{q.value:.3f}") for q in queued])
    print_status(f"{len(queued)} of {len(waiting)} pictures that wait for a person, by {kind}")


def status_command(folder: Folder, as_json: AsJson = False) -> None:
    """How many pictures are labelled, unreviewed and flagged, and how many shapes of each type."""
    from annotate.pictures import list_labelled, read_labels
    from annotate.project import LABELS, read_labels_of
    from annotate.status import make_status, picture_rows, type_rows

    pictures = list_labelled(folder)
    labels = read_labels_of(folder) if (folder / LABELS).is_file() else []
    status = make_status(pictures, read_labels(pictures), labels)
    if as_json:
        _print_json(status)
        return
    print_table(f"{folder}: {status.pictures} pictures", ("", "pictures", ""), picture_rows(status))
    print_table("Types", ("type", "pictures", "reviewed shapes", "unreviewed", "reviewed"), type_rows(status))


def check_command(
    folder: Folder,
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend label case, crossing outlines and what leaves the picture.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look for mistakes in the labelme files of a folder; exit status 1 where some are left."""
    from annotate.findings import find_problems, meaning
    from annotate.fixes import fix_picture, new_backup
    from annotate.pictures import list_labelled
    from annotate.project import LABELS, read_labels_of

    pictures = list_labelled(folder)
    labels = read_labels_of(folder) if (folder / LABELS).is_file() else []
    found = find_problems(folder, pictures, labels)
    if fix:
        backup = new_backup(folder)
        unreadable = {finding.file for finding in found if finding.code in {"unreadable-labels", "broken-picture"}}
        mendable = [
            p for p in pictures if p.labelled and p.label_path.relative_to(folder).as_posix() not in unreadable
        ]
        fixed = sum(
            fix_picture(picture, labels, backup) for picture in progress(mendable, "mending", len(mendable))
        )
        if fixed:
            print_status(f"{fixed} shapes mended; the files as they were are in {backup}")
            found = find_problems(folder, pictures, labels)
    if as_json:
        _print_json(found)
    elif found:
        rows = [(f.file, f.where, f.code, f.value, meaning(f.code)) for f in found]
        print_table(str(folder), ("file", "where", "code", "value", "meaning"), rows)
    print_status(f"{len(found)} findings in {sum(p.labelled for p in pictures)} labelme files")
    if found:
        raise typer.Exit(1)


def agree_command(
    first: FolderA,
    second: FolderB,
    most: Annotated[int, typer.Option(min=0, help="List at most so many pictures.")] = 20,
    as_json: AsJson = False,
) -> None:
    """How far two people's labels of the same pictures agree, per type and per flag, and where they do not."""
    from annotate.agreement import compare_folders, summarise
    from annotate.pictures import list_labelled, read_labels

    mine, theirs = list_labelled(first), list_labelled(second)
    compared = compare_folders(mine, theirs)
    result = summarise(compared, read_labels(mine), read_labels(theirs), most)
    if as_json:
        _print_json(result)
        return
    rows = [
        (name, t.first, t.second, t.agreeing, f"{t.f1:.3f}", "-" if t.mean_iou is None else f"{t.mean_iou:.3f}")
        for name, t in result.types.items()
    ]
    columns = ("type", first.name, second.name, "agreeing", "F1", "mean IoU")
    print_table(f"{result.pictures} pictures that both labelled", columns, rows)
    kappas = [(flag, "-" if value is None else f"{value:.3f}") for flag, value in result.kappa.items()]
    print_table("Image flags", ("flag", "kappa"), kappas)
    print_table("Worst pictures", ("picture", "F1"), [(name, f"{f1:.3f}") for name, f1 in result.worst])
    print_status(
        f"labelled by one alone: {len(result.only_first)} in {first}, {len(result.only_second)} in {second}"
    )


def merge_command(
    first: FolderA,
    second: FolderB,
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new folder.")],
) -> None:
    """Take over what two people agree on, and list the other pictures for a third look."""
    from annotate.agreement import compare_folders
    from annotate.merge import QUEUE, merge_folders
    from annotate.pictures import list_labelled

    mine, theirs = list_labelled(first), list_labelled(second)
    merged = merge_folders(mine, theirs, compare_folders(mine, theirs), dest)
    rows = [
        ("pictures taken over", merged.taken),
        ("pictures to decide", len(merged.to_decide)),
        ("instances that agree", merged.agreeing),
        ("instances to decide, flagged unreviewed", merged.contested),
    ]
    print_table(str(dest), ("", "count"), rows)
    if merged.to_decide:
        print_status(f"next: annotate open {dest} --only {dest / QUEUE}")


def _print_json(value: object) -> None:
    from system.json_file import format_json

    sys.stdout.buffer.write(format_json(value))
