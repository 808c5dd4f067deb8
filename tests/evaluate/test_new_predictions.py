"""New images predicted by a run: its trainer is replaced by a small package that records how it was called."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import write_coco
from evaluate.new_predictions import PredictError, predict_images, predict_with_run
from evaluate.operating import operating_score
from evaluate.run_folder import RunConfig, RunSplit, load_run
from system.child_process import module_command
from system.errors import InputError
from system.json_file import write_json
from training.new_run import create_run

HEIGHT, WIDTH = 60, 80


def draw_image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(np.full((HEIGHT, WIDTH, 3), 128, np.uint8)).save(path)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder without weights whose dataset has the types chip and dent."""
    dataset = tmp_path / "dataset"
    draw_image(dataset / "images/a.png")
    (dataset / "annotations").mkdir()
    content = CocoFile([Image(7, "a.png", WIDTH, HEIGHT)], [], [Category(1, "chip"), Category(2, "dent")])
    write_coco(dataset / "annotations/instances_test.json", content)
    config = RunConfig("det", str(dataset), {})
    return create_run(tmp_path / "runs", "det", "mine", config, RunSplit("d", None, {})).root


def fake_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A module train_det that writes its arguments to the file `arguments` and then executes `body`."""
    package = tmp_path / "fake/train_det"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'arguments')!r}).write_text(json.dumps(sys.argv[1:]))\n{body}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "fake"))
    monkeypatch.setattr("evaluate.new_predictions.module_command", module_command)  # a process of its own


def test_a_run_predicts_by_its_own_trainer_as_a_process(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = draw_image(tmp_path / "new/b ü.png")
    fake_trainer(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        f"listed = [{{'id': 1, 'file_name': {str(path)!r}, 'width': 80, 'height': 60}}]\n"
        "out.with_suffix('.images.json').write_text(json.dumps(listed))\n"
        "out.write_text(json.dumps([{'image_id': 1, 'category_id': 2, 'bbox': [1, 2, 3, 4], 'score': 0.5}]))",
    )
    draw_image(tmp_path / "new/unasked.png")
    predicted = predict_with_run(run, tmp_path / "new", ["b ü.png"], min_score=0.3)
    assert predicted.by_image == {"b ü.png": [Prediction(1, 2, (1, 2, 3, 4), 0.5)]}
    assert (predicted.labels[2], predicted.model) == ("dent", "det/mine")
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert arguments[:4] == ["predict", str(run), str(path), "--out"]
    assert arguments[-2:] == ["--min-score", "0.3"]
    assert "train_det" not in sys.modules or "fake" not in str(sys.modules["train_det"])


def test_a_trainer_that_fails_is_reported_in_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_image(tmp_path / "new/a.png")
    fake_trainer(tmp_path, monkeypatch, "sys.exit('train_det: no weights there')")
    with pytest.raises(PredictError, match=r"train_det predict failed .*no weights there"):
        predict_with_run(run, tmp_path / "new", ["a.png"])


def test_thousands_of_images_are_passed_as_a_folder_and_only_the_requested_ones_returned(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [draw_image(tmp_path / "new" / folder / "a.png") for folder in ("one", "two", "three")]
    listed = [{"id": i, "file_name": str(path), "width": 80, "height": 60} for i, path in enumerate(paths)]
    predictions = [{"image_id": i, "category_id": 1, "bbox": [i, 2, 3, 4], "score": 0.5} for i in range(3)]
    fake_trainer(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        f"out.with_suffix('.images.json').write_text(json.dumps({listed}))\n"
        f"out.write_text(json.dumps({predictions}))",
    )
    monkeypatch.setattr("evaluate.new_predictions.MAX_NAMED_IMAGES", 1)
    predicted = predict_images(run, tmp_path / "new", ["three/a.png", "two/a.png"])
    assert json.loads((tmp_path / "arguments").read_text())[2] == str(tmp_path / "new")
    assert {name: [p.bbox[0] for p in of_image] for name, of_image in predicted.items()} == {
        "two/a.png": [1],
        "three/a.png": [2],
    }


def test_no_image_starts_no_trainer(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_trainer(tmp_path, monkeypatch, "sys.exit('started')")
    assert predict_with_run(run, tmp_path, []).by_image == {}


def test_a_dataset_that_moved_is_named(run: Path, tmp_path: Path) -> None:
    (tmp_path / "dataset").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="does not exist; give its new location with --dataset DIR"):
        predict_with_run(run, tmp_path, [])
    assert predict_with_run(run, tmp_path, [], dataset=tmp_path / "moved").labels == {1: "chip", 2: "dent"}


def test_score_of_a_run_is_that_it_was_measured_with(run: Path) -> None:
    assert operating_score(load_run(run)) == 0.25
    assert operating_score(load_run(run), 0.7) == 0.7
    write_json(run / "metrics.json", {"operating_point": {"score_threshold": 0.4, "rule": "max-f1"}, "more": 1})
    assert operating_score(load_run(run), 0.7) == 0.4
    write_json(run / "metrics.json", {"operating_point": {"rule": "max-f1"}})
    with pytest.raises(InputError, match="score_threshold"):
        operating_score(load_run(run))
