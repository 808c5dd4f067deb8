"""A run as the page shows it: its name, operating point, folds, tables and maps."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

import msgspec

from evaluate.calibration import CalibrationBin
from evaluate.cells import Table
from evaluate.image_types import IMAGE_TYPES
from evaluate.map_folder import MapKind
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run, RunSplit
from evaluate.tables import metrics_tables
from evaluate.values import OperatingPoint
from system.json_file import read_json
from system.shown_names import shown
from view.run_card import RunCard, run_card

MAX_NAME_PARTS = 5  # of the path of a run, at most


class Model(msgspec.Struct, frozen=True):
    """A run whose predictions are shown; without a metrics.json it has no operating point and no tables.

    `fold_thresholds` are the score thresholds of the folds of a cross-validation, fold 1 first, else empty.
    `propose` are the options with which `annotate propose` uses the same predictions. `map_range` are the values
    of its maps at which the colours start and end. With `from_map`, the score of a prediction is the highest value
    of the map in its region. `one_type` states that the run gives each image one type, or good; `calibration` is
    then the curve in metrics.json.
    """

    name: str
    root: Path
    point: OperatingPoint | None = None
    fold_thresholds: list[float] = []
    propose: list[str] = []
    tables: list[Table] = []
    map_kind: MapKind | None = None
    map_range: tuple[float, float] = (0.0, 1.0)
    from_map: bool = False
    one_type: bool = False
    calibration: list[CalibrationBin] = []
    calibration_error: float | None = None
    card: RunCard | None = None

    @property
    def map_threshold(self) -> float | None:
        """Value of its maps from which it finds a defect; None if its predictions do not come from the map."""
        return self.threshold if self.from_map and self.map_kind else None

    @property
    def threshold(self) -> float | None:
        """Score threshold of the operating point."""
        return self.point.score_threshold if self.point else None


def model_of(run: Run, name: str, propose: list[str], corrections: int = 0) -> Model:
    """The run as a model, with the values of its metrics.json, if there is one.

    `corrections` is the number of corrections of its dataset since it was made.

    Raises InputError if metrics.json cannot be read.
    """
    from_map = run.provides.score_maps and not run.provides.types
    one_type = run.provides.one_type
    card = run_card(run, corrections)
    if not run.metrics.is_file():
        return Model(name, run.root, propose=propose, from_map=from_map, one_type=one_type, card=card)
    metrics = read_metrics(run.metrics)
    fold_thresholds = metrics.folds.score_thresholds if metrics.folds else []
    tables = list(metrics_tables(metrics))
    measured = metrics.get(IMAGE_TYPES)
    return Model(
        name,
        run.root,
        metrics.operating_point,
        fold_thresholds,
        propose,
        tables,
        from_map=from_map,
        one_type=one_type,
        calibration=measured.calibration if measured else [],
        calibration_error=measured.calibration_error if measured else None,
        card=card,
    )


def fold_of_images(run: Run) -> dict[str, int]:
    """The fold of a cross-validation that tested each file name, from 1; empty for a single training.

    Fold k is the run folder `fold-k` inside the run. Raises InputError if its split.json cannot be read.
    """
    paths = [(re.fullmatch(r"fold-(\d+)", path.parent.name), path) for path in run.root.glob("fold-*/split.json")]
    return {
        name: int(match[1])
        for match, path in paths if match
        for name in read_json(path, RunSplit).images.get("test", [])
    }  # fmt: skip


def short_names(roots: Sequence[Path]) -> list[str]:
    """The last parts of each path: two, or more if the names would otherwise be equal.

    Of a local copy, those of the URL.
    """
    paths = [PurePath(shown(str(root.resolve()))) for root in roots]
    for parts in range(2, MAX_NAME_PARTS + 1):
        names = ["/".join(path.parts[-parts:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names
