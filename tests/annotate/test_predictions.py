import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from annotate.folder_images import FolderImage, list_folder_images
from annotate.predictions import predictions_by_image, read_named_predictions
from datasets.coco import Category, CocoFile, Image, Prediction
from datasets.formats.coco_file import write_coco, write_predictions
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.members import select_images
from evaluate.run_folder import RunConfig, RunSplit
from system.errors import InputError, OptionError
from tests.annotate.conftest import HEIGHT, WIDTH, box, draw_image
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.restarting_ids import restart_ids
from training.new_run import create_run, run_split

FOUND = Prediction(7, 2, (10, 10, 20, 20), 0.9)


def coco_file(path: Path, *file_names: str) -> Path:
    """Images 7, 8, ... and the categories chip and dent."""
    images = [Image(7 + i, name, WIDTH, HEIGHT) for i, name in enumerate(file_names)]
    write_coco(path, CocoFile(images, [], [Category(1, "chip"), Category(2, "dent")]))
    return path


@pytest.mark.parametrize("file_name", ["sub/a.png", "elsewhere/a.png", "{root}/sub/a.png"])
def test_a_image_is_known_by_its_path_or_its_name(tmp_path: Path, file_name: str) -> None:
    draw_image(tmp_path / "sub/a.png")
    draw_image(tmp_path / "b.png")
    by_name = predictions_by_image(
        list_folder_images(tmp_path), {7: file_name.format(root=tmp_path)}, [FOUND], Path("p.json")
    )
    assert by_name == {"sub/a.png": [FOUND]}


def test_a_name_that_two_images_have_is_not_guessed(tmp_path: Path) -> None:
    for name in ("one/a.png", "two/a.png"):
        draw_image(tmp_path / name)
    images = list_folder_images(tmp_path)
    assert predictions_by_image(images, {7: "two/a.png"}, [FOUND], Path("p.json")) == {"two/a.png": [FOUND]}
    with pytest.raises(InputError, match="none of its images is in the folder"):
        predictions_by_image(images, {7: "a.png"}, [FOUND], Path("p.json"))
    with pytest.raises(InputError, match="image_id 7 has no name; give its images with --coco"):
        predictions_by_image(images, {}, [FOUND], Path("p.json"))
    assert predictions_by_image(images, {}, [], Path("p.json")) == {}


def test_a_name_that_two_images_of_the_dataset_have_is_not_guessed(tmp_path: Path) -> None:
    """good/a.png and dent/a.png were predicted; the folder has one a.png, or only one of the two."""
    draw_image(tmp_path / "flat/a.png")
    draw_image(tmp_path / "flat/b.png")
    names, found = (
        {7: "good/a.png", 8: "dent/a.png", 9: "dent/b.png"},
        [FOUND, msgspec.structs.replace(FOUND, image_id=9)],
    )
    read = predictions_by_image(list_folder_images(tmp_path / "flat"), names, found, Path("p.json"))
    assert read == {"b.png": found[1:]}
    draw_image(tmp_path / "part/dent/a.png")
    images = list_folder_images(tmp_path / "part")
    of_dent = msgspec.structs.replace(FOUND, image_id=8)
    assert predictions_by_image(images, names, [FOUND, of_dent], Path("p.json")) == {"dent/a.png": [of_dent]}
    with pytest.raises(InputError, match="none of its images is in the folder"):
        predictions_by_image(images, {7: "good/a.png"}, [FOUND], Path("p.json"), ["good/a.png", "dent/a.png"])


