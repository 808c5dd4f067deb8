"""The commands that read labels: queue, status, check, agree, merge."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from annotate.cli_labelme import Folder, Only
from system.console import print_status, print_table, print_text, progress
from system.errors import OptionError
from system.json_output import report

FolderA = Annotated[Path, typer.Argument(metavar="DIR_A", help="Images and labelme files of one person.")]
FolderB = Annotated[Path, typer.Argument(metavar="DIR_B", help="Those of another person, with the same names.")]


class QueueBy(StrEnum):
    """The reason to label an image."""

    uncertainty = "uncertainty"
    disagreement = "disagreement"
    label_errors = "label-errors"


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("queue")(queue_command)
    app.command("status")(status_command)
    app.command("accept")(accept_command)
    app.command("check")(check_command)
    app.command("agree")(agree_command)
    app.command("merge")(merge_command)


def queue_command(
    folder: Folder,
    run: Annotated[list[Path], typer.Option("--from", metavar="RUN", help="A run; give two for disagreement.")],
    by: Annotated[
        QueueBy | None,
        typer.Option(
            help="What to rank by (default: disagreement for two runs, else uncertainty); label-errors lists the"
            " images of suspected label errors and flags their labelme files with the reasons."
        ),
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="Maximum number of images listed.")] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="LIST", help="Write the list to this file instead of stdout.")
    ] = None,
    values: Annotated[bool, typer.Option("--values", help="Show the value of each image.")] = False,
) -> None:
    """List what to label next, the most informative image first, for annotate open --only."""
    from annotate.folder_images import list_folder_images, read_labels
    from annotate.queueing import disagreement, is_open, rank, uncertainty, write_list
    from annotate.type_proposals import type_uncertainty
    from evaluate.new_predictions import MIN_SCORE, predict_images
    from evaluate.operating import operating_score
    from evaluate.run_folder import load_run
    from evaluate.type_of_image import image_answers
    from system.files import check_file_destination

    rank_by = by or (QueueBy.disagreement if len(run) == 2 else QueueBy.uncertainty)
    needed = 2 if rank_by is QueueBy.disagreement else 1
    if len(run) != needed:
        remedy = "give a detector and a segmenter" if needed == 2 else "give one run"
        raise OptionError(f"--by {rank_by}", f"needs {needed} --from, not {len(run)}", remedy)
    if out is not None:
        check_file_destination(out)
    images = list_folder_images(folder)
    if rank_by is QueueBy.label_errors:
        from annotate.label_errors import queue_label_errors

        queue_label_errors(load_run(run[0]), images, most, out, show_values=values)
        return
    files = read_labels(images)
    waiting = [image.name for image in images if is_open(image, files.get(image.name))]
    thresholds = [operating_score(load_run(root)) for root in run]
    provides = [load_run(root).provides for root in run]
    # of image types all scores are needed, also very low ones
    predictions = [
        predict_images(root, folder, waiting, min_score=0.0 if one.image_types else MIN_SCORE)
        for root, one in zip(run, provides, strict=True)
    ]
    if rank_by is QueueBy.disagreement:
        kept = [
            {
                name: [p for p in image_answers(of_image, one) if p.score >= threshold]
                for name, of_image in by_image.items()
            }
            for by_image, threshold, one in zip(predictions, thresholds, provides, strict=True)
        ]
        value_of = {name: disagreement(*(by_image.get(name, []) for by_image in kept)) for name in waiting}
    elif provides[0].image_types:
        categories = {p.category_id for of_image in predictions[0].values() for p in of_image}
        several = provides[0].several_types
        value_of = {
            name: type_uncertainty(predictions[0].get(name, []), sorted(categories), several=several)
            for name in waiting
        }
    else:
        found = {name: predictions[0].get(name, []) for name in waiting}
        if not provides[0].types:  # good images decide, by their highest score; others are noise of the map
            found = {name: sorted(of_image, key=lambda p: -p.score)[:1] for name, of_image in found.items()}
        value_of = {name: uncertainty(of_image, thresholds[0]) for name, of_image in found.items()}
    queued = rank(value_of, most)
    report({"by": rank_by, "open": len(waiting), "queue": queued})
    if out is not None:
        write_list(out, queued)
    elif not values:
        print_text("".join(f"{q.name}\n" for q in queued))
    if values:
        print_table(str(folder), ("image", str(rank_by)), [(q.name, f"{q.value:.3f}") for q in queued])
    print_status(f"{len(queued)} of {len(waiting)} images to label, by {rank_by}")


def status_command(
    folder: Folder,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the images, if they are not next to the JSON files.")
    ] = None,
) -> None:
    """Count labelled, unreviewed and flagged images, and the shapes of each type."""
    from annotate.labelled_tree import read_labelled_tree
    from annotate.project import LABELS, read_labels_of
    from annotate.status import image_rows, make_status, type_rows

    tree = read_labelled_tree(folder, images)
    labels = read_labels_of(folder) if (folder / LABELS).is_file() else []
    status = make_status(tree.images, tree.files, labels)
    report(status)
    print_table(f"{folder}: {status.images} images", ("", "images", ""), image_rows(status))
    if tree.without_image:
        print_status(f"the image of {len(tree.without_image)} files is not found, such as {tree.without_image[0]}")
    print_table("Types", ("type", "images", "reviewed shapes", "unreviewed", "reviewed"), type_rows(status))


def accept_command(folder: Folder, only: Only = None) -> None:
    """Confirm the proposals of a folder that need no correction; --only limits it to some images."""
    from annotate.accept import accept_image
    from annotate.folder_images import choose_images, list_folder_images
    from annotate.project import LABELS, read_labels_of

    images = list_folder_images(folder)
    labels = read_labels_of(folder) if (folder / LABELS).is_file() else []
    chosen = [image for image in (choose_images(only, images) if only else images) if image.labelled]
    done = [accept_image(image, labels) for image in progress(chosen, "accepting", len(chosen))]
    shapes, types, unknown = (sum(getattr(one, name) for one in done) for name in ("shapes", "types", "unknown"))
    changed = sum(bool(one.shapes or one.types) for one in done)
    report({"images": changed, "shapes": shapes, "types": types, "unknown": unknown})
    rows = [("images", changed), ("shapes accepted", shapes), ("types of images accepted", types)]
    print_table(str(folder), ("", "count"), [*rows, ("labels not in labels.txt, not accepted", unknown)])
    if unknown:
        print_status(f"give these shapes a type of {folder / LABELS} with annotate open")


def check_command(
    folder: Folder,
    fix: Annotated[
        bool, typer.Option("--fix", help="Fix label case, self-crossing outlines and shapes outside the image.")
    ] = False,
) -> None:
    """Find mistakes in the labelme files of a folder; exit status 1 if any remain."""
    from annotate.findings import find_problems, meaning
    from annotate.fixes import fix_image, new_backup
    from annotate.folder_images import list_folder_images
    from annotate.project import LABELS, read_labels_of

    images = list_folder_images(folder)
    labels = read_labels_of(folder) if (folder / LABELS).is_file() else []
    findings = find_problems(folder, images, labels)
    if fix:
        backup = new_backup(folder)
        unreadable = {
            finding.file for finding in findings if finding.code in {"unreadable-labels", "broken-picture"}
        }
        fixable = [
            image
            for image in images
            if image.labelled and image.label_path.relative_to(folder).as_posix() not in unreadable
        ]
        fixed = sum(fix_image(image, labels, backup) for image in progress(fixable, "fixing", len(fixable)))
        if fixed:
            print_status(f"{fixed} shapes fixed; the original files are in {backup}")
            findings = find_problems(folder, images, labels)
    report(findings)
    if findings:
        rows = [(f.file, f.where, f.code, f.value, meaning(f.code)) for f in findings]
        print_table(str(folder), ("file", "where", "code", "value", "meaning"), rows)
    print_status(f"{len(findings)} findings in {sum(image.labelled for image in images)} labelme files")
    if findings:
        raise typer.Exit(1)


def agree_command(
    first: FolderA,
    second: FolderB,
    most: Annotated[int, typer.Option(min=0, help="Maximum number of images listed.")] = 20,
) -> None:
    """Measure how far the labels of two people agree, per type and per flag, and list the worst images."""
    from annotate.agreement import compare_folders, summarise
    from annotate.folder_images import list_folder_images, read_labels

    mine, theirs = list_folder_images(first), list_folder_images(second)
    compared = compare_folders(mine, theirs)
    result = summarise(compared, read_labels(mine), read_labels(theirs), most)
    report(result)
    rows = [
        (name, t.first, t.second, t.agreeing, f"{t.f1:.3f}", "-" if t.mean_iou is None else f"{t.mean_iou:.3f}")
        for name, t in result.types.items()
    ]
    columns = ("type", first.name, second.name, "agreeing", "F1", "mean IoU")
    print_table(f"{result.images} images labelled by both", columns, rows)
    kappas = [(flag, "-" if value is None else f"{value:.3f}") for flag, value in result.kappa.items()]
    print_table("Image flags", ("flag", "kappa"), kappas)
    print_table("Worst images", ("image", "F1"), [(name, f"{f1:.3f}") for name, f1 in result.worst])
    print_status(
        f"labelled by one only: {len(result.only_first)} in {first}, {len(result.only_second)} in {second}"
    )


def merge_command(
    first: FolderA,
    second: FolderB,
    dest: Annotated[Path, typer.Argument(metavar="DST", help="The new folder.")],
) -> None:
    """Keep what two people agree on, and list the other images for a decision."""
    from annotate.agreement import compare_folders
    from annotate.folder_images import list_folder_images
    from annotate.merge import QUEUE, merge_folders

    mine, theirs = list_folder_images(first), list_folder_images(second)
    merged = merge_folders(mine, theirs, compare_folders(mine, theirs), dest)
    report(merged)
    rows = [
        ("images both agree on", merged.agreed),
        ("images to decide", len(merged.to_decide)),
        ("annotations both agree on", merged.agreeing),
        ("annotations to decide, flagged unreviewed", merged.contested),
    ]
    print_table(str(dest), ("", "count"), rows)
    if merged.to_decide:
        print_status(f"next: annotate open {dest} --only {dest / QUEUE}")
