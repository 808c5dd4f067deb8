"""What any trainer must do with any dataset and any option, checked by exit status, lines and files."""

import math
from pathlib import Path

import pytest

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.history_file import read_history
from tests.command import only_line, run_command

UNKNOWN_LOGGER = "--logger comet: not a value it takes; give one of mlflow, none"
RESUMED = "--resume some/run: a run continues with its own options; leave out"


def check_trained(command: str, dataset: Path, runs: Path, *options: object) -> None:
    """One epoch gives a number for a loss, and predictions inside their images."""
    assert run_command(command, "fit", dataset, *options, "--epochs", 1, "--runs", runs) == 0
    run = runs / command.removeprefix("train_") / dataset.name
    (row,) = read_history(run / "history.csv")
    assert math.isfinite(row["train_loss"])
    splits = load_dataset(dataset).splits
    assert (run / "metrics.json").is_file() == ("test" in splits)
    for split in splits.keys() & {"val", "test"}:
        sizes = {image.id: (image.width, image.height) for image in splits[split].images}
        for found in read_predictions(run / "predictions" / f"{split}.json"):
            width, height = sizes[found.image_id]
            x, y, w, h = found.bbox
            assert 0 <= x < x + w <= width + 0.01
            assert 0 <= y < y + h <= height + 0.01


def check_refused(
    command: str, dataset: Path, message: str, runs: Path, capsys: pytest.CaptureFixture[str], *options: object
) -> None:
    """The last line states what is wrong with the dataset, and no run is left."""
    assert run_command(command, "fit", dataset, *options, "--epochs", 1, "--runs", runs) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"{command}: ")
    assert message in last
    assert not runs.exists()


def check_options_refused(
    command: str, recipe: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str], *flags: object
) -> None:
    """A recipe and flags that are not valid end in the one line `message`, before any dataset is read."""
    (folder / "my.yaml").write_text(recipe)
    given = ("--runs", folder / "runs", "--recipe", folder / "my.yaml", *flags)
    assert run_command(command, "fit", folder, *given) == 2
    assert message in only_line(capsys)
    assert not (folder / "runs").exists()
