"""`train_cls predict`: types with probabilities as JSON and CSV, abstention, and its errors."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.coco import Category, Image, Prediction
from datasets.formats.coco_file import read_predictions
from evaluate.new_predictions import predict_with_run
from evaluate.run_folder import load_run
from tests.command import only_line, run_command
from train_cls.learner import ClassifierLearner
from train_cls.typed_files import typed_files
from training.trainer import PredictOptions

NAMES = ["good", "broken_large", "broken_small", "contamination"]


def predict(run: Path, *arguments: object) -> int:
    return run_command("train_cls", "predict", run, *arguments, "--device", "cpu")


def test_types_in_json_and_csv_agree_with_the_results(cls_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "found.json", tmp_path / "found.csv"
    images = sorted((coco_folder / "images").rglob("*.png"))[:3]
    assert predict(cls_run, *images, "--out", out, "--csv", table, "--min-score", 0) == 0
    types = json.loads((tmp_path / "found.types.json").read_text())
    assert [one["file_name"] for one in types] == [image.as_posix() for image in images]
    listed = {one["id"]: one["file_name"] for one in json.loads((tmp_path / "found.images.json").read_text())}
    scores: dict[str, dict[int, float]] = {}
    for found in read_predictions(out):
        scores.setdefault(listed[found.image_id], {})[found.category_id] = found.score
    rows = list(csv.DictReader(table.read_text().splitlines()))
    for one, row in zip(types, rows, strict=True):
        assert list(one["probabilities"]) == NAMES
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert [scores[one["file_name"]][k] for k in (1, 2, 3)] == [one["probabilities"][n] for n in NAMES[1:]]
        assert one["probability"] == max(one["probabilities"].values()) == one["probabilities"][one["type"]]
        assert (row["image"], row["type"]) == (one["file_name"], one["type"])
        assert [float(row[n]) for n in NAMES] == pytest.approx([one["probabilities"][n] for n in NAMES], abs=1e-6)


def test_it_abstains_below_the_limit(cls_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "found.csv"
    image = next((coco_folder / "images").rglob("*.png"))
    assert predict(cls_run, image, "--csv", table, "--abstain", 1) == 0
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert (row["type"], float(row["probability"]) < 1) == ("", True)


def test_the_limit_itself_is_probable_enough() -> None:
    images = [Image(1, "a.png", 4, 4), Image(2, "b.png", 4, 4)]
    found = [Prediction(1, 7, (0, 0, 4, 4), 0.75), Prediction(2, 7, (0, 0, 4, 4), 0.25)]
    types = [one.type for one in typed_files(images, found, [Category(7, "chip")], 0.75)]
    assert types == ["chip", "good"]
    assert [one.type for one in typed_files(images, found, [Category(7, "chip")], 0.8)] == [None, None]


def test_symmetries_give_the_same_for_a_rotated_image(cls_run: Path, tmp_path: Path) -> None:
    rgb = np.random.default_rng(1).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    run, cpu = load_run(cls_run), torch.device("cpu")
    for tta, same in ((True, True), (False, False)):
        model = ClassifierLearner().load(run, cpu, PredictOptions(tta=tta))
        pair = [model.probabilities(np.ascontiguousarray(one)) for one in (rgb, np.rot90(rgb))]
        assert np.allclose(*pair, atol=1e-6) == same
        assert pair[0].sum() == pytest.approx(1)


def test_other_rooms_get_predictions_through_the_command(cls_run: Path, coco_folder: Path) -> None:
    folder = coco_folder / "images"
    name = next(folder.rglob("*.png")).relative_to(folder).as_posix()
    found = predict_with_run(cls_run, folder, [name], min_score=0.0)
    assert [p.category_id for p in found.by_image[name]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--abstain", 1.5), "--abstain 1.5: not a probability; give 0 to 1"),
        (("--csv", "no/such/folder/a.csv"), "--csv no/such/folder/a.csv: its folder does not exist"),
        (("--min-score", 2), "--min-score 2.0: not a score"),
        (("--exported", "onnx"), "best.onnx: no such file; make it with train_cls export RUN --format onnx"),
    ],
)
def test_bad_flags_end_in_one_line(
    cls_run: Path,
    coco_folder: Path,
    arguments: tuple[object, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert predict(cls_run, coco_folder / "images", *arguments) == 2
    assert message in only_line(capsys)
