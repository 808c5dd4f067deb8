"""The command that turns what a model finds into shapes to correct."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotate.cli_labelme import Folder, Only
from system.console import print_table, progress
from system.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from annotate.pictures import Picture
    from annotate.predictions import Predicted

ROWS = {
    "proposed": "shapes to look at, flagged unreviewed",
    "known": "proposed before, and not again",
    "covered": "a shape is there already (IoU 0.5)",
    "empty": "without a pixel in the picture",
    "closed": "for pictures flagged good or reject",
}


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("propose")(propose_command)


def propose_command(
    folder: Folder,
    run: Annotated[Path | None, typer.Option("--from", metavar="RUN", help="Predict with this run.")] = None,
    predictions: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Take these COCO results.")] = None,
    from_good: Annotated[
        Path | None, typer.Option(metavar="GOOD_DIR", help="Find what these good pictures do not have; no labels.")
    ] = None,
    coco: Annotated[
        Path | None, typer.Option(help="Names of the ids in --predictions: a COCO file or dataset.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="For --from-good: a ResNet-18 state dict.")] = None,
    min_score: Annotated[
        float | None, typer.Option(help="Least score [default: what the run was measured with, else 0.25].")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="How far polygons may leave a mask, pixels [default: 1; of --from-good 0.5 % of the longer side]."
        ),
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Where the dataset of the run --from is now, if it was moved.")
    ] = None,
    only: Only = None,
    new: Annotated[bool, typer.Option("--new", help="Only pictures without a labelme file.")] = False,
) -> None:
    """Add predictions to the labelme files of a folder as shapes to correct; what people drew stays."""
    from annotate.pictures import choose_pictures, list_labelled
    from annotate.predictions import DEFAULT_MIN_SCORE, operating_score, predict_with_run, read_predicted
    from convert.to_shapes import DEFAULT_TOLERANCE

    if sum(source is not None for source in (run, predictions, from_good)) != 1:
        raise OptionError("annotate propose", "wants one source", "give --from, --predictions or --from-good")
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
    listed = list_labelled(folder)
    chosen = choose_pictures(only, listed) if only else listed
    pictures = [p for p in chosen if not (new and p.labelled)]
    if from_good is not None:
        counts = _propose_from_good(pictures, from_good, weights, min_score or 0.0, tolerance)
    else:
        if run is not None:
            least = operating_score(run) if min_score is None else min_score
            found = predict_with_run(run, pictures, least, dataset)
        elif predictions is not None:
            least = DEFAULT_MIN_SCORE if min_score is None else min_score
            found = read_predicted(predictions, coco, listed)
        counts = _add(pictures, found, least, DEFAULT_TOLERANCE if tolerance is None else tolerance)
    print_table(str(folder), ("", "count", "meaning"), [("pictures", len(pictures), ""), *_rows(counts)])


def _propose_from_good(
    pictures: "Sequence[Picture]", good: Path, weights: Path | None, min_score: float, tolerance: float | None
) -> Counter[str]:
    from annotate.from_good import fit_finder, outline_tolerance, propose_regions
    from annotate.pictures import upright_size
    from annotate.proposals import propose
    from datasets.images.image_file import find_images

    if weights is None:
        raise OptionError("--from-good", "needs pretrained weights", "give --weights PATH of a ResNet-18")
    finder = fit_finder(find_images([good]), weights, progress)
    counts: Counter[str] = Counter()
    for picture in progress(pictures, "proposing", len(pictures)):
        proposals = [p for p in propose_regions(finder, picture) if p.prediction.score >= min_score]
        if proposals:
            own = outline_tolerance(*upright_size(picture.path)) if tolerance is None else tolerance
            counts += _count(propose(picture, proposals, own))
    return counts


def _add(pictures: "Sequence[Picture]", found: "Predicted", least: float, tolerance: float) -> Counter[str]:
    from annotate.proposals import Proposal, propose

    counts: Counter[str] = Counter()
    marked = [picture for picture in pictures if found.by_picture.get(picture.name)]
    for picture in progress(marked, "proposing", len(marked)):
        kept = [p for p in found.by_picture[picture.name] if p.score >= least]
        proposals = [Proposal(p, found.labels[p.category_id], found.model) for p in kept]
        if proposals:
            counts += _count(propose(picture, proposals, tolerance))
    return counts


def _count(added: object) -> Counter[str]:
    return Counter({name: int(getattr(added, name)) for name in ROWS})


def _rows(counts: Counter[str]) -> list[tuple[object, ...]]:
    return [(name, counts[name], meaning) for name, meaning in ROWS.items() if counts[name] or name == "proposed"]
