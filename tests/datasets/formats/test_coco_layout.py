from pathlib import Path

import pytest

from datasets.formats.coco_layout import find_coco_parts, looks_like_coco, split_of_name
from system.errors import InputError, OptionError
from tests.foreign_coco import annotation, coco_json, image


def coco_at(path: Path) -> Path:
    return coco_json(path, [image(1, "a.png")], [annotation(1, 1)])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train", "train"),
        ("instances_train2017", "train"),
        ("instances_val2017", "val"),
        ("valid", "val"),
        ("Validation", "val"),
        ("image_info_test-dev2017", "test"),
        ("defects_test_v2", "test"),
        ("instances_default", None),
        ("result", None),
        ("constraint", None),
        ("latest", None),
    ],
)
def test_names_state_splits_word_by_word(name: str, split: str | None) -> None:
    assert split_of_name(name) == split


LAYOUTS = {
    "COCO 2017": (
        ["annotations/instances_train2017.json", "annotations/instances_val2017.json",
         "annotations/person_keypoints_train2017.json", "annotations/captions_train2017.json",
         "annotations/image_info_test2017.json", "annotations/image_info_train2017.json"],
        {"annotations/instances_train2017.json": "train", "annotations/instances_val2017.json": "val",
         "annotations/image_info_test2017.json": "test"},
    ),
    "key points": (
        ["annotations/person_keypoints_train.json", "annotations/person_keypoints_val.json",
         "annotations/stuff_train.json"],
        {"annotations/person_keypoints_train.json": "train", "annotations/person_keypoints_val.json": "val"},
    ),
    "CVAT": (["annotations/instances_default.json"], {"annotations/instances_default.json": None}),
    "CVAT subsets": (
        ["annotations/instances_Train.json", "annotations/instances_Validation.json"],
        {"annotations/instances_Train.json": "train", "annotations/instances_Validation.json": "val"},
    ),
    "Roboflow": (
        [f"{split}/_annotations.coco.json" for split in ("train", "valid", "test")],
        {"train/_annotations.coco.json": "train", "valid/_annotations.coco.json": "val",
         "test/_annotations.coco.json": "test"},
    ),
    "Label Studio": (["result.json"], {"result.json": None}),
    "FiftyOne": (["labels.json"], {"labels.json": None}),
    "FiftyOne by split": (
        ["train/labels.json", "test/labels.json"], {"train/labels.json": "train", "test/labels.json": "test"}
    ),
    "any names": (["a.json", "b.json"], {"a.json": None, "b.json": None}),
    "any names by split": (["my_train.json", "my_val.json"], {"my_train.json": "train", "my_val.json": "val"}),
}  # fmt: skip


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_layouts_of_other_tools(tmp_path: Path, layout: str) -> None:
    files, expected = LAYOUTS[layout]
    for name in files:
        coco_at(tmp_path / name)
    (tmp_path / "dataset.json").write_text('{"format": "x", "counts": {}}')
    assert looks_like_coco(tmp_path)
    parts = find_coco_parts(tmp_path)
    assert {part.file.relative_to(tmp_path).as_posix(): part.split for part in parts} == expected
    splits = [part.split for part in parts]
    assert splits == sorted(splits, key=["train", "val", "test", None].index)


def test_one_file_and_files_by_option(tmp_path: Path) -> None:
    one, two = coco_at(tmp_path / "a.json"), coco_at(tmp_path / "b.json")
    assert [(p.file, p.split) for p in find_coco_parts(one)] == [(one, None)]
    parts = find_coco_parts(tmp_path, ["train=a.json", f"valid={two}"])
    assert [(p.file, p.split) for p in parts] == [(one, "train"), (two, "val")]


@pytest.mark.parametrize("text", ["train", "train=", "=a.json", "dev=a.json", "train=none.json"])
def test_wrong_options_are_refused(tmp_path: Path, text: str) -> None:
    coco_at(tmp_path / "a.json")
    with pytest.raises(OptionError, match="--splits"):
        find_coco_parts(tmp_path, [text])


def test_other_files_than_exports_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"shapes": [], "imagePath": "a.png"}')
    (tmp_path / "results.json").write_text('[{"image_id": 1, "bbox": [1, 2, 3, 4]}]')
    assert not looks_like_coco(tmp_path)
    with pytest.raises(InputError, match="no COCO file"):
        find_coco_parts(tmp_path)
    with pytest.raises(InputError, match="no such file or folder"):
        find_coco_parts(tmp_path / "none")


def test_files_of_which_only_some_name_a_split_are_refused(tmp_path: Path) -> None:
    coco_at(tmp_path / "train.json")
    coco_at(tmp_path / "other.json")
    with pytest.raises(InputError, match=r"other\.json contains no split, .* --splits train=other\.json"):
        find_coco_parts(tmp_path)


def test_a_damaged_coco_file_is_found_and_reported(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text('{"images": [], "annotations": [{"area": NaN}]}')
    assert [part.file.name for part in find_coco_parts(tmp_path)] == ["c.json"]
