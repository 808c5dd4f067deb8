"""The command that turns predictions into shapes to correct."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotate.cli_labelme import Folder, Only
from system.console import print_loading, print_status, print_table, progress
from system.errors import OptionError
from system.json_output import report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annotate.folder_images import FolderImage
    from annotate.proposals import Added
    from evaluate.new_predictions import NamedPredictions

MEANING_OF_OUTCOME = {
    "proposed": "new shapes, or types of images, flagged unreviewed",
    "known": "already proposed earlier",
    "covered": "overlaps an existing shape (IoU 0.5), or the image of a type has shapes",
    "empty": "no pixel inside the image",
    "closed": "image flagged good or reject",
}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("propose")(propose_command)


def propose_command(
    folder: Folder,
    run: Annotated[
        Path | None, typer.Option("--from", metavar="RUN", help="Predict the images with this run.")
    ] = None,
    predictions: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Use these COCO results.")] = None,
    from_good: Annotated[
        Path | None,
        typer.Option(metavar="GOOD_DIR", help="Find regions that differ from these good images; needs no labels."),
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(help="COCO file or dataset that names the ids in --predictions.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="For --from-good: imagenet (downloaded or cached), or the file of a ResNet-18 state dict "
            "[default: imagenet]."
        ),
    ] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Minimum score (default: the operating point of the run, else 0.25).")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="Largest distance of polygons from the mask in pixels (default: 1; with --from-good 0.5 % of the "
            "longer side of the image)."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Location of the dataset of the run --from, if it was moved.")
    ] = None,
    only: Only = None,
    new: Annotated[bool, typer.Option("--new", help="Only images without a labelme file.")] = False,
) -> None:
    """Add predictions to the labelme files of a folder as shapes, or as image flags, to correct."""
    from annotate.folder_images import choose_images, list_folder_images
    from annotate.predictions import check_has_boxes, predict_counted, read_named_predictions
    from convert.to_shapes import DEFAULT_TOLERANCE
    from evaluate.run_folder import load_run
    from evaluate.values import DEFAULT_SCORE_THRESHOLD

    if sum(source is not None for source in (run, predictions, from_good)) != 1:
        raise OptionError(
            "annotate propose", "needs exactly one source", "give --from, --predictions or --from-good"
        )
    if min_score is not None and not 0 <= min_score <= 1:
        raise OptionError(f"--min-score {min_score:g}", "not a score", "give 0 to 1")
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise OptionError(f"--tolerance {tolerance:g}", "not a distance", "give 0 or more pixels")
    for option, value, source in (
        ("--coco", coco, predictions),
        ("--dataset", dataset, run),
        ("--weights", weights, from_good),
    ):
        if value is not None and source is None:
            raise OptionError(f"{option} {value}", "belongs to another source", "see annotate propose --help")
    types_only = run is not None and load_run(run).provides.image_types
    if types_only and (min_score is not None or tolerance is not None):
        given = "--min-score" if min_score is not None else "--tolerance"
        raise OptionError(given, "is for shapes, and this run predicts types of images", "leave it out")
    if predictions is not None:
        check_has_boxes(predictions)
    listed = list_folder_images(folder)
    chosen = choose_images(only, listed) if only else listed
    images = [image for image in chosen if not (new and image.labelled)]
    other: list[str] | None = None
    if from_good is not None:
        counts, other = _propose_from_good(images, listed, from_good, weights, min_score or 0.0, tolerance)
    elif run is not None and types_only:
        counts = _propose_types(images, run, folder, dataset)
    else:
        if run is not None:
            named, minimum = predict_counted(run, folder, images, min_score, dataset)
        elif predictions is not None:
            minimum = DEFAULT_SCORE_THRESHOLD if min_score is None else min_score
            named = read_named_predictions(predictions, coco, listed)
        counts = _propose_predictions(
            images, named, minimum, DEFAULT_TOLERANCE if tolerance is None else tolerance
        )
    _prepare(folder, run, dataset)
    found = {} if other is None else {"other_part": other}
    report({"images": len(images), **{outcome: counts[outcome] for outcome in MEANING_OF_OUTCOME}, **found})
    print_table(str(folder), ("", "count", "meaning"), [("images", len(images), ""), *_rows(counts)])


def _propose_from_good(
    images: "Sequence[FolderImage]",
    listed: "Sequence[FolderImage]",
    good: Path,
    weights: str | None,
    min_score: float,
    tolerance: float | None,
) -> tuple[Counter[str], list[str]]:
    """The outcomes, and the images that seem to show another part."""
    from annotate.folder_images import upright_size
    from annotate.good_images import IMAGENET, find_good_images
    from annotate.proposals import propose
    from datasets.formats.file_ranges import ranges_of_files

    source = weights or IMAGENET
    good_images = find_good_images(good, source)
    where = "those of torchvision, downloaded or cached" if source == IMAGENET else f"the file {source}"
    print_status(f"weights of resnet18: {where}")
    print_loading()
    from annotate.from_good import fit_finder, inspect_image, outline_tolerance
    from features.other_part import Difference, other_images

    # of all images in the folder, so the scale of an image does not depend on the chosen images
    intensities = ranges_of_files([*good_images, *(image.path for image in listed)])
    finder = fit_finder(good_images, source, progress, intensities=intensities)
    if finder.unchecked:
        print_status(f"not checked whether the images show the part of {good}: {finder.unchecked}")
    counts: Counter[str] = Counter()
    differences: dict[str, Difference] = {}
    for image in progress(images, "proposing", len(images)):
        every, differences[image.name] = inspect_image(finder, image)
        proposals = [p for p in every if p.prediction.score >= min_score]
        if proposals:
            own = outline_tolerance(*upright_size(image.path)) if tolerance is None else tolerance
            counts += _count(propose(image, proposals, own))
    other = other_images(differences)
    if other:
        what = f"{len(other)} of {len(images)} images seem to show another part, view or light than {good}"
        print_status(f"warning: {what}, such as {other[0]}; their proposals are of no use")
    return counts, other


def _propose_types(images: "Sequence[FolderImage]", run: Path, folder: Path, dataset: Path | None) -> Counter[str]:
    from annotate.type_proposals import predicted_types, propose_types
    from evaluate.new_predictions import predict_with_run
    from evaluate.run_folder import load_run

    named = predict_with_run(run, folder, [image.name for image in images], min_score=0.0, dataset=dataset)
    several = load_run(run).provides.several_types
    counts: Counter[str] = Counter()
    for image in progress(images, "proposing", len(images)):
        types, probability = predicted_types(named.by_image.get(image.name, []), named.labels, several=several)
        counts[propose_types(image, types, probability, named.model)] += 1
    return counts


def _propose_predictions(
    images: "Sequence[FolderImage]", named: "NamedPredictions", min_score: float, tolerance: float
) -> Counter[str]:
    from annotate.proposals import Proposal, propose

    counts: Counter[str] = Counter()
    predicted = [image for image in images if named.by_image.get(image.name)]
    for image in progress(predicted, "proposing", len(predicted)):
        kept = [p for p in named.by_image[image.name] if p.score >= min_score]
        proposals = [Proposal(p, named.labels[p.category_id], named.model) for p in kept]
        if proposals:
            counts += _count(propose(image, proposals, tolerance))
    return counts


def _prepare(folder: Path, run: Path | None, dataset: Path | None) -> None:
    """Give a folder without labels, colours and flags those of the dataset of a run."""
    from annotate.project import CONFIG, FLAGS, LABELS, init_project
    from evaluate.run_dataset import open_run_dataset
    from evaluate.run_folder import load_run

    if run is None or any((folder / name).exists() for name in (CONFIG, FLAGS, LABELS)):
        return
    names = [category.name for category in open_run_dataset(load_run(run), dataset).categories]
    init_project(folder, names, overwrite=False)
    print_status(f"{folder} gets the labels, colours and flags of the dataset of {run}: {', '.join(names)}")


def _count(added: "Added") -> Counter[str]:
    return Counter({outcome: int(getattr(added, outcome)) for outcome in MEANING_OF_OUTCOME})


def _rows(counts: Counter[str]) -> list[tuple[object, ...]]:
    return [
        (outcome, counts[outcome], meaning)
        for outcome, meaning in MEANING_OF_OUTCOME.items()
        if counts[outcome] or outcome == "proposed"
    ]
