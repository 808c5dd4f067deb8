"""A real training of two epochs on synthetic bottles: its files, its resuming, its options."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from datasets.formats.coco_file import read_coco, read_predictions
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from evaluate.type_of_image import type_of_image
from tests.command import only_line, run_command
from tests.train_cls.conftest import SMALL
from train_cls.model import read_classifier_spec
from training.epoch_recorder import EpochRecorder


def fit(dataset: Path, runs: Path, *arguments: object) -> int:
    return run_command("train_cls", "fit", dataset, *SMALL, "--epochs", 2, "--runs", runs, *arguments)


def test_the_run_folder_is_that_of_any_trainer(cls_run: Path, coco_folder: Path) -> None:
    assert {path.name for path in cls_run.iterdir()} == {
        "config.yaml", "environment.json", "split.json", "weights", "history.csv", "curves.png", "predictions",
        "metrics.json", "metrics.md",
    }  # fmt: skip
    assert [path.name for path in (cls_run / "weights").iterdir()] == ["best.safetensors"]
    rows = read_history(cls_run / "history.csv")
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[-1].keys() == {
        "epoch", "lr", "train_loss", "val_loss", "val_accuracy", "val_balanced_accuracy", "seconds",
    }  # fmt: skip
    best = min(rows, key=lambda row: (row["val_loss"], -row["epoch"]))
    assert read_classifier_spec(cls_run / "weights/best.safetensors").epoch == best["epoch"]


def test_every_image_has_a_probability_of_every_type(cls_run: Path, coco_folder: Path) -> None:
    coco = read_coco(coco_folder / "annotations/instances_test.json")
    found = read_predictions(cls_run / "predictions/test.json")
    assert len(found) == len(coco.images) * len(coco.categories)
    for image in coco.images:
        mine = [p for p in found if p.image_id == image.id]
        assert [p.category_id for p in mine] == sorted(category.id for category in coco.categories)
        assert 0 < sum(p.score for p in mine) <= 1 + 1e-9
        assert {p.bbox for p in mine} == {(0, 0, image.width, image.height)}


def test_the_accuracy_is_that_of_the_stored_predictions(cls_run: Path, coco_folder: Path) -> None:
    coco = read_coco(coco_folder / "annotations/instances_test.json")
    found = read_predictions(cls_run / "predictions/test.json")
    annotations, right = coco.by_image(), 0
    for image in coco.images:
        scores = {p.category_id: p.score for p in found if p.image_id == image.id}
        scores[0] = 1 - sum(scores.values())
        right += max(scores, key=lambda k: scores[k]) == (type_of_image(annotations[image.id]) or 0)
    metrics = msgspec.json.decode((cls_run / "metrics.json").read_bytes())
    assert metrics["accuracy"] == pytest.approx(right / len(coco.images))
    assert metrics["protocol"]["kind"] == "cls"


def test_evaluate_gives_the_same_metrics(cls_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(cls_run, tmp_path / "run"))
    before = read_metrics(run / "metrics.json")
    assert run_command("train_cls", "evaluate", run, "--device", "cpu") == 0
    assert read_metrics(run / "metrics.json") == before
    assert (
        run_command("train_cls", "evaluate", run, "--device", "cpu", "--tta", "--operating-point", "miss<=0") == 0
    )
    again = read_metrics(run / "metrics.json")
    assert again.operating_point.rule == "miss<=0"
    assert again != before


def test_an_interrupted_run_is_resumed_to_the_same_end(
    cls_run: Path, coco_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = EpochRecorder.epoch

    def stop(self: EpochRecorder, *arguments: object) -> bool:
        epoch(self, *arguments)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EpochRecorder, "epoch", stop)
        assert fit(coco_folder, tmp_path / "runs") == 130
    run = tmp_path / "runs/cls" / coco_folder.name
    assert len(read_history(run / "history.csv")) == 1
    assert run_command("train_cls", "fit", coco_folder, "--resume", run) == 0
    weights, wanted = (load_file(root / "weights/best.safetensors") for root in (run, cls_run))
    assert weights.keys() == wanted.keys()
    assert all(torch.equal(weights[name], wanted[name]) for name in wanted)
    assert read_metrics(run / "metrics.json") == read_metrics(cls_run / "metrics.json")


@pytest.mark.parametrize(
    "options",
    [("--balance", "sampler", "--label-smoothing", 0.1), ("--balance", "logit-adjust", "--mixup", 0.3)],
)
def test_options_change_the_training_and_a_seed_repeats_it(
    cls_run: Path, coco_folder: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    losses = []
    for name in ("one", "two"):
        assert fit(coco_folder, tmp_path / "runs", *options, "--name", name, "--epochs", 1) == 0
        losses.append(read_history(tmp_path / "runs/cls" / name / "history.csv")[0]["train_loss"])
    assert losses[0] == losses[1]
    assert losses[0] != read_history(cls_run / "history.csv")[0]["train_loss"]


def test_a_frozen_network_keeps_what_was_loaded(cls_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    """Statistics of normalisation included; only the last layer and the part that the file lacks change."""
    state = {k.removeprefix("net."): v for k, v in load_file(cls_run / "weights/best.safetensors").items()}
    given = {name: value for name, value in state.items() if not name.startswith(("layer4", "fc"))}
    torch.save(given, tmp_path / "r.pt")
    flags = ("--weights", tmp_path / "r.pt", "--freeze", "--lr", 0.1, "--epochs", 1)
    assert fit(coco_folder, tmp_path / "runs", *flags) == 0
    after = load_file(tmp_path / "runs/cls" / coco_folder.name / "weights/best.safetensors")
    assert all(torch.equal(after[f"net.{name}"], value) for name, value in given.items())
    changed = after["net.layer4.0.conv1.weight"]
    assert not np.allclose(changed, state["layer4.0.conv1.weight"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--imgsz", 16], "--imgsz 16: not a value it takes"),
        (["--arch", "resnet19"], "--arch resnet19: neither torchvision nor timm has a network of that name"),
        (["--arch", "googlenet"], "--arch googlenet: neither torchvision nor timm"),
        (["--arch", "vit_b_16"], "--imgsz 32: vit_b_16 cannot take it"),
        (["--arch", "squeezenet1_1"], "--arch squeezenet1_1: has no linear layer at its end"),
        (["--several", "all"], "--several all: not a value it takes; give one of largest, multi, refuse"),
        (["--several", "multi", "--balance", "sampler"], "--balance sampler: needs one type for each image"),
        (["--balance", "smote"], "--balance smote: not a value it takes"),
        (["--mixup", -1], "--mixup -1"),
        (["--label-smoothing", 1], "--label-smoothing 1"),
        (["--freeze"], "--freeze True: random weights cannot be kept"),
        (["--weights", "no/such.pt"], "no/such.pt: no such file"),
        (["--monitor", "dice"], "--monitor dice: not a value it takes"),
        (["--negatives", "many"], "--negatives many: not a number"),
        (["--resume", "no/such/run"], "--resume no/such/run: a run continues with its own options"),
    ],
)
def test_bad_options_end_in_one_line_and_leave_nothing(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], message: str
) -> None:
    assert fit(coco_folder, tmp_path / "runs", *arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_a_finished_run_is_not_resumed(
    cls_run: Path, coco_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_cls", "fit", coco_folder, "--resume", cls_run) == 2
    assert "the run is finished" in only_line(capsys)


def test_a_damaged_resume_state_ends_in_one_line(
    cls_run: Path, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(cls_run, tmp_path / "run"))
    (run / "metrics.json").unlink()
    (run / "weights/last.ckpt").write_bytes(b"damaged")
    config = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(config.replace("epochs: 2", "epochs: 3"))
    assert run_command("train_cls", "fit", coco_folder, "--resume", run) == 2
    assert "last.ckpt" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_the_recipes_of_the_first_experiment_are_recipes(
    number: int, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Path(__file__).parents[2] / f"recipes/seed-{number}.yaml"
    flags = ("--recipe", recipe, "--arch", "resnet19", "--runs", tmp_path / "runs")
    assert run_command("train_cls", "fit", coco_folder, *flags) == 2
    assert "--arch resnet19" in only_line(capsys)  # everything before the network was accepted
