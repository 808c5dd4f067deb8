"""The runs below a folder: what was asked, on which data, and the numbers with their intervals."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import msgspec

from evaluate.folds import fold_numbers_of
from evaluate.metrics import METRICS, Metrics, read_metrics
from evaluate.run_folder import load_run, read_config, seeds_of
from evaluate.values import Interval
from system.errors import InputError, OptionError, raise_together

HEADLINES = {  # name of a number -> key in metrics.json and name of its interval there
    "boxes AP": ("boxes", "AP"),
    "masks AP": ("masks", "AP"),
    "defect Dice": ("pixels", "dice"),
    "type accuracy": ("image_types", "accuracy"),
    "missed": ("images", "missed"),
    "false alarms": ("images", "false_alarms"),
}
MODEL_OPTIONS = ("encoder", "arch", "weights")
MAIN_OPTIONS = ("epochs", "imgsz", "seed")


class ListedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run: its options, and all numbers of its metrics.json; `intervals` are those of the main numbers.

    `seeds` are those of a run of several, whose numbers are means and whose intervals are over seeds and images.
    `seconds` is from the creation of the folder to its last measurement, interruptions included; None if the run
    is not measured.
    """

    run: str
    task: str
    dataset: str
    folds: int
    seeds: list[int]
    options: dict[str, object]
    numbers: dict[str, float | None]
    intervals: dict[str, Interval | None]
    seconds: float | None


class FoundRuns(msgspec.Struct, frozen=True):
    """The runs below a folder, and the fault of each run that cannot be read."""

    runs: list[ListedRun]
    faults: list[InputError]


def list_runs(folder: Path) -> FoundRuns:
    """Every run below `folder` in the order of its path, without its folds and seeds.

    Raises InputError if there is none, and if none of them can be read.
    """
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "name the folder of the runs, such as runs")
    faults: list[InputError] = []
    listed: list[ListedRun] = []
    parents: set[Path] = set()  # runs with folds or seeds, and damaged ones, which may have had some
    for root in sorted(path.parent for path in folder.rglob("config.yaml") if path.is_file()):
        if root.parent in parents:
            parents.add(root)  # a seed has folds of its own
            continue
        try:
            config = read_config(root)
            if config.folds or config.seeds:
                parents.add(root)
            listed.append(_listed(root))
        except (InputError, OSError) as error:
            parents.add(root)
            if isinstance(error, OSError):
                error = InputError(
                    root, f"cannot be read ({error.strerror})", "check who owns it, or move it away"
                )
            faults.append(error)
    if not listed:
        raise_together(faults)
        raise InputError(folder, "contains no run", "name the folder of the runs, such as runs")
    return FoundRuns(listed, faults)


def facts_of(runs: Sequence[ListedRun]) -> tuple[list[str], list[list[str]]]:
    """What all of `runs` have in common, and for each what it does not share with all others.

    It is the dataset, the number of folds and seeds, the model, the main options, and those in which a run differs
    from another of the same trainer. Options that are off or empty are left out; of a path only the name remains
    unless two of them have the same.
    """
    facts = [_facts(run, runs) for run in runs]
    common = [text for key, text in facts[0].items() if all(other.get(key) == text for other in facts)]
    return common, [[text for text in own.values() if text not in common] for own in facts]


def _facts(run: ListedRun, runs: Sequence[ListedRun]) -> dict[str, str]:
    flat = [_flat(other.options) for other in runs if other.task == run.task]
    own = _flat(run.options)
    differing = [name for name, value in own.items() if any(other.get(name, value) != value for other in flat)]
    named = {name: _named(value, [other.get(name) for other in flat]) for name, value in own.items()}
    facts = {"dataset": f"dataset {_named(run.dataset, [other.dataset for other in runs])}"}
    facts |= {"folds": f"{run.folds} folds"} if run.folds else {}
    facts |= {"seeds": f"{len(run.seeds)} seeds"} if run.seeds else {}
    facts |= {name: named[name] for name in MODEL_OPTIONS if own.get(name)}
    for name in dict.fromkeys([*MAIN_OPTIONS, *differing]):
        value = own.get(name)
        if name not in facts and not (value is None or value is False or value == ""):
            facts[name] = name if value is True else f"{name} {named[name]}"
    return facts


def _named(value: object, others: Sequence[object]) -> str:
    """`value` as text: a path by its name, unless one of the `others` is another path with the same name."""
    text = str(value)
    name = PurePath(text).name
    same = any(str(other) != text and PurePath(str(other)).name == name for other in others)
    return name if os.sep in text and not same else text


def _flat(options: Mapping[str, object]) -> dict[str, object]:
    """Options without blocks, by the last part of their path."""
    flat: dict[str, object] = {}
    for name, value in options.items():
        flat |= _flat(value) if isinstance(value, dict) else {name: value}
    return flat


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
        folds=_folds_of(root),
        seeds=config.seeds,
        options=config.options,
        numbers=_numbers_of(metrics) if metrics else {},
        intervals=_intervals_of(metrics) if metrics else {},
        seconds=run.metrics.stat().st_mtime - run.config.stat().st_mtime if metrics else None,
    )


def _folds_of(root: Path) -> int:
    """The number of folds of a run, or of each of its seeds."""
    run = load_run(root)
    return read_config((seeds_of(run) or [run])[0].root).folds


def _numbers_of(metrics: Metrics) -> dict[str, float | None]:
    return dict(metrics.seeds.mean) if metrics.seeds else fold_numbers_of(metrics)


def _intervals_of(metrics: Metrics) -> dict[str, Interval | None]:
    if metrics.seeds:
        return {name: metrics.seeds.pooled_interval.get(name) for name in HEADLINES if name in metrics.seeds.mean}
    found = {}
    for name, (key, interval) in HEADLINES.items():
        value = getattr(metrics, key)
        if value is not None:
            found[name] = value.intervals.get(interval)
    return found
