import json

import pytest

from datasets.coco import Annotation, Category, CocoFile, Image, Prediction, Rle
from datasets.formats.coco_file import read_coco, read_predictions, write_coco, write_predictions
from system.errors import InputError

GOOD = {
    "images": [{"id": 1, "file_name": "a/b.png", "width": 10, "height": 8, "license": 3}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 2,
            "bbox": [1, 2, 3, 4],
            "area": 12.0,
            "segmentation": [[1, 2, 4, 2, 4, 6]],
        }
    ],
    "categories": [{"id": 2, "name": "scratch"}],
}


def changed(path: str, value: object) -> dict:
    content = json.loads(json.dumps(GOOD))
    *parents, last = path.split(".")
    target = content
    for part in parents:
        target = target[int(part)] if part.isdigit() else target[part]
    target[last] = value
    return content


def test_read_and_write_round_trip(tmp_path) -> None:
    coco = CocoFile(
        [Image(1, "ä b.png", 4, 3)],
        [Annotation(1, 1, 1, (0, 0, 2, 2), 4, Rle((3, 4), "0<"))],
        [Category(1, "Kratzer")],
    )
    write_coco(tmp_path / "x.json", coco)
    assert read_coco(tmp_path / "x.json") == coco
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.json"]


def test_foreign_fields_are_ignored(tmp_path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(GOOD))
    coco = read_coco(tmp_path / "x.json")
    assert coco.by_image()[1][0].bbox == (1, 2, 3, 4)
    assert coco.names() == {2: "scratch"}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("annotations.0.bbox", [1, 2, 3], "$.annotations[0].bbox"),
        ("annotations.0.bbox", [1, 2, 0, 4], "has no area"),
        ("annotations.0.category_id", 9, "category_id 9 is unknown; known: 2 scratch"),
        ("annotations.0.image_id", 9, "image_id 9 is not in $.images"),
        ("annotations.0.area", "big", "$.annotations[0].area"),
        ("images.0.width", 0, "0 x 8 pixels"),
        ("images.0.width", "ten", "$.images[0].width"),
        ("images.0.width", 10**9, "1000000000 x 8 pixels, more than COCO run lengths can hold"),
        ("images.0.file_name", "", "$.images[0].file_name '' is not a file name"),
        ("images.0.file_name", "./", "is not a file name"),
        ("images", [GOOD["images"][0], GOOD["images"][0] | {"id": 7, "file_name": "./a/b.png"}], "listed 2 times"),
        ("images.0.file_name", "../../etc/passwd", "points outside its folder"),
        ("images.0.file_name", "/etc/passwd", "points outside its folder"),
        ("images", None, "$.images"),
        ("images", [GOOD["images"][0]] * 2, "id 1 occurs 2 times"),
    ],
)
def test_errors_name_the_fault(tmp_path, path: str, value: object, words: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps(changed(path, value)))
    with pytest.raises(InputError) as caught:
        read_coco(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("value", [{}, [], None, "x", -1, 2.5, 10**30])
@pytest.mark.parametrize("path", ["images.0.id", "images.0.height", "annotations.0.image_id"])
def test_options_of_masks_without_masks_are_refused(tmp_path, path: str, value: object) -> None:
    content = changed(path, value)
    content["annotations"][0] |= {"bbox": None, "segmentation": [[1, 1, 5, 1, 5, 5]]}
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError):
        read_coco(tmp_path / "x.json")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"[" * 5000])
def test_other_files_than_coco_are_refused(tmp_path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError):
        read_coco(tmp_path / "x.json")


def test_other_spellings_of_other_programs_are_read_as_the_same(tmp_path) -> None:
    """Nulls, whole numbers as floats, a mask without box and area, a byte order mark; worked out by hand."""
    ring = [2, 1, 6, 1, 6, 4, 2, 4]  # 4 x 3 pixels
    content = {
        "info": None,
        "images": [{"id": 0.0, "file_name": "a.png", "width": 10.0, "height": 8}],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 2, "segmentation": [ring]},
            {"id": 2, "image_id": 0, "category_id": 2, "bbox": [1, 1, 2.5, 2], "segmentation": None},
            {"id": 3, "image_id": 0, "category_id": 2, "bbox": [0, 0, 1, 8], "area": None, "iscrowd": True,
             "segmentation": {"size": [8, 10.0], "counts": [0, 8.0, 72]}},
        ],
        "categories": [{"id": 2, "name": "scratch", "supercategory": None}],
    }  # fmt: skip
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(content).encode())
    coco = read_coco(tmp_path / "x.json")
    assert coco.images == [Image(0, "a.png", 10, 8)]
    assert coco.categories == [Category(2, "scratch")]
    assert coco.annotations == [
        Annotation(1, 0, 2, (2, 1, 4, 3), 12, [ring]),
        Annotation(2, 0, 2, (1, 1, 2.5, 2), 5.0),
        Annotation(3, 0, 2, (0, 0, 1, 8), 8, Rle((8, 10), [0, 8, 72]), 1),
    ]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({}, "missing required field `bbox` - at `$.annotations[0]`"),
        ({"segmentation": [[1, 2, 3]]}, "missing required field `bbox`"),
        ({"segmentation": [[1, 1, 1e300, 1, 1e300, 9]]}, "missing required field `bbox`"),
        ({"segmentation": {"size": [8, 10], "counts": "!"}}, "missing required field `bbox`"),
        ({"segmentation": {"size": "big", "counts": [80]}}, "$.annotations[0].segmentation"),
        ({"bbox": [1, 2, "3", 4]}, "$.annotations[0]"),
        ({"bbox": [1, 2, 3, 4], "area": 3, "image_id": 1.5}, "$.annotations[0].image_id"),
    ],
)
def test_nothing_is_guessed(tmp_path, annotation: dict, words: str) -> None:
    content = json.loads(json.dumps(GOOD))
    content["annotations"] = [{"id": 1, "image_id": 1, "category_id": 2, **annotation}]
    (tmp_path / "x.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as caught:
        read_coco(tmp_path / "x.json")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", ["null", "3", '{"images": 3}', '{"images": [null], "annotations": [7, null]}'])
def test_json_that_is_something_else_is_refused(tmp_path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match="not in COCO form"):
        read_coco(tmp_path / "x.json")


def test_boxes_without_area_can_be_requested(tmp_path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(changed("annotations.0.bbox", [1, 2, 0, 4])))
    assert read_coco(tmp_path / "x.json", flat_ok=True).annotations[0].bbox == (1, 2, 0, 4)


def test_predictions_round_trip_and_a_box_carries_no_empty_mask(tmp_path) -> None:
    predictions = [Prediction(1, 1, (0, 0, 2.5, 2), 0.5), Prediction(1, 1, (0, 0, 2, 2), 0.25, Rle((3, 4), "0<"))]
    write_predictions(tmp_path / "p.json", predictions)
    assert read_predictions(tmp_path / "p.json") == predictions
    assert "segmentation" not in json.loads((tmp_path / "p.json").read_text())[0]
    with pytest.raises(InputError, match="no such file"):
        read_predictions(tmp_path / "absent.json")
