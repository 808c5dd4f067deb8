"""Suspected label errors of a run as a queue, and as flags in the labelme files that they are about."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from annotate.fixes import new_backup
from annotate.folder_images import FolderImage
from annotate.match_names import match_names
from annotate.queueing import rank, write_list
from datasets.formats.labelme_document import read_document, write_document
from datasets.formats.members import home_splits
from evaluate.label_errors import LABEL_ERRORS
from evaluate.label_suspects import Suspect
from evaluate.metrics import read_metrics
from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run, read_split
from system.console import print_status, print_table, print_text
from system.errors import InputError

FLAG = "label error? "  # before the reason, in the name of an image flag


def suspects_in_folder(run: Run, images: Sequence[FolderImage]) -> dict[str, list[Suspect]]:
    """The suspects of `run` by image name, the most suspicious first.

    Which image a file name of the run's dataset means, match_names decides. Suspects of images that are not in
    the folder, and those beyond the list of the run, are counted in a printed line. Raises InputError if the run
    has no list, and if none of the images of the list is in the folder.
    """
    if not run.metrics.is_file():
        raise InputError(run.root, "is not measured", "finish it with fit --resume, or evaluate it")
    errors = read_metrics(run.metrics).get(LABEL_ERRORS)
    if errors is None:
        problem = "has no list of suspected label errors"
        raise InputError(run.metrics, problem, f"make it with train_{run.task} evaluate {run.root}")
    matching = match_names(images, {*_file_names(run), *(suspect.image for suspect in errors.suspects)})
    found: dict[str, list[Suspect]] = {}
    for suspect in errors.suspects:
        if suspect.image in matching:
            found.setdefault(matching[suspect.image], []).append(suspect)
    if errors.suspects and not found:
        problem = "none of its suspected images is in the folder"
        raise InputError(run.root, problem, "name the folder from which its dataset was converted")
    if elsewhere := [suspect.image for suspect in errors.suspects if suspect.image not in matching]:
        print_status(
            f"{len(elsewhere)} suspected labels are of images that are not in the folder, such as {elsewhere[0]}"
        )
    if beyond := errors.total - len(errors.suspects):
        print_status(f"{beyond} less suspicious labels are not in the list of the run")
    return found


def _file_names(run: Run) -> set[str]:
    """Those that the run used and, if its dataset is still where it was, the good images that it left out too."""
    used = {name for of_split in read_split(run).images.values() for name in of_split}
    with suppress(InputError):
        used |= home_splits(open_run_dataset(run)).keys()
    return used


def queue_label_errors(
    run: Run, images: Sequence[FolderImage], limit: int | None, out: Path | None, *, show_values: bool
) -> None:
    """List the images by their most suspicious label, at most `limit`, and flag their labelme files.

    The list goes to `out` or, without it and without `show_values`, to stdout. Raises as suspects_in_folder and
    flag_suspects.
    """
    suspects = suspects_in_folder(run, images)
    queued = rank({name: of_image[0].suspicion for name, of_image in suspects.items()}, limit)
    reasons = {q.name: [suspect.reason for suspect in suspects[q.name]] for q in queued}
    changed, backup = flag_suspects(images, reasons)
    if out is not None:
        write_list(out, queued)
    elif not show_values:
        print_text("".join(f"{q.name}\n" for q in queued))
    if show_values:
        rows = [(q.name, f"{q.value:.3f}", "; ".join(reasons[q.name])) for q in queued]
        print_table("Suspected label errors", ("image", "suspicion", "reasons"), rows)
    print_status(f"{len(queued)} images with suspected label errors")
    if backup is not None:
        print_status(f"flags of {changed} labelme files changed; the original files are in {backup}")


def flag_suspects(images: Sequence[FolderImage], reasons: Mapping[str, Sequence[str]]) -> tuple[int, Path | None]:
    """Set a flag with each reason in the labelme files of `images`, and remove those of an earlier queue.

    Returns how many files changed, and the folder with the original files, None if none changed. An image without
    a labelme file gets none. Raises InputError if a file cannot be read, OutputError if one changed meanwhile.
    """
    changed, backup = 0, None
    for image in images:
        if not image.labelled:
            continue
        document = read_document(image.label_path)
        before = document.file.flags or {}
        flags = {name: value for name, value in before.items() if not name.startswith(FLAG)}
        flags |= {f"{FLAG}{reason}": True for reason in reasons.get(image.name, [])}
        if flags != before:
            backup = backup or new_backup(image.root)
            kept = backup / image.label_path.relative_to(image.root)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(image.label_path, kept)
            write_document(document, {**document.raw, "flags": flags})
            changed += 1
    return changed, backup
