"""Early stopping, loggers and recipes in a real training of a few images."""

from pathlib import Path

import pytest

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.history_file import read_history
from evaluate.run_folder import load_run
from tests.command import run_command
from tests.odd_datasets import odd_folder
from tests.train_det.conftest import tiny_options
from tests.trainer_cases import RESUMED, UNKNOWN_LOGGER, check_options_refused
from train_det.cli import TRAINER
from train_det.data import TrainingImages
from train_det.options import DetectorOptions
from train_det.validation import Validation
from training.fit import resume, start, train
from training.options import run_options

TINY = ("--weights", "none", "--imgsz", 64, "--batch", 2, "--device", "cpu", "--precision", "32")


@pytest.fixture
def small(tmp_path: Path) -> Dataset:
    return load_dataset(odd_folder(tmp_path / "odd"))


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A validation that finds each epoch worse than the one before."""
    values = iter([0.5, 0.4, 0.3, 0.2, 0.1])

    def validate(_self: object, _model: object) -> tuple[dict[str, float], float]:
        value = next(values)
        return {"AP": value}, value

    monkeypatch.setattr(Validation, "__call__", validate)


def epochs(root: Path) -> list[int]:
    return [int(row["epoch"]) for row in read_history(root / "history.csv")]


@pytest.mark.usefixtures("falling")
def test_patience_is_counted_on_after_a_resume(
    small: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    training = start(TRAINER, small, tiny_options(epochs=5, patience=2), tmp_path / "runs", None)
    draw = TrainingImages.__getitem__

    def interrupted(images: TrainingImages, key: tuple[int, int]) -> object:
        if key[0] == 2:
            raise KeyboardInterrupt
        return draw(images, key)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingImages, "__getitem__", interrupted)
        with pytest.raises(SystemExit):
            train(training)
    root = training.run.root
    assert epochs(root) == [1, 2]
    train(resume(TRAINER, small, root))
    assert epochs(root) == [1, 2, 3]
    assert "ended after epoch 3: 2 epochs without a better AP" in capsys.readouterr().err
    train(resume(TRAINER, small, root))  # killed before it was measured: nothing is left to train
    assert epochs(root) == [1, 2, 3]


def test_a_recipe_is_overridden_by_flags_and_saved_resolved(small: Dataset, tmp_path: Path) -> None:
    recipe = tmp_path / "my.yaml"
    recipe.write_text("epochs: 9\nmonitor: last\noptimisation:\n  lr: 3e-3\n")
    made = ("--runs", tmp_path / "runs", "--recipe", recipe, "--epochs", 1, "--logger", "tensorboard")
    pytest.importorskip("tensorboard", reason="tensorboard is not installed, so its files are not tested")
    assert run_command("train_det", "fit", small.root, *TINY, *made) == 0
    run = load_run(tmp_path / "runs" / "det" / "odd")
    options = run_options(run, DetectorOptions)
    assert (options.epochs, options.monitor, options.optimisation.lr) == (1, "last", 0.003)
    assert len(list((run.root / "tensorboard").iterdir())) == 1


@pytest.mark.parametrize(
    ("recipe", "flags", "reported"),
    [
        ("epoch: 3", (), "my.yaml: epoch: no such option; did you mean epochs?"),
        ("epochs: -1", (), "my.yaml: epochs = -1: not a value it takes; give a whole number of at least 0"),
        ("epochs: 3", ("--epochs", -1), "--epochs -1: not a value it takes; give a whole number of at least 0"),
        ("", ("--logger", "comet"), UNKNOWN_LOGGER),
        ("", ("--patience", 3, "--monitor", "last"), "--patience 3: monitor last watches no value; give 0, or"),
        ("", ("--resume", "some/run"), RESUMED),
    ],
)
def test_what_does_not_do_ends_in_one_line(
    recipe: str, flags: tuple[object, ...], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_options_refused("train_det", recipe, reported, tmp_path, capsys, *TINY, *flags)
