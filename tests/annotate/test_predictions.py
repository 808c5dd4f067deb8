import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from annotate.pictures import Picture, list_labelled
from annotate.predictions import (
    PredictError,
    by_picture,
    operating_score,
    predict_pictures,
    predict_with_run,
    read_predicted,
)
from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import write_coco, write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import RunConfig, RunSplit
from system.errors import InputError, OptionError
from system.json_file import write_json
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_picture
from tests.command import only_line, run_command
from training.new_run import create_run

FOUND = Prediction(7, 2, (10, 10, 20, 20), 0.9)


def coco_file(path: Path, *file_names: str) -> Path:
    """Images 7, 8, ... and the categories chip and dent."""
    images = [Image(7 + i, name, WIDTH, HEIGHT) for i, name in enumerate(file_names)]
    write_coco(path, CocoFile(images, [], [Category(1, "chip"), Category(2, "dent")]))
    return path


@pytest.mark.parametrize("said", ["sub/a.png", "elsewhere/a.png", "{root}/sub/a.png"])
def test_a_picture_is_known_by_its_path_or_its_name(tmp_path: Path, said: str) -> None:
    draw_picture(tmp_path / "sub/a.png")
    draw_picture(tmp_path / "b.png")
    found = by_picture(list_labelled(tmp_path), {7: said.format(root=tmp_path)}, [FOUND], Path("p.json"))
    assert found == {"sub/a.png": [FOUND]}


