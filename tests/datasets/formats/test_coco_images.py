import unicodedata
from pathlib import Path

import pytest

from datasets.formats.coco_images import ending_of_content, find_image, image_folders, plain_name
from datasets.formats.coco_layout import find_coco_parts
from tests.foreign_coco import annotation, coco_json, draw, image


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("a/b.png", "a/b.png"),
        ("images\\1/x.png", "images/1/x.png"),
        ("C:\\data\\x.png", "data/x.png"),
        ("/data/upload/1/x.png", "data/upload/1/x.png"),
        ("s3://bucket/a/x.png", "a/x.png"),
        ("../../etc/passwd", "etc/passwd"),
        ("./a//x.png", "a/x.png"),
        ("..", ""),
    ],
)
def test_names_of_other_systems(written: str, plain: str) -> None:
    assert plain_name(written) == plain


FOUND = {  # file_name -> file on disk, COCO file: layouts of the tools named in docs/formats.md
    "beside the file": ("a.png", "a.png", "c.json"),
    "our dataset folder": ("x/a.png", "images/x/a.png", "annotations/instances_train.json"),
    "COCO 2017": ("a.png", "train2017/a.png", "annotations/instances_train2017.json"),
    "MMDetection, Datumaro": ("a.png", "images/train/a.png", "annotations/instances_train.json"),
    "CVAT": ("a.png", "images/default/a.png", "annotations/instances_default.json"),
    "CVAT with the subset in the name": (
        "default/a.png", "images/default/a.png", "annotations/instances_default.json"
    ),
    "Roboflow": ("a.rf.1b.jpg", "valid/a.rf.1b.jpg", "valid/_annotations.coco.json"),
    "FiftyOne": ("a.png", "data/a.png", "labels.json"),
    "Label Studio on Windows": ("images\\a.png", "images/a.png", "result.json"),
    "Label Studio with a project": ("images\\1/a.png", "images/a.png", "result.json"),
    "Label Studio, local files": ("/data/upload/3/a.png", "images/a.png", "result.json"),
    "other Unicode form": (
        unicodedata.normalize("NFC", "größe.png"), unicodedata.normalize("NFD", "größe.png"), "c.json"
    ),
    "ending left out": ("part_1", "part_1.png", "c.json"),
    "no ending at all": ("part_1", "part_1", "c.json"),
}  # fmt: skip


@pytest.mark.parametrize("case", list(FOUND))
def test_images_are_found_where_tools_put_them(tmp_path: Path, case: str) -> None:
    file_name, path, coco = FOUND[case]
    draw(tmp_path / path, kind="PNG")
    file = coco_json(tmp_path / coco, [image(1, file_name)], [annotation(1, 1)])
    for root in (tmp_path, file):
        (part,) = find_coco_parts(root)
        found = find_image(image_folders(part, root, None), file_name)
        assert found is not None
        assert found.path == tmp_path / path
        assert found.moved == (case in {"Label Studio with a project", "Label Studio, local files",
                                        "other Unicode form", "ending left out"})  # fmt: skip


def test_the_whole_name_comes_before_shorter_ones(tmp_path: Path) -> None:
    draw(tmp_path / "images/a.png")
    draw(tmp_path / "images/1/a.png")
    folders = [tmp_path / "images"]
    found = [find_image(folders, name) for name in ("1/a.png", "2/a.png", "b.png")]
    assert [f and f.path.relative_to(tmp_path).as_posix() for f in found] == [
        "images/1/a.png",
        "images/a.png",
        None,
    ]


def test_a_given_folder_is_the_only_one(tmp_path: Path) -> None:
    draw(tmp_path / "c/a.png")
    draw(tmp_path / "other/train/a.png")
    file = coco_json(tmp_path / "c/train.json", [image(1, "a.png")], [])
    (part,) = find_coco_parts(file)
    found = find_image(image_folders(part, file, tmp_path / "other"), "a.png")
    assert found is not None
    assert found.path == tmp_path / "other/train/a.png"


def test_nothing_outside_is_reached(tmp_path: Path) -> None:
    draw(tmp_path / "secret.png")
    (tmp_path / "c").mkdir()
    assert find_image([tmp_path / "c"], "../secret.png") is None
    assert find_image([tmp_path / "c"], str(tmp_path / "secret.png")) is None
    assert find_image([tmp_path / "c"], "x" * 5000) is None


@pytest.mark.parametrize(
    ("kind", "ending"), [("PNG", ".png"), ("JPEG", ".jpg"), ("BMP", ".bmp"), ("TIFF", ".tif")]
)
def test_the_ending_follows_the_content(tmp_path: Path, kind: str, ending: str) -> None:
    assert ending_of_content(draw(tmp_path / "a", kind=kind)) == ending
    (tmp_path / "b").write_text("text")
    assert ending_of_content(tmp_path / "b") is None


def test_an_image_of_another_split_or_type_is_another_image(tmp_path: Path) -> None:
    for name in ("train/a.png", "val/b.png", "crack/c.png", "dent/d.png", "d.png"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).touch()
    folders = [tmp_path / "annotations", tmp_path / "images", tmp_path / "images/train"]
    assert find_image(folders, "val/a.png") is None
    assert find_image(folders, "test/a.png") is None  # there is no such folder, but it is another split
    assert find_image(folders, "crack/d.png") is None
    moved = find_image(folders, "upload/1/a.png")
    assert moved is not None
    assert (moved.path, moved.moved) == (tmp_path / "images/train/a.png", True)
    whole = find_image(folders, "dent/d.png")
    assert whole is not None
    assert not whole.moved
