import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from datasets.coco import Image
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.metrics import read_metrics
from system.json_file import write_json
from tests.command import only_line, run_command
from train_seg.model import read_spec

HEAVY = ("torch", "lightning", "segmentation_models_pytorch", "albumentations", "cv2", "numpy", "ultralytics")


def test_help_imports_nothing_heavy() -> None:
    code = f"import sys, train_seg.cli; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_predict_writes_results_and_the_list_of_images(
    seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example_images = tmp_path / "images"
    example_images.mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("wide.png", (40, 90, 3)), ("grey.png", (70, 30)), ("deep.png", (64, 64))):
        kind = np.uint16 if name == "deep.png" else np.uint8
        cv2.imwrite(str(example_images / name), rng.integers(0, np.iinfo(kind).max, shape, dtype=kind))
    out = tmp_path / "found.json"
    assert run_command("train_seg", "predict", seg_run, example_images, "--out", out, "--device", "cpu") == 0
    listed = msgspec.json.decode((tmp_path / "found.images.json").read_bytes(), type=list[Image])
    assert [(i.id, Path(i.file_name).name, i.width, i.height) for i in listed] == [
        (1, "deep.png", 64, 64),
        (2, "grey.png", 30, 70),
        (3, "wide.png", 90, 40),
    ]
    sizes = {i.id: (i.height, i.width) for i in listed}
    for prediction in read_predictions(out):
        assert prediction.segmentation is not None
        assert prediction.segmentation.size == sizes[prediction.image_id]
    assert "wide.png" in capsys.readouterr().out


def test_predictions_of_the_datasets_images_equal_those_of_the_run(
    seg_run: Path, coco_folder: Path, tmp_path: Path
) -> None:
    dataset = load_dataset(coco_folder)
    files = [dataset.image_path(image) for image in dataset.splits["test"].images]
    out = tmp_path / "found.json"
    assert run_command("train_seg", "predict", seg_run, *files, "--out", out, "--min-score", 0) == 0
    assert read_predictions(out) == read_predictions(seg_run / "predictions/test.json")


def test_evaluate_comes_to_the_numbers_of_fit(seg_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    for name in ("metrics.json", "predictions/test.json", "predictions/val.json"):
        (run / name).unlink()
    assert run_command("train_seg", "evaluate", run, "--device", "cpu") == 0
    for name in ("metrics.json", "predictions/test.json", "predictions/val.json"):
        assert (run / name).read_bytes() == (seg_run / name).read_bytes()


def test_evaluate_finds_a_moved_dataset(
    seg_run: Path, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    moved = shutil.copytree(coco_folder, tmp_path / coco_folder.name)
    config = (run / "config.yaml").read_text().replace(str(coco_folder.resolve()), "gone")
    (run / "config.yaml").write_text(config)
    for verb in ("evaluate", "export"):
        assert run_command("train_seg", verb, run) == 2
        assert (line := only_line(capsys)).endswith("give its new location with --dataset DIR")
        assert f"{run}/config.yaml: its dataset gone does not exist" in line
    assert run_command("train_seg", "evaluate", run, "--dataset", moved, "--device", "cpu") == 0
    assert (run / "metrics.json").read_bytes() == (seg_run / "metrics.json").read_bytes()


def test_a_broken_image_leaves_the_run_as_it_was(
    seg_run: Path, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is one of test, which is predicted after val."""
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    broken = load_dataset(shutil.copytree(coco_folder, tmp_path / coco_folder.name))
    example_image = broken.image_path(broken.splits["test"].images[-1])
    data = example_image.read_bytes()
    example_image.unlink()
    example_image.write_bytes(data[:500])
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert run_command("train_seg", "evaluate", run, "--dataset", broken.root, "--tta", "--device", "cpu") == 2
    assert f"{example_image}: the PNG is truncated" in only_line(capsys)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("measured", [True, False])
def test_predict_counts_what_the_metrics_counted(
    seg_run: Path, coco_folder: Path, tmp_path: Path, measured: bool
) -> None:
    """The operating point of metrics.json, or the pixel threshold where nothing was measured."""
    run, out = Path(shutil.copytree(seg_run, tmp_path / "run")), tmp_path / "found.json"
    scores = sorted(p.score for p in read_predictions(run / "predictions/test.json"))
    least = scores[len(scores) // 2] if measured else read_spec(run / "weights/best.safetensors").pixel_threshold
    if measured:
        metrics = read_metrics(run / "metrics.json")
        point = msgspec.structs.replace(metrics.operating_point, score_threshold=least)
        write_json(run / "metrics.json", msgspec.structs.replace(metrics, operating_point=point))
    else:
        (run / "metrics.json").unlink()
    dataset = load_dataset(coco_folder)
    files = [dataset.image_path(image) for image in dataset.images("test")]
    assert run_command("train_seg", "predict", run, *files, "--out", out) == 0
    assert sorted(p.score for p in read_predictions(out)) == [s for s in scores if s >= least]


def test_test_time_augmentation_changes_the_predictions(seg_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    assert run_command("train_seg", "evaluate", run, "--tta", "--device", "cpu") == 0
    assert (run / "predictions/test.json").read_bytes() != (seg_run / "predictions/test.json").read_bytes()


def test_damaged_weights_end_in_one_line(
    seg_run: Path, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(seg_run, tmp_path / "run"))
    (run / "weights/best.safetensors").write_bytes(b"damaged")
    out = tmp_path / "found.json"
    assert run_command("train_seg", "predict", run, coco_folder / "images", "--out", out) == 2
    assert "not weights of train_seg" in only_line(capsys)
    assert not out.exists()


def test_a_truncated_image_ends_in_one_line_and_writes_nothing(
    seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example_image = tmp_path / "cut.png"
    cv2.imwrite(str(example_image), np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    example_image.write_bytes(example_image.read_bytes()[:500])
    out = tmp_path / "found.json"
    assert run_command("train_seg", "predict", seg_run, example_image, "--out", out, "--device", "cpu") == 2
    assert "cut.png" in only_line(capsys)
    assert not out.exists()


def test_an_out_file_in_a_missing_folder_is_refused(
    seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none" / "found.json"
    assert run_command("train_seg", "predict", seg_run, tmp_path, "--out", out) == 2
    assert "its folder does not exist" in only_line(capsys)


def test_a_folder_that_is_not_a_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_seg", "evaluate", tmp_path) == 2
    assert "not a run folder" in only_line(capsys)
