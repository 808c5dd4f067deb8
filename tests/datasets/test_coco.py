import json

import pytest

from datasets.coco import (
    Annotation,
    Category,
    CocoFile,
    Image,
    Prediction,
    Rle,
    read_coco,
    read_predictions,
    write_coco,
    write_predictions,
)
from datasets.errors import InputError

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


def spoiled(path: str, value: object) -> dict:
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
        [Annotation(1, 1, 1, (0, 0, 2, 2), 4, Rle((3, 4), "05"))],
        [Category(1, "Kratzer")],
    )
    write_coco(tmp_path / "x.json", coco)
    assert read_coco(tmp_path / "x.json") == coco
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.json"]


def test_foreign_fields_are_no_hindrance(tmp_path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(GOOD))
    coco = read_coco(tmp_path / "x.json")
    assert coco.by_image()[1][0].bbox == (1, 2, 3, 4)
    assert coco.names() == {2: "scratch"}


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("annotations.0.bbox", [1, 2, 3], "$.annotations[0].bbox"),
        ("annotations.0.bbox", [1, 2, 0, 4], "has no area"),
        ("annotations.0.category_id", 9, "category_id 9 is unknown; known are 2 scratch"),
        ("annotations.0.image_id", 9, "image_id 9 is no image"),
        ("annotations.0.area", "big", "$.annotations[0].area"),
        ("images.0.width", 0, "0 x 8 pixels"),
        ("images.0.width", "ten", "$.images[0].width"),
        ("images.0.file_name", "../../etc/passwd", "leads outside"),
        ("images.0.file_name", "/etc/passwd", "leads outside"),
        ("images", None, "$.images"),
        ("images", [GOOD["images"][0]] * 2, "id 1 occurs 2 times"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, path: str, value: object, words: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps(spoiled(path, value)))
    with pytest.raises(InputError) as caught:
        read_coco(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"[" * 5000])
def test_what_is_no_coco_file_is_refused(tmp_path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError):
        read_coco(tmp_path / "x.json")


def test_predictions_round_trip_and_a_box_carries_no_empty_mask(tmp_path) -> None:
    predictions = [Prediction(1, 1, (0, 0, 2.5, 2), 0.5), Prediction(1, 1, (0, 0, 2, 2), 0.25, Rle((3, 4), "05"))]
    write_predictions(tmp_path / "p.json", predictions)
    assert read_predictions(tmp_path / "p.json") == predictions
    assert "segmentation" not in json.loads((tmp_path / "p.json").read_text())[0]
    with pytest.raises(InputError, match="no such file"):
        read_predictions(tmp_path / "absent.json")
