"""The runs below a folder: what was asked, on which data, and the numbers with their intervals."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from evaluate.metrics import METRICS, Metrics, read_metrics
from evaluate.run_folder import load_run, read_config
from evaluate.values import Interval
from system.errors import InputError, OptionError

HEADLINES = {  # name of a number -> key in metrics.json and name of its interval there
    "boxes AP": ("boxes", "AP"),
    "masks AP": ("masks", "AP"),
    "defect Dice": ("pixels", "dice"),
    "type accuracy": ("image_types", "accuracy"),
    "missed": ("images", "missed"),
    "false alarms": ("images", "false_alarms"),
}


class ListedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its options, and all numbers of its metrics.json; `intervals` are those of the main numbers.

    `seconds` is from the creation of the folder to its last measurement, interruptions included; None if the run
    is not measured.
    """

    run: str
    task: str
    dataset: str
    folds: int
    options: dict[str, object]
    numbers: dict[str, float | None]
    intervals: dict[str, Interval | None]
    seconds: float | None


def list_runs(folder: Path) -> list[ListedRun]:
    """Every run below `folder` in the order of its path, without the folds of cross-validations.

    Raises InputError if there is none, and for a run that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name the folder of the runs, such as runs")
    roots = sorted(path.parent for path in folder.rglob("config.yaml"))
    crossed = {root for root in roots if read_config(root).folds}
    listed = [_listed(root) for root in roots if root.parent not in crossed]
    if not listed:
        raise InputError(folder, "contains no run", "name the folder of the runs, such as runs")
    return listed


def sort_by(runs: Sequence[ListedRun], number: str) -> list[ListedRun]:
    """The runs that have `number`, the best first. Raises OptionError, which names the numbers that exist."""
    known = {name for run in runs for name, value in run.numbers.items() if value is not None}
    if number not in known:
        raise OptionError(
            f"--by {number}", "not a number of any of the runs", f"known: {', '.join(sorted(known))}"
        )
    sign = 1 if number in {name for metric in METRICS for name in metric.lower_is_better} else -1
    values = [(run.numbers.get(number), run) for run in runs]
    return [
        run for _, run in sorted(((sign * v, r) for v, r in values if v is not None), key=lambda pair: pair[0])
    ]


def _listed(root: Path) -> ListedRun:
    config, run = read_config(root), load_run(root)
    metrics = read_metrics(run.metrics) if run.metrics.is_file() else None
    return ListedRun(
        run=root.as_posix(),
        task=config.task,
        dataset=config.dataset,
        folds=config.folds,
        options=config.options,
        numbers=_numbers_of(metrics) if metrics else {},
        intervals=_intervals_of(metrics) if metrics else {},
        seconds=run.metrics.stat().st_mtime - run.config.stat().st_mtime if metrics else None,
    )


def _numbers_of(metrics: Metrics) -> dict[str, float | None]:
    values = [(metric, metrics.get(metric)) for metric in METRICS]
    return {
        name: number
        for metric, value in values
        if value is not None
        for name, number in metric.fold_numbers(value).items()
    }


def _intervals_of(metrics: Metrics) -> dict[str, Interval | None]:
    found = {}
    for name, (key, interval) in HEADLINES.items():
        value = getattr(metrics, key)
        if value is not None:
            found[name] = value.intervals.get(interval)
    return found
