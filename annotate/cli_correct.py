"""The command that corrects the annotations of a dataset in labelme."""

from pathlib import Path
from typing import Annotated

import typer

from annotate.cli_labelme import LabelmePath
from system.console import print_status, print_table
from system.errors import OptionError
from system.json_output import report


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("correct")(correct_command)


def correct_command(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="A COCO dataset folder.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGES...]",
            help="Names of its images, their paths, patterns such as '*/hole/*', or a list (.txt).",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option("--from", metavar="RUN", help="Also show the predictions that this run stored."),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Minimum score of predictions (default: the operating point of the run).")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Folder of the labelme files (default: DATASET-correction beside it).")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Take the corrections back into the dataset.")] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Write the labelme files, but do not open them.")
    ] = False,
    labelme: LabelmePath = None,
) -> None:
    """Correct annotations of a dataset in labelme, beside a run's predictions, and take them back by --apply."""
    from annotate.correction import correction_folder

    place = folder or correction_folder(dataset)
    if apply:
        given = {"IMAGES": images, "--from": run, "--min-score": min_score, "--no-open": no_open or None}
        for name, value in given.items():
            if value is not None:
                raise OptionError("--apply", f"takes back all opened images, without {name}", f"leave out {name}")
        _apply(dataset, place)
        return
    if not images:
        raise OptionError("annotate correct", "names no image", "give IMAGES, or --apply")
    if min_score is not None and (run is None or not 0 <= min_score <= 1):
        raise OptionError(f"--min-score {min_score:g}", "not a score of predictions", "give 0 to 1 and --from RUN")
    _open(dataset, images, place, run, min_score)
    if not no_open:
        from annotate.cli_labelme import open_folder

        open_folder(place, None, labelme)
    print_status(f"next: annotate correct {dataset} --apply{f' --folder {folder}' if folder else ''}")


def _open(dataset: Path, images: list[str], place: Path, run: Path | None, min_score: float | None) -> None:
    from annotate.correction import choose_dataset_images, open_correction
    from annotate.predictions import check_has_boxes
    from annotate.project import init_project
    from datasets.formats.dataset_folder import load_dataset
    from evaluate.run_folder import load_run

    loaded = load_dataset(dataset)
    if run is not None:
        check_has_boxes(run)
    chosen = choose_dataset_images(loaded, images)
    opened = open_correction(loaded, chosen, place, load_run(run) if run else None, min_score)
    init_project(place, [category.name for category in loaded.categories], overwrite=True)
    report({"folder": place, "opened": opened})
    rows = [("images", opened.images), ("shapes of the truth", opened.truth)]
    print_table(str(place), ("", "count"), [*rows, ("predictions, flagged unreviewed", opened.predictions)])
    if kept := len(chosen) - opened.images:
        without = "; no predictions are added to them" if run else ""
        print_status(f"{kept} of these images are already open in {place} and keep their files{without}")
    if opened.unpredicted:
        print_status(f"{run} stored no predictions of {opened.unpredicted} of these images")


def _apply(dataset: Path, place: Path) -> None:
    from annotate.apply_correction import apply_correction

    applied = apply_correction(dataset, place)
    report(applied)
    rows = [
        ("images changed", applied.images),
        ("annotations unchanged", applied.kept),
        ("annotations changed", applied.changed),
        ("annotations added", applied.added),
        ("annotations removed", applied.removed),
        ("predictions dropped, not reviewed", applied.dropped),
    ]
    print_table(str(dataset), ("", "count"), rows)
    if applied.images:
        print_status(f"next: train on {dataset} again, then compare: view FORMER_RUN NEW_RUN")
    else:
        print_status("nothing was corrected; the dataset is unchanged")
