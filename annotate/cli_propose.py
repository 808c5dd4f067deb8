"""The command that turns what a model finds into shapes to correct."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from annotate.cli_labelme import Folder
from datasets.console import print_table, progress
from datasets.errors import OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from annotate.pictures import Picture
    from annotate.proposals import Proposal

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
    tolerance: Annotated[float, typer.Option(help="How far polygons may leave a mask, pixels.")] = 1.0,
    new: Annotated[bool, typer.Option("--new", help="Only pictures without a labelme file.")] = False,
) -> None:
    """Add predictions to the labelme files of a folder as shapes to correct; what people drew stays."""
    from annotate.pictures import list_labelled

    if sum(source is not None for source in (run, predictions, from_good)) != 1:
        raise OptionError("annotate propose", "wants one source", "give --from, --predictions or --from-good")
    if min_score is not None and not 0 <= min_score <= 1:
        raise OptionError(f"--min-score {min_score:g}", "not a score", "give 0 to 1")
    if not 0 <= tolerance < float("inf"):
        raise OptionError(f"--tolerance {tolerance:g}", "not a distance", "give 0 or more pixels")
    pictures = [p for p in list_labelled(folder) if not (new and p.labelled)]
    if from_good is not None:
        counts = _propose_from_good(pictures, from_good, weights, min_score or 0.0, tolerance)
    else:
        counts = _propose_predicted(pictures, folder, run, predictions, coco, min_score, tolerance)
    print_table(str(folder), ("", "count", "meaning"), [("pictures", len(pictures), ""), *_rows(counts)])


def _propose_predicted(
    pictures: "Sequence[Picture]",
    folder: Path,
    run: Path | None,
    file: Path | None,
    coco: Path | None,
    min_score: float | None,
    tolerance: float,
) -> Counter[str]:
    from annotate.predictions import DEFAULT_MIN_SCORE, operating_score, predict_with_run, read_predicted
    from annotate.proposals import Proposal

    if run is not None:
        least = operating_score(run) if min_score is None else min_score
        found = predict_with_run(run, folder, pictures, least)
    elif file is not None:
        least = DEFAULT_MIN_SCORE if min_score is None else min_score
        found = read_predicted(file, coco, pictures)
    proposals = {
        name: [Proposal(p, found.labels[p.category_id], found.model) for p in mine if p.score >= least]
        for name, mine in found.by_picture.items()
    }
    return _add(pictures, proposals, tolerance)


def _propose_from_good(
    pictures: "Sequence[Picture]", good: Path, weights: Path | None, min_score: float, tolerance: float
) -> Counter[str]:
    from annotate.from_good import fit_finder, propose_regions
    from annotate.proposals import propose
    from datasets.pictures import list_pictures

    if weights is None:
        raise OptionError("--from-good", "needs pretrained weights", "give --weights PATH of a ResNet-18")
    finder = fit_finder(list_pictures([good]), weights, progress)
    counts: Counter[str] = Counter()
    for picture in progress(pictures, "proposing", len(pictures)):
        proposals = [p for p in propose_regions(finder, picture) if p.prediction.score >= min_score]
        if proposals:
            counts += _count(propose(picture, proposals, tolerance))
    return counts


def _add(
    pictures: "Sequence[Picture]", proposals: "Mapping[str, Sequence[Proposal]]", tolerance: float
) -> Counter[str]:
    from annotate.proposals import propose

    counts: Counter[str] = Counter()
    marked = [picture for picture in pictures if proposals.get(picture.name)]
    for picture in progress(marked, "proposing", len(marked)):
        counts += _count(propose(picture, proposals[picture.name], tolerance))
    return counts


def _count(added: object) -> Counter[str]:
    return Counter({name: int(getattr(added, name)) for name in ROWS})


def _rows(counts: Counter[str]) -> list[tuple[object, ...]]:
    return [(name, counts[name], meaning) for name, meaning in ROWS.items() if counts[name] or name == "proposed"]
