"""New images, predicted by the command of the run, which is replaced here by one that predicts a fixed box."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest
from PIL import Image

from datasets.coco import Image as Listed
from datasets.coco import Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import read_config
from system.child_process import module_command
from tests.command import only_line, run_command
from view.new_images import new_images_scene


@pytest.fixture
def folder(dataset: Path, tmp_path: Path) -> Path:
    """Three images, one of them rotated by its EXIF orientation."""
    root = tmp_path / "from the line"
    shutil.copytree(dataset / "images" / "test" / "kind_0", root / "a")
    for path in sorted((root / "a").iterdir())[2:]:
        path.unlink()
    image = Image.new("RGB", (120, 80), "grey")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(root / "turned.jpg", exif=exif)
    return root


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that were started, each answered with one prediction for the first image."""
    started = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        started.append(command)
        out = Path(command[command.index("--out") + 1])
        files = [Path(name) for name in command[6 : command.index("--out")]]
        images = [Listed(i, file.as_posix(), 1, 1) for i, file in enumerate(files, 1)]
        out.with_suffix(".images.json").write_bytes(msgspec.json.encode(images))
        write_predictions(out, [Prediction(1, 2, (10, 20, 30, 40), 0.9)])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr("evaluate.new_predictions.module_command", module_command)
    return started


def test_predictions_belong_to_their_images(det_run: Path, folder: Path, trainer: list[list[str]]) -> None:
    scene = new_images_scene(det_run, folder)
    assert [command[3:5] for command in trainer] == [["train_det", "predict"]]
    assert not scene.has_truth
    assert scene.models[0].propose == ["--from", str(det_run)]
    moved = new_images_scene(det_run, folder, Path(read_config(det_run).dataset))
    assert moved.models[0].propose[2] == "--dataset"
    assert [p.image.file_name for p in scene.images] == ["a/000.png", "a/003.png", "turned.jpg"]
    assert [len(p.predictions[0]) for p in scene.images] == [1, 0, 0]
    assert (scene.images[2].image.width, scene.images[2].image.height) == (80, 120)
    assert [c.name for c in scene.categories] == ["broken_large", "broken_small", "contamination"]


def test_the_page_counts_what_is_found(det_run: Path, folder: Path, trainer: list[list[str]], opened: Any) -> None:
    page_file = folder.parent / "new.html"
    assert run_command("view", det_run, "--images", folder, "--out", page_file) == 0
    page = opened(page_file)
    assert page.locator('[data-figure="found"] b').inner_text() == "1"
    page.click('.chip[data-key="found"]')
    page.wait_for_function("() => window.defectline.results().chosen.length === 1")
    page.locator(".tile").click()
    page.wait_for_function("() => document.querySelector('.side-words').innerText !== ''")
    assert "score 0.900, 30 × 40 px at 10, 20" in page.locator(".side-words").inner_text()
    assert "Truth" not in page.locator(".side-words").inner_text()
    assert page.locator("#iou").count() == 0


def test_a_trained_run_whose_dataset_moved_shows_new_images(
    coco_folder: Path, folder: Path, tmp_path: Path, opened: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(coco_folder, tmp_path / "bottle-coco"))
    options = ("--encoder-weights", "none", "--imgsz", 64, "--encoder-depth", 4, "--precision", 32, "--epochs", 1)
    assert run_command("train_seg", "fit", data, *options, "--device", "cpu", "--runs", tmp_path / "runs") == 0
    run = tmp_path / "runs/seg/bottle-coco"
    moved = data.rename(tmp_path / "moved")
    capsys.readouterr()
    page_file = tmp_path / "new.html"
    assert run_command("view", run, "--images", folder, "--out", page_file) == 2
    assert "give its new location with --dataset DIR" in only_line(capsys)
    assert not page_file.exists()
    assert run_command("view", run, "--images", folder, "--dataset", moved, "--out", page_file) == 0
    page = opened(page_file)
    assert page.locator(".tile").count() == 3
    assert [t.inner_text() for t in page.locator(".chip .text").all()][2:] == [
        c.name for c in load_dataset(moved).categories
    ]


def test_a_trainer_that_fails_is_reported_in_one_line(
    det_run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 2, stderr="train_det: best.pt: no such file\n")

    monkeypatch.setattr(subprocess, "run", fail)
    assert run_command("view", det_run, "--images", folder) == 2
    assert "best.pt: no such file" in only_line(capsys)
    assert not list(det_run.glob("view-*"))
