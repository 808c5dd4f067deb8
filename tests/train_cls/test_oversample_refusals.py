"""Which commands refuse a dataset with oversampled images, and what `oversample` refuses, each in one line."""

import shutil
from pathlib import Path

import pytest
from PIL import Image as PilImage

from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import load_run, read_split
from tests.command import only_line, run_command
from tests.odd_datasets import DENT, SCRATCH, odd_folder
from tests.train_cls.conftest import SMALL

TRAIN = ("train",) * 6


@pytest.fixture(scope="module")
def done(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("done") / "new"
    arguments = ("--method", "smote", "--per-type", 9, "--imgsz", 32)
    assert run_command("train_cls", "oversample", coco_folder, dest, *arguments) == 0
    return dest


def test_fit_trains_on_it(done: Path, coco_folder: Path, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert run_command("train_cls", "fit", done, *SMALL, "--epochs", 1, "--runs", runs) == 0
    split = read_split(load_run(runs / "cls" / done.name)).images
    assert sum(name.startswith("oversample/") for name in split["train"]) == 15
    assert split["test"] == [i.file_name for i in load_dataset(coco_folder).splits["test"].images]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("datasets", "split"), "shows pixels of other images, which may be in another split"),
        (("datasets", "paste", "--count", 1), "must not be pasted onto again"),
        (("datasets", "longtail", "--ratio", 2), "cut the dataset that it was made from"),
        (("train_cls", "oversample", "--per-type", 99), "oversample the dataset that it was made from"),
    ],
)
def test_it_is_not_split_or_changed_again(
    command: tuple[str, ...], message: str, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room, verb, *arguments = command
    assert run_command(room, verb, done, tmp_path / "again", *arguments) == 2
    assert message in only_line(capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train_cls", "--folds", 2, *SMALL), "shows pixels of other images"),
        (("train_cls", "--balance", "deepsmote", *SMALL), "must not be parents"),
        (("train_det", "--weights", "none"), "shows a type of defect but not where it is"),
        (("train_seg",), "shows a type of defect but not where it is"),
        (("train_det", "--folds", 2, "--weights", "none"), "shows pixels of other images"),
    ],
)
def test_folds_and_trainings_of_boxes_are_refused(
    arguments: tuple[object, ...], message: str, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, *flags = arguments
    assert run_command(str(command), "fit", done, *flags, "--runs", tmp_path / "runs") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--per-type", 0), "--per-type 0: not a number of images"),
        (("--per-type", 9, "--seed", -1), "--seed -1: is negative"),
        (("--per-type", 9, "--codec-imgsz", 40), "--codec-imgsz 40: not a value it takes; give a whole number"),
        (("--per-type", 9, "--codec-steps", 0), "--codec-steps 0: not a value it takes"),
        (("--per-type", 9, "--imgsz", 64), "--imgsz 64: is for --method smote only"),
        (("--per-type", 9, "--method", "smote", "--imgsz", 7), "--imgsz 7: not a side in pixels"),
        (("--per-type", 9, "--method", "paste", "--codec-steps", 9), "--codec-steps 9: is for --method deepsmote"),
        (("--per-type", 2), "no type with 2 or more training images has fewer than 2 (good"),
        (("--per-type", 2, "--method", "paste"), "no type with 1 or more training images has fewer than 2"),
    ],
)
def test_bad_options_end_in_one_line(
    coco_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[object, ...],
    message: str,
) -> None:
    assert run_command("train_cls", "oversample", coco_folder, tmp_path / "new", *arguments) == 2
    assert message in only_line(capsys)
    assert not list(tmp_path.iterdir())


