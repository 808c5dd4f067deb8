"""Early stopping, loggers and recipes in a real training of a few images."""

import os
import signal
from pathlib import Path

import pytest

from evaluate.history_file import read_history
from evaluate.run_folder import load_run
from tests.command import run_command
from tests.odd_datasets import odd_folder
from tests.trainer_cases import RESUMED, UNKNOWN_LOGGER, check_options_refused
from train_seg.module import SegmenterModule
from train_seg.options import SegmenterOptions
from training.options import run_options

TINY = ("--encoder-weights", "none", "--encoder-depth", 3, "--imgsz", 32, "--device", "cpu", "--precision", "32")


def epochs(root: Path) -> list[int]:
    return [int(row["epoch"]) for row in read_history(root / "history.csv")]


def test_patience_is_counted_on_after_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each epoch is worse than the one before; the training is interrupted in its third."""
    dataset, values = odd_folder(tmp_path / "odd"), iter([0.5, 0.4, 0.3, 0.2, 0.1])
    monkeypatch.setattr(SegmenterModule, "validation_metrics", lambda _: {"val_dice": next(values)})
    run = tmp_path / "runs" / "seg" / "odd"

    step = SegmenterModule.training_step

    def interrupt(self: SegmenterModule, batch: object, number: int) -> object:
        if self.current_epoch == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, batch, number)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(SegmenterModule, "training_step", interrupt)
        given = ("--runs", tmp_path / "runs", "--epochs", 5, "--patience", 2)
        assert run_command("train_seg", "fit", dataset, *TINY, *given) == 130
    assert epochs(run) == [1, 2]
    assert run_command("train_seg", "fit", dataset, "--resume", run) == 0
    assert epochs(run) == [1, 2, 3]
    assert "ended after epoch 3: 2 epochs without a better dice" in capsys.readouterr().err
    assert (run / "metrics.json").is_file()


def test_a_recipe_is_overridden_by_flags_and_saved_resolved(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed, so its files are not tested")
    recipe = tmp_path / "my.yaml"
    recipe.write_text("epochs: 9\naugmentation:\n  rotation: 0\noptimisation:\n  lr: 3e-3\n  warmup_share: 0\n")
    made = ("--runs", tmp_path / "runs", "--recipe", recipe, "--epochs", 1, "--logger", "tensorboard")
    assert run_command("train_seg", "fit", odd_folder(tmp_path / "odd"), *TINY, *made) == 0
    run = load_run(tmp_path / "runs" / "seg" / "odd")
    options = run_options(run, SegmenterOptions)
    assert (options.epochs, options.augmentation.rotation, options.optimisation.lr) == (1, 0, 0.003)
    assert len(list((run.root / "tensorboard").iterdir())) == 1


@pytest.mark.parametrize(
    ("recipe", "flags", "reported"),
    [
        ("lr: 0.1", (), "my.yaml: lr: no such option; did you mean optimisation.lr?"),
        ("monitor: AP", (), "my.yaml: monitor = AP: not a value it takes; give one of dice, iou, loss"),
        ("imgsz: 250", (), "my.yaml: imgsz = 250: not a multiple of 16 of at least 32"),
        ("", ("--imgsz", 36), "--imgsz 36: not a multiple of 8 of at least 16"),
        ("", ("--logger", "comet"), UNKNOWN_LOGGER),
        ("", ("--resume", "some/run"), RESUMED),
    ],
)
def test_what_does_not_do_ends_in_one_line(
    recipe: str, flags: tuple[object, ...], reported: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check_options_refused("train_seg", recipe, reported, tmp_path, capsys, *TINY, *flags)