def test_a_name_that_two_pictures_have_is_not_guessed(tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.png"):
        draw_picture(tmp_path / name)
    pictures = list_labelled(tmp_path)
    assert by_picture(pictures, {7: "two/a.png"}, [FOUND], Path("p.json")) == {"two/a.png": [FOUND]}
    with pytest.raises(InputError, match="none of its images is in the folder"):
        by_picture(pictures, {7: "a.png"}, [FOUND], Path("p.json"))
    with pytest.raises(InputError, match="image_id 7 has no name; give its images with --coco"):
        by_picture(pictures, {}, [FOUND], Path("p.json"))
    assert by_picture(pictures, {}, [], Path("p.json")) == {}


def test_results_with_a_coco_file(tmp_path: Path) -> None:
    draw_picture(tmp_path / "pictures/a.png")
    pictures = list_labelled(tmp_path / "pictures")
    write_predictions(tmp_path / "found.json", [FOUND])
    coco = coco_file(tmp_path / "coco.json", "a.png")
    read = read_predicted(tmp_path / "found.json", coco, pictures)
    assert (read.by_picture, read.labels, read.model) == ({"a.png": [FOUND]}, {1: "chip", 2: "dent"}, "found")
    with pytest.raises(OptionError, match="does not say which image and category an id is; give --coco"):
        read_predicted(tmp_path / "found.json", None, pictures)
    write_predictions(tmp_path / "found.json", [Prediction(7, 9, (1, 1, 2, 2), 0.5)])
    with pytest.raises(InputError, match="category_id 9 is unknown"):
        read_predicted(tmp_path / "found.json", coco, pictures)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose dataset has one image a.png of id 7, without weights."""
    dataset = tmp_path / "dataset"
    (dataset / "annotations").mkdir(parents=True)
    draw_picture(dataset / "images/a.png")
    coco_file(dataset / "annotations/instances_test.json", "a.png")
    made = create_run(
        tmp_path / "runs", "det", "mine", RunConfig("det", str(dataset), {}), RunSplit("d", None, {})
    )
    return made.root


def test_results_in_a_run_need_no_more(run: Path, tmp_path: Path) -> None:
    draw_picture(tmp_path / "pictures/a.png")
    write_predictions(run / "predictions/test.json", [FOUND])
    read = read_predicted(run / "predictions/test.json", None, list_labelled(tmp_path / "pictures"))
    assert (read.by_picture, read.labels[2], read.model) == ({"a.png": [FOUND]}, "dent", "det/mine")


def test_results_of_a_cross_validation_are_of_images_of_any_split(run: Path, tmp_path: Path) -> None:
    draw_picture(tmp_path / "dataset/images/b.png")
    train = CocoFile([Image(8, "b.png", WIDTH, HEIGHT)], [], [Category(1, "chip"), Category(2, "dent")])
    write_coco(tmp_path / "dataset/annotations/instances_train.json", train)
    late = msgspec.structs.replace(FOUND, image_id=8)
    write_predictions(run / "predictions/test.json", [FOUND, late])
    read = read_predicted(run / "predictions/test.json", None, list_labelled(tmp_path / "dataset/images"))
    assert read.by_picture == {"a.png": [FOUND], "b.png": [late]}


def test_score_of_a_run_is_that_it_was_measured_with(run: Path) -> None:
    assert operating_score(run) == 0.25
    write_json(run / "metrics.json", {"operating_point": {"score_threshold": 0.4, "rule": "max-f1"}, "more": 1})
    assert operating_score(run) == 0.4


def fake_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """A module train_det that prints its arguments into `arguments` and then does `body`."""
    package = tmp_path / "fake/train_det"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(tmp_path / 'arguments')!r}).write_text(json.dumps(sys.argv[1:]))\n{body}\n"
    )
    monkeypatch.chdir(tmp_path / "fake")


def test_a_run_predicts_by_its_own_trainer_as_a_process(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = draw_picture(tmp_path / "pictures/b ü.png")
    fake_trainer(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        f"listed = [{{'id': 1, 'file_name': {str(name)!r}, 'width': 80, 'height': 60}}]\n"
        "out.with_suffix('.images.json').write_text(json.dumps(listed))\n"
        "out.write_text(json.dumps([{'image_id': 1, 'category_id': 2, 'bbox': [1, 2, 3, 4], 'score': 0.5}]))",
    )
    draw_picture(tmp_path / "pictures/unasked.png")
    wanted = [Picture(tmp_path / "pictures", "b ü.png", labelled=False)]
    found = predict_with_run(run, wanted, 0.3)
    assert found.by_picture == {"b ü.png": [Prediction(1, 2, (1, 2, 3, 4), 0.5)]}
    assert (found.labels[2], found.model) == ("dent", "det/mine")
    arguments = json.loads((tmp_path / "arguments").read_text())
    assert arguments[:4] == ["predict", str(run), str(name), "--out"]
    assert arguments[-2:] == ["--min-score", "0.3"]
    assert "train_det" not in sys.modules or "fake" not in str(sys.modules["train_det"])


def test_a_trainer_that_fails_is_told_in_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw_picture(tmp_path / "pictures/a.png")
    fake_trainer(tmp_path, monkeypatch, "sys.exit('train_det: no weights there')")
    with pytest.raises(PredictError, match=r"train_det predict failed .*no weights there"):
        predict_with_run(run, list_labelled(tmp_path / "pictures"))


def test_thousands_of_pictures_are_named_by_their_folder_and_only_those_asked_for_are_told(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [draw_picture(tmp_path / "pictures" / folder / "a.png") for folder in ("one", "two", "three")]
    listed = [{"id": i, "file_name": str(name), "width": 80, "height": 60} for i, name in enumerate(names)]
    found = [{"image_id": i, "category_id": 1, "bbox": [i, 2, 3, 4], "score": 0.5} for i in range(3)]
    fake_trainer(
        tmp_path,
        monkeypatch,
        "out = pathlib.Path(sys.argv[sys.argv.index('--out') + 1])\n"
        f"out.with_suffix('.images.json').write_text(json.dumps({listed}))\n"
        f"out.write_text(json.dumps({found}))",
    )
    monkeypatch.setattr("annotate.predictions.MOST_NAMED", 1)
    pictures = [p for p in list_labelled(tmp_path / "pictures") if p.name != "one/a.png"]
    told = predict_pictures(run, pictures)
    assert json.loads((tmp_path / "arguments").read_text())[2] == str(tmp_path / "pictures")
    assert {name: [p.bbox[0] for p in mine] for name, mine in told.items()} == {
        "two/a.png": [1],
        "three/a.png": [2],
    }


def test_no_picture_starts_no_trainer(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_trainer(tmp_path, monkeypatch, "sys.exit('started')")
    assert predict_with_run(run, []).by_picture == {}


def test_a_dataset_that_moved_is_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dataset").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="is not there; say where with --dataset DIR"):
        predict_with_run(run, [])
    assert predict_with_run(run, [], dataset=tmp_path / "moved").labels == {1: "chip", 2: "dent"}
    write_predictions(run / "predictions/test.json", [FOUND])
    pictures = tmp_path / "moved/images"
    command = ("annotate", "propose", pictures, "--predictions", run / "predictions/test.json")
    assert run_command(*command) == 2
    assert "say where with --coco DATASET" in only_line(capsys)
    assert run_command(*command, "--coco", tmp_path / "moved") == 0
    (shape,) = json.loads((pictures / "a.json").read_text())["shapes"]
    assert (shape["label"], shape["description"]) == ("dent", "score=0.900 model=det/mine")


def test_command_with_results_a_threshold_and_only_new_pictures(
    folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = folder(a=None, b=[box("chip", 40, 40, 50, 50)])
    coco = coco_file(tmp_path / "coco.json", "a.png", "b.png")
    weak = Prediction(7, 1, (50, 30, 10, 10), 0.3)
    write_predictions(tmp_path / "found.json", [FOUND, weak, Prediction(8, 2, (10, 10, 20, 20), 0.8)])
    options = ("--predictions", tmp_path / "found.json", "--coco", coco)
    assert run_command("annotate", "propose", root, *options, "--min-score", 0.5, "--new") == 0
    assert [s["label"] for s in json.loads((root / "a.json").read_text())["shapes"]] == ["dent"]
    assert len(json.loads((root / "b.json").read_text())["shapes"]) == 1
    assert run_command("annotate", "propose", root, *options) == 0
    assert [len(json.loads((root / n).read_text())["shapes"]) for n in ("a.json", "b.json")] == [2, 2]
    capsys.readouterr()
    for wrong in (
        [],
        [*options, "--from", root],
        [*options, "--min-score", "2"],
        [*options, "--tolerance", "-1"],
        [*options, "--only", "c.png"],
        [*options, "--weights", "resnet18.pt"],
        ["--from", root, "--coco", coco],
    ):
        assert run_command("annotate", "propose", root, *wrong) == 2
        only_line(capsys)


def test_only_one_picture_or_those_of_a_list(folder: Callable[..., Path], tmp_path: Path) -> None:
    root = folder(a=None, b=None, c=None)
    coco = coco_file(tmp_path / "coco.json", "a.png", "b.png", "c.png")
    write_predictions(tmp_path / "found.json", [msgspec.structs.replace(FOUND, image_id=i) for i in (7, 8, 9)])
    command = ("annotate", "propose", root, "--predictions", tmp_path / "found.json", "--coco", coco)
    assert run_command(*command, "--only", "b.png") == 0
    assert [p.name for p in root.glob("*.json")] == ["b.json"]
    (tmp_path / "list.txt").write_text("c.png\n")
    assert run_command(*command, "--only", tmp_path / "list.txt") == 0
    assert sorted(p.name for p in root.glob("*.json")) == ["b.json", "c.json"]


def test_names_of_a_folder_as_dataset(tmp_path: Path, coco_folder: Path) -> None:
    data = load_dataset(coco_folder)
    image = data.splits["train"].images[0]
    write_predictions(tmp_path / "p.json", [Prediction(image.id, 1, (1, 1, 5, 5), 0.9)])
    pictures = [Picture(coco_folder / "images", image.file_name, labelled=False)]
    assert list(read_predicted(tmp_path / "p.json", coco_folder, pictures).by_picture) == [image.file_name]
