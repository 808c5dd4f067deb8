"""Boxes at original size, ids and files of predict, and evaluate on a run."""

import json
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage

from datasets.coco import Category
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import Dataset
from evaluate.operating import operating_score
from tests.command import only_line, run_command
from train_det.infer import DetectionOptions, DetectorNetwork, detect, to_predictions
from train_det.options import DetectorOptions
from training.fit import Training


def box_around_the_bright(pixels: torch.Tensor) -> torch.Tensor:
    """Raw output of one box around the bright pixels of each square, of class 1."""
    raw = torch.zeros(len(pixels), 6, 3)
    for i, image in enumerate(pixels):
        ys, xs = torch.nonzero(image[0] > 0.5, as_tuple=True)
        x0, y0, x1, y1 = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
        raw[i, :, 0] = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, 0.1, 0.9])
    return raw


BRIGHT = DetectorNetwork(box_around_the_bright, [8, 16, 32], torch.device("cpu"))


def example_image(width: int, height: int, box: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    image = np.zeros((height, width, 3), np.uint8)
    x, y, w, h = box
    image[y : y + h, x : x + w] = 255
    return image


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (640, 320, (100, 40, 60, 200)),
        (320, 640, (40, 100, 200, 60)),
        (900, 900, (450, 450, 90, 300)),
        (32, 48, (4, 8, 20, 16)),
        (1001, 333, (0, 0, 300, 100)),
    ],
)
def test_boxes_come_back_in_pixels_of_the_image(width: int, height: int, box: tuple[int, int, int, int]) -> None:
    found = next(detect(BRIGHT, [example_image(width, height, box)], DetectionOptions(side=128)))
    x, y, w, h = box
    pixel = max(width, height) / 128
    assert found[0, :4] == pytest.approx([x, y, x + w, y + h], abs=pixel)
    assert found[0, 4:].tolist() == pytest.approx([0.9, 1])


def test_many_images_come_back_in_their_order_whatever_the_batch() -> None:
    example_images = [example_image(100, 100, (i, 20, 30, 40)) for i in range(0, 60, 5)]
    for batch in (1, 5, 12):
        found = list(detect(BRIGHT, example_images, DetectionOptions(side=96, batch=batch)))
        assert [round(float(boxes[0, 0])) for boxes in found] == pytest.approx(list(range(0, 60, 5)), abs=2)


@pytest.mark.parametrize(("least", "found"), [(0.9, 1), (0.90001, 0)])
def test_a_score_that_reaches_the_least_one_is_found(least: float, found: int) -> None:
    boxes = next(
        detect(BRIGHT, [example_image(128, 128, (40, 40, 20, 20))], DetectionOptions(side=128, min_score=least))
    )
    assert [round(score, 5) for score in boxes[:, 4]] == [0.9] * found


def test_predictions_name_categories_not_classes() -> None:
    boxes = np.array([[1.0, 2.0, 11.0, 22.0, 0.123456, 1]])
    (prediction,) = to_predictions(boxes, 7, [Category(3, "a"), Category(9, "b")])
    assert (prediction.image_id, prediction.category_id) == (7, 9)
    assert prediction.bbox == (1, 2, 10, 20)
    assert prediction.score == pytest.approx(0.12346)


def test_predict_writes_results_and_the_list_of_images(
    finished: Training[DetectorOptions], tmp_path: Path
) -> None:
    folder = tmp_path / "line" / "a"
    folder.mkdir(parents=True)
    for name, size in (("wide.png", (120, 60)), ("grey.png", (50, 70))):
        PillowImage.new("L" if name == "grey.png" else "RGB", size, 90).save(folder / name)
    out = tmp_path / "found.json"
    assert run_command("train_det", "predict", finished.run.root, tmp_path / "line", "--out", out) == 0
    listed = json.loads(out.with_suffix(".images.json").read_bytes())
    assert [(i["id"], Path(i["file_name"]).name, i["width"], i["height"]) for i in listed] == [
        (1, "grey.png", 50, 70),
        (2, "wide.png", 120, 60),
    ]
    assert {p.image_id for p in read_predictions(out)} <= {1, 2}


def test_images_of_the_dataset_keep_their_ids(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path
) -> None:
    images = dataset.splits["test"].images[:3]
    out = tmp_path / "found.json"
    files = [dataset.image_path(image) for image in images]
    assert run_command("train_det", "predict", finished.run.root, *files, "--min-score", 0.001, "--out", out) == 0
    listed = json.loads(out.with_suffix(".images.json").read_bytes())
    assert [i["id"] for i in listed] == [image.id for image in images]
    stored = read_predictions(finished.run.predictions("test"))
    wanted = [p for p in stored if p.image_id in {image.id for image in images}]
    assert [(p.image_id, p.category_id) for p in read_predictions(out)] == [
        (p.image_id, p.category_id) for p in wanted
    ]


