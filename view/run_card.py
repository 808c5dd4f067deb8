"""The card of a run: what it learned from what, with which options, and the numbers that it reached."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import resources
from pathlib import PurePath

import msgspec

from evaluate.history_file import read_history
from evaluate.run_folder import Run, read_config, read_split
from evaluate.run_list import HEADLINES, list_runs
from system.json_file import read_json

WEIGHTS = ("weights", "encoder_weights")
NOT_OPTIONS = {*WEIGHTS, "epochs", "device", "workers"}
NOT_CURVES = {"epoch", "lr", "seconds"}


class ChangedOption(msgspec.Struct, frozen=True):
    """An option of a run that differs from the default of its trainer; `default` is empty if that is unknown."""

    name: str
    value: str
    default: str


class CardNumber(msgspec.Struct, frozen=True):
    """A main number of a run with its 95 % interval."""

    name: str
    value: float
    low: float | None
    high: float | None


class TrainingCurve(msgspec.Struct, frozen=True):
    """One column of history.csv, a value per epoch; null where the file has none."""

    name: str
    values: list[float | None]


class RunCard(msgspec.Struct, frozen=True, rename="camel"):
    """What to know about a run. `date` is when its folder was made, in UTC; `splits` are numbers of images."""

    task: str
    folder: str
    dataset: str
    content_sha256: str | None
    date: str
    made_by: str
    folds: int
    epochs_asked: int | None
    epochs_done: int
    weights: str
    splits: dict[str, int]
    changed: list[ChangedOption]
    numbers: list[CardNumber]
    curves: list[TrainingCurve]
    corrections: int = 0


def run_card(run: Run, corrections: int = 0) -> RunCard:
    """Read the card of a run folder; `corrections` of its dataset were applied since it was made.

    Raises InputError if one of its files cannot be read.
    """
    config, split, listed = read_config(run.root), read_split(run), list_runs(run.root).runs[0]
    curves, epochs = _history(run)
    weights = next((str(config.options[key]) for key in WEIGHTS if config.options.get(key)), "")
    asked = config.options.get("epochs")
    return RunCard(
        task=config.task,
        folder=PurePath(run.root.resolve()).name,
        dataset=split.dataset,
        content_sha256=split.content_sha256,
        date=datetime.fromtimestamp(run.config.stat().st_mtime, UTC).strftime("%Y-%m-%d"),
        made_by=_made_by(run),
        folds=config.folds,
        epochs_asked=asked if isinstance(asked, int) else None,
        epochs_done=epochs,
        weights=PurePath(weights).name,
        splits={name: len(images) for name, images in split.images.items() if images},
        changed=_changed(config.task, config.options),
        numbers=[
            CardNumber(name, value, *(listed.intervals.get(name) or (None, None)))
            for name in HEADLINES
            if (value := listed.numbers.get(name)) is not None
        ],
        curves=curves,
        corrections=corrections,
    )


def _made_by(run: Run) -> str:
    path = run.root / "environment.json"
    if not path.is_file():
        return ""
    environment = read_json(path, dict[str, object])
    packages = environment.get("packages")
    version = packages.get("defectline") if isinstance(packages, dict) else None
    parts = ["defectline", version, environment.get("git_revision")]
    return " ".join(str(part) for part in parts if part)


def _changed(task: str, options: Mapping[str, object]) -> list[ChangedOption]:
    defaults = dict(_flat(_defaults(task)))
    return [
        ChangedOption(name, _without_folders(str(value)), str(defaults.get(name, "")))
        for name, value in _flat(options)
        if name not in NOT_OPTIONS and (name not in defaults or not _same(defaults[name], value))
    ]


def _without_folders(value: str) -> str:
    """An absolute path as its last part: a page that is mailed has no path of the machine that made it."""
    return PurePath(value).name if PurePath(value).is_absolute() else value


def _defaults(task: str) -> dict[str, object]:
    """Every option of the trainer at its default, from its recipe; empty if it ships none."""
    recipe = resources.files("recipes") / f"train_{task}.yaml"
    return msgspec.yaml.decode(recipe.read_bytes(), type=dict[str, object]) if recipe.is_file() else {}


def _flat(options: Mapping[str, object], before: str = "") -> Iterator[tuple[str, object]]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _same(default: object, value: object) -> bool:
    """Whether an option is at its default; a recipe may write 0.5 where the run's file has the text "0.5"."""
    return default == value or str(default) == str(value)


def _history(run: Run) -> tuple[list[TrainingCurve], int]:
    """The columns of history.csv, and the number of epochs."""
    rows = read_history(run.history)
    names = dict.fromkeys(name for row in rows for name in row if name not in NOT_CURVES)
    return [TrainingCurve(name, [row.get(name) for row in rows]) for name in names], len(rows)