def test_bad_folders_end_in_one_line(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    tested = odd_folder(tmp_path / "tested", ((24, 24),) * 2, good=(0,), splits=("test", "test"))
    for source, dest, message in (
        (tmp_path / "absent", tmp_path / "new", "no such folder"),
        (coco_folder, coco_folder / "inside", "inside each other"),
        (coco_folder, tmp_path / "full", "not empty"),
        (tested, tmp_path / "new", "the split train has no image"),
    ):
        for method in ("smote", "paste"):
            arguments = ("--method", method, "--per-type", 9)
            assert run_command("train_cls", "oversample", source, dest, *arguments) == 2
            assert message in only_line(capsys)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("method", ["deepsmote", "smote"])
def test_one_image_of_each_type_is_refused(
    method: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lone = odd_folder(tmp_path / "lone", ((32, 32),) * 3, good=(2,), splits=("train",) * 3)
    arguments = ("--method", method, "--per-type", 4)
    assert run_command("train_cls", "oversample", lone, tmp_path / "new", *arguments) == 2
    assert "no type with 2 or more training images has fewer than 4 (good 1, dent 1, scratch 1)" in only_line(
        capsys
    )


def test_a_type_with_one_image_gets_none_and_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    categories = (DENT, SCRATCH)
    root = odd_folder(tmp_path / "data", ((32, 32),) * 6, good=(1, 3), categories=categories, splits=TRAIN)
    arguments = ("--method", "smote", "--per-type", 4, "--imgsz", 32)
    assert run_command("train_cls", "oversample", root, tmp_path / "new", *arguments) == 0
    captured = capsys.readouterr()
    assert "scratch has 1 training image: no new one is made" in captured.err
    rows = {line.split()[0]: line.split()[1:] for line in captured.out.splitlines() if len(line.split()) == 3}
    assert (rows["good"], rows["dent"], rows["scratch"]) == (["2", "2"], ["3", "1"], ["1", "0"])


@pytest.mark.parametrize("good", [(), (0, 1, 2, 3, 4, 5)])
def test_one_type_only(good: tuple[int, ...], tmp_path: Path) -> None:
    root = odd_folder(tmp_path / "data", ((32, 32),) * 6, good=good, categories=(DENT,), splits=TRAIN)
    arguments = ("--per-type", 8, "--codec-imgsz", 32, "--codec-steps", 2)
    assert run_command("train_cls", "oversample", root, tmp_path / "new", *arguments) == 0
    train = load_dataset(tmp_path / "new").splits["train"]
    assert (len(train.images), len(train.annotations)) == (8, 0 if good else 8)


@pytest.mark.parametrize("method", ["deepsmote", "smote", "paste"])
def test_a_damaged_training_image_leaves_nothing(
    method: str, coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Path(shutil.copytree(coco_folder, tmp_path / "broken"))
    for image in load_dataset(broken).splits["train"].images:
        (broken / "images" / image.file_name).write_bytes(b"no image")
    arguments = ("--method", method, "--per-type", 9)
    assert run_command("train_cls", "oversample", broken, tmp_path / "new", *arguments) == 2
    assert "cannot be read as an image" in only_line(capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


@pytest.mark.parametrize("command", ["coco2yolo", "coco2labelme"])
def test_its_boxes_of_whole_images_do_not_reach_other_formats(
    command: str, done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("convert", command, done, tmp_path / "d") == 2
    assert "oversample/0000.png shows a type of defect but not where it is" in only_line(capsys)
    assert not list(tmp_path.iterdir())


def test_the_check_does_not_take_the_images_for_near_duplicates(done: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(done, tmp_path / "copy"))
    parent = next(
        i for i in load_dataset(root).splits["train"].images if not i.file_name.startswith("oversample/")
    )
    with PilImage.open(root / "images" / parent.file_name) as image:
        almost = image.copy()
    almost.putpixel((0, 0), (1, 2, 3))
    almost.save(root / "images/oversample/0000.png")

    def near() -> list[str]:
        findings = check(root, Limits(), jobs=1).findings
        return [f.code for f in findings if "near" in f.code and "oversample/0000" in f.file + f.value]

    assert near() == []
    (root / "dataset.json").unlink()  # another program's folder may be called oversample, too
    assert near() == ["near-duplicate-picture"]