def test_min_score_leaves_out_what_is_below(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path
) -> None:
    path_of_image = dataset.image_path(dataset.splits["test"].images[0])
    out = tmp_path / "found.json"
    chosen = operating_score(finished.run)
    found = {}
    for least in (0.001, 0.01, chosen, None):
        arguments = [path_of_image, "--out", out, *([] if least is None else ["--min-score", least])]
        assert run_command("train_det", "predict", finished.run.root, *arguments) == 0
        found[least] = sorted(p.score for p in read_predictions(out))
    assert found[0.01] == [s for s in found[0.001] if s >= 0.01]
    assert found[None] == found[chosen]


@pytest.mark.parametrize("tta", [False, True])
def test_evaluate_predicts_and_measures_again(
    finished: Training[DetectorOptions], tta: bool, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(finished.run.root, tmp_path / "run"))
    made = [root / name for name in ("metrics.json", "predictions/val.json", "predictions/test.json")]
    before = [path.read_bytes() for path in made]
    for path in made:
        path.unlink()
    assert run_command("train_det", "evaluate", root, *(["--tta"] if tta else [])) == 0
    now = [path.read_bytes() for path in made]
    assert (now[1:] == before[1:]) == (not tta)
    assert (now == before) == (not tta)


def test_evaluate_predicts_the_training_images_too(finished: Training[DetectorOptions], tmp_path: Path) -> None:
    run = msgspec.structs.replace(finished.run, root=Path(shutil.copytree(finished.run.root, tmp_path / "run")))
    assert run_command("train_det", "evaluate", run.root, "--split", "train") == 0
    trained_on = {image.id for image in finished.work.dataset.splits["train"].images}
    found = {prediction.image_id for prediction in read_predictions(run.predictions("train"))}
    assert found
    assert found <= trained_on


def test_bad_use_ends_in_one_line(
    finished: Training[DetectorOptions], dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "a.png"
    text.write_text("no image")
    cases = [
        (["predict", finished.run.root, tmp_path / "none.png"], "no such image"),
        (["predict", finished.run.root, text], "cannot be read as an image"),
        (["predict", tmp_path, text], "not a run folder"),
        (["evaluate", finished.run.root, "--split", "nonsense"], "nonsense"),
        (["evaluate", tmp_path, "--operating-point", "best"], "--operating-point best: not a rule"),
        (["evaluate", finished.run.root, "--dataset", tmp_path / "gone"], "no such folder"),
        (["predict", finished.run.root, text, "--min-score", "2"], "--min-score 2"),
        (["predict", finished.run.root, text, "--out", tmp_path / "gone" / "a.json"], "its folder does not exist"),
        (
            ["predict", finished.run.root, text, "--exported", "onnx"],
            "no such file; make it with train_det export",
        ),
        (["export", finished.run.root, "--format", "tflite"], "not an export format"),
        (["fit", tmp_path / "gone"], "no such folder"),
        (["fit", dataset.root, "--weights", text], "not a PyTorch checkpoint"),
        (["fit", dataset.root, "--imgsz", "100"], "--imgsz 100"),
        (["fit", dataset.root, "--epochs", "-1"], "--epochs -1"),
        (["fit", dataset.root, "--monitor", "mAP"], "--monitor mAP"),
        (["fit", dataset.root, "--lr", "0"], "--lr 0"),
        (["fit", dataset.root, "--negatives", "some"], "--negatives some"),
        (["fit", dataset.root, "--weights", "none", "--name", "a/b"], "--name a/b"),
        (["fit", dataset.root, "--jobs", "2"], "--jobs 2: is for several trainings only"),
        (["fit", dataset.root, "--resume", tmp_path], "a run continues with its own options; leave out --runs"),
    ]
    for arguments, reported in cases:
        extra = ["--runs", tmp_path / "runs"] if arguments[0] == "fit" else []
        assert run_command("train_det", *arguments, *extra) == 2, arguments
        assert reported in only_line(capsys), arguments
    assert not (tmp_path / "runs").exists()


def test_fit_on_the_command_line_ends_with_the_numbers_and_the_place(
    dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--weights", "none", "--epochs", 1, "--imgsz", 64, "--device", "cpu", "--name", "mine"]
    assert run_command("train_det", "fit", dataset.root, "--runs", tmp_path, *arguments) == 0
    reported = capsys.readouterr()
    assert "Boxes" in reported.out
    assert "epoch 1/1" in reported.err
    assert reported.err.splitlines()[-1] == f"the run is in {tmp_path / 'det' / 'mine'}"