def test_results_with_a_coco_file(tmp_path: Path) -> None:
    draw_image(tmp_path / "images/a.png")
    images = list_folder_images(tmp_path / "images")
    write_predictions(tmp_path / "found.json", [FOUND])
    coco = coco_file(tmp_path / "coco.json", "a.png")
    read = read_named_predictions(tmp_path / "found.json", coco, images)
    assert (read.by_image, read.labels, read.model) == ({"a.png": [FOUND]}, {1: "chip", 2: "dent"}, "found")
    with pytest.raises(OptionError, match="does not name the images and categories of its ids; give --coco"):
        read_named_predictions(tmp_path / "found.json", None, images)
    write_predictions(tmp_path / "found.json", [Prediction(7, 9, (1, 1, 2, 2), 0.5)])
    with pytest.raises(InputError, match="unknown category_id 9"):
        read_named_predictions(tmp_path / "found.json", coco, images)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder whose dataset has one image a.png of id 7, without weights."""
    dataset = tmp_path / "dataset"
    (dataset / "annotations").mkdir(parents=True)
    draw_image(dataset / "images/a.png")
    coco_file(dataset / "annotations/instances_test.json", "a.png")
    made = create_run(
        tmp_path / "runs", "det", "mine", RunConfig("det", str(dataset), {}), RunSplit("d", None, {})
    )
    return made.root


def test_results_in_a_run_need_no_more(run: Path, tmp_path: Path) -> None:
    draw_image(tmp_path / "images/a.png")
    write_predictions(run / "predictions/test.json", [FOUND])
    read = read_named_predictions(run / "predictions/test.json", None, list_folder_images(tmp_path / "images"))
    assert (read.by_image, read.labels[2], read.model) == ({"a.png": [FOUND]}, "dent", "det/mine")


def test_results_of_a_cross_validation_are_of_images_of_any_split(run: Path, tmp_path: Path) -> None:
    draw_image(tmp_path / "dataset/images/b.png")
    train = CocoFile([Image(8, "b.png", WIDTH, HEIGHT)], [], [Category(1, "chip"), Category(2, "dent")])
    write_coco(tmp_path / "dataset/annotations/instances_train.json", train)
    late = msgspec.structs.replace(FOUND, image_id=8)
    write_predictions(run / "predictions/test.json", [FOUND, late])
    read = read_named_predictions(
        run / "predictions/test.json", None, list_folder_images(tmp_path / "dataset/images")
    )
    assert read.by_image == {"a.png": [FOUND], "b.png": [late]}


def test_a_dataset_that_moved_is_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dataset").rename(tmp_path / "moved")
    write_predictions(run / "predictions/test.json", [FOUND])
    images = tmp_path / "moved/images"
    command = ("annotate", "propose", images, "--predictions", run / "predictions/test.json")
    assert run_command(*command) == 2
    assert "give its new location with --coco DATASET" in only_line(capsys)
    assert run_command(*command, "--coco", tmp_path / "moved") == 0
    (shape,) = json.loads((images / "a.json").read_text())["shapes"]
    assert (shape["label"], shape["description"]) == ("dent", "score=0.900 model=det/mine")


def test_command_with_results_a_threshold_and_only_new_images(
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


def test_only_one_image_or_those_of_a_list(folder: Callable[..., Path], tmp_path: Path) -> None:
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
    images = [FolderImage(coco_folder / "images", image.file_name, labelled=False)]
    assert list(read_named_predictions(tmp_path / "p.json", coco_folder, images).by_image) == [image.file_name]


def test_results_of_a_run_on_a_dataset_with_restarting_ids(tmp_path: Path) -> None:
    sizes = [(40 + 4 * n, 60) for n in range(6)]
    dataset = load_dataset(restart_ids(odd_folder(tmp_path / "odd", sizes)))  # train 0 to 2, val 3, test 4 and 5
    images = list_folder_images(dataset.root / "images")
    for split, names in {"test": ["5.png"], "val": ["3.png", "0.png"]}.items():
        config = RunConfig("seg", str(dataset.root), {})
        run = create_run(tmp_path, "seg", "odd", config, run_split(dataset, {split: names}))
        truth = select_images(dataset, {split: names})[split]
        results = [Prediction(i.id, 1, (n, 0, 9, 9), 0.9) for n, i in enumerate(truth.images)]
        write_predictions(run.predictions(split), results)
        found = read_named_predictions(run.predictions(split), None, images)
        assert {name: p.bbox[0] for name, [p] in found.by_image.items()} == {n: i for i, n in enumerate(names)}
    foreign = tmp_path / "results.json"
    write_predictions(foreign, [Prediction(1, 1, (0, 0, 9, 9), 0.9)])
    with pytest.raises(InputError, match=r"give the file of one split, such as --coco .*instances_train\.json"):
        read_named_predictions(foreign, dataset.root, images)
    named = read_named_predictions(foreign, dataset.root / "annotations/instances_test.json", images)
    assert list(named.by_image) == ["5.png"]
