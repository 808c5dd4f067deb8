import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.formats.coco_file import read_repaired_coco
from datasets.formats.coco_rotation import apply_rotations


def rotated(angle: object, **changes: object) -> dict:
    return {"id": 4, "image_id": 1, "category_id": 1, "bbox": [30, 45, 40, 10], "area": 400, "iscrowd": 0,
            "segmentation": [], "attributes": {"occluded": False, "rotation": angle}} | changes  # fmt: skip


@pytest.mark.parametrize(
    ("angle", "box"), [(90.0, [45, 30, 10, 40]), (180, [30, 45, 40, 10]), (270, [45, 30, 10, 40])]
)
def test_right_angles_give_a_box(angle: float, box: list[float]) -> None:
    annotations = [rotated(angle)]
    assert apply_rotations(annotations) == {0: f"{angle:g} degrees"}
    assert (annotations[0]["bbox"], annotations[0]["segmentation"]) == (box, [])


def test_other_angles_give_the_four_corners_clockwise() -> None:
    """A square of side 10 about (50, 50), by 45 degrees: its corners are 5 * sqrt(2) from the centre."""
    annotations = [rotated(45, bbox=[45, 45, 10, 10], area=100)]
    apply_rotations(annotations)
    (ring,) = annotations[0]["segmentation"]
    r = 5 * math.sqrt(2)
    expected = [50, 50 - r, 50 + r, 50, 50, 50 + r, 50 - r, 50]
    assert ring == pytest.approx(expected, abs=1e-3)
    assert annotations[0]["bbox"] == pytest.approx([50 - r, 50 - r, 2 * r, 2 * r], abs=2e-3)
    assert annotations[0]["area"] == 100


@pytest.mark.parametrize(
    "annotation",
    [
        rotated(0.0),
        rotated(360),
        rotated(None),
        rotated("90"),
        rotated(True),
        rotated(float("inf")),
        rotated(90, bbox=[1, 2, 3]),
        rotated(90, bbox=None),
        rotated(90, attributes=None),
        rotated(90, segmentation=[[50, 20, 70, 50, 50, 80]]),  # drawn rotated
        rotated(90, segmentation={"size": [100, 100], "counts": "0"}),
        {"id": 1},
        7,
    ],
)
def test_boxes_that_are_not_rotated_stay(annotation: object) -> None:
    annotations = [annotation]
    assert apply_rotations(annotations) == {}
    assert annotations == [annotation]


def test_a_polygon_of_the_unrotated_corners_is_rotated() -> None:
    corners = [30, 45, 70, 45, 70, 55, 30, 55]
    annotations = [rotated(90, segmentation=[corners])]
    assert apply_rotations(annotations)
    assert annotations[0]["bbox"] == [45, 30, 10, 40]


@given(st.floats(-720, 720), st.floats(1, 40), st.floats(1, 40))
def test_the_centre_and_the_area_stay(angle: float, w: float, h: float) -> None:
    annotations = [rotated(angle, bbox=[50 - w / 2, 50 - h / 2, w, h])]
    if not apply_rotations(annotations):
        return
    x, y, bw, bh = annotations[0]["bbox"]
    assert (x + bw / 2, y + bh / 2) == pytest.approx((50, 50), abs=0.01)
    turn = math.radians(angle)
    width = abs(w * math.cos(turn)) + abs(h * math.sin(turn))
    assert bw == pytest.approx(width, abs=0.01)
    if annotations[0]["segmentation"]:
        xs, ys = annotations[0]["segmentation"][0][::2], annotations[0]["segmentation"][0][1::2]
        shoelace = sum(xs[i] * ys[(i + 1) % 4] - xs[(i + 1) % 4] * ys[i] for i in range(4)) / 2
        assert shoelace == pytest.approx(w * h, abs=0.1)


def test_the_reader_applies_and_reports_it(tmp_path: Path) -> None:
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 100}],
        "annotations": [rotated(90.0)],
        "categories": [{"id": 1, "name": "scratch"}],
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    read = read_repaired_coco(tmp_path / "c.json")
    assert read.coco.annotations[0].bbox == (45, 30, 10, 40)
    assert [(r.file, r.where, r.code, r.value) for r in read.repairs] == [
        ("a.png", "annotation 4", "rotated-box", "90 degrees")
    ]
