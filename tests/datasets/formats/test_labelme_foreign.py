"""Files of X-AnyLabeling, AnyLabeling, scripts and ISAT, read as labelme's."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as PillowImage

from convert.labelme2coco import LabelmeOptions, labelme2coco
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.labelme import parse_labelme
from datasets.formats.labelme_document import read_document
from datasets.formats.labelme_foreign import to_labelme
from datasets.formats.labelme_shape_types import SHAPE_TYPES
from system.errors import DefectlineError, InputError

CORNERS = [[10, 8], [30, 8], [30, 20], [10, 20]]


def shape(kind: str, points: list[list[float]], **extra: Any) -> dict[str, Any]:
    """A shape with the keys that X-AnyLabeling 2 and 3 write."""
    known = {
        "label": "chip",
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": kind,
        "flags": {},
    }
    return {**known, "score": None, "difficult": False, "attributes": {}, "kie_linking": [], **extra}


def content(*shapes: dict[str, Any], **extra: Any) -> dict[str, Any]:
    size = {"imageHeight": 48, "imageWidth": 64}
    return (
        {"version": "2.5.2", "flags": {}, "shapes": list(shapes), "imagePath": "a.png", "imageData": None}
        | size
        | extra
    )


def convert(root: Path, raw: dict[str, Any]) -> tuple[list[tuple[str, Any, float, int]], list[str]]:
    """Category, box, area and iscrowd of each annotation, and the codes of the report."""
    (root / "in").mkdir()
    PillowImage.new("RGB", (64, 48)).save(root / "in/a.png")
    (root / "in/a.json").write_text(json.dumps(raw))
    report = labelme2coco(root / "in", root / "out", LabelmeOptions(ratios=(1, 0, 0)))
    dataset = load_dataset(root / "out")
    names = {category.id: category.name for category in dataset.categories}
    found = [(names[a.category_id], a.bbox, a.area, a.iscrowd) for a in dataset.splits["train"].annotations]
    return found, sorted(event.code for event in report.events)


def test_a_rectangle_of_four_corners(tmp_path: Path) -> None:
    assert convert(tmp_path, content(shape("rectangle", CORNERS))) == ([("chip", (10, 8, 20, 12), 240, 0)], [])


@pytest.mark.parametrize("kind", ["rotation", "quadrilateral", "oriented_rectangle"])
def test_four_corners_of_any_kind_are_a_polygon(tmp_path: Path, kind: str) -> None:
    turned = shape(kind, [[20, 10], [40, 20], [36, 28], [16, 18]], direction=0.46)
    ((_, box, area, _),), codes = convert(tmp_path, content(turned))
    assert (box, codes) == ((16, 10, 24, 18), [])
    assert area == pytest.approx(200, abs=3)  # by the shoelace formula


def test_a_cuboid_is_lost_and_counted(tmp_path: Path) -> None:
    cuboid = shape("cuboid", [[x + d, y - d] for d in (0, 5) for x, y in CORNERS])
    found, codes = convert(tmp_path, content(shape("rectangle", CORNERS), cuboid))
    assert len(found) == 1
    assert codes == ["shape-lost"]


@pytest.mark.parametrize("kind", [kind for kind, shape_type in SHAPE_TYPES.items() if shape_type.points])
def test_a_wrong_number_of_points_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"7 points, but a {kind} has"):
        convert(tmp_path, content(shape(kind, [[i, i] for i in range(7)])))


def test_sizes_as_floats_and_keys_that_labelme_does_not_know(tmp_path: Path) -> None:
    raw = content(shape("polygon", CORNERS, attributes={"x": "y"}), imageHeight=48.0, imageWidth=64.0, text="")
    assert convert(tmp_path, raw) == ([("chip", (10, 8, 20, 12), 240, 0)], [])


def test_a_difficult_shape_is_an_ignore_region(tmp_path: Path) -> None:
    raw = content(shape("rectangle", CORNERS, difficult=True), shape("rectangle", [[40, 30], [50, 40]]))
    found, codes = convert(tmp_path, raw)
    assert [(box, iscrowd) for _, box, _, iscrowd in found] == [((10, 8, 20, 12), 1), ((40, 30, 10, 10), 0)]
    assert codes == ["difficult"]


def test_groups_as_text_are_groups(tmp_path: Path) -> None:
    parts = [
        shape("rectangle", [[x, 8], [x + 5, 20]], group_id=group) for x, group in ((10, "1"), (20, 1), (30, "b"))
    ]
    found, _ = convert(tmp_path, content(*parts, shape("rectangle", [[40, 8], [45, 20]], group_id="")))
    assert [box for _, box, _, _ in found] == [(10, 8, 15, 12), (30, 8, 5, 12), (40, 8, 5, 12)]


def test_a_group_that_is_a_word_gets_a_number_that_is_free() -> None:
    groups = ["left", 7, "9", "left", None, "right", 2.0]
    repaired = to_labelme(content(*(shape("polygon", CORNERS, group_id=group) for group in groups)))
    assert [one["group_id"] for one in repaired["shapes"]] == [10, 7, 9, 10, None, 11, 2]


def isat(*objects: dict[str, Any]) -> dict[str, Any]:
    info = {
        "description": "ISAT",
        "folder": "x",
        "name": "a.png",
        "width": 64,
        "height": 48,
        "depth": 3,
        "note": "",
    }
    return {"info": info, "objects": list(objects)}


def isat_object(category: str, points: list[list[float]], group: int = 1, iscrowd: Any = False) -> dict[str, Any]:
    bbox = [
        min(x for x, _ in points),
        min(y for _, y in points),
        max(x for x, _ in points),
        max(y for _, y in points),
    ]
    known = {"category": category, "group": group, "segmentation": points, "area": 1.0, "layer": 1.0, "bbox": bbox}
    return {**known, "iscrowd": iscrowd, "note": ""}


def test_isat_is_read(tmp_path: Path) -> None:
    far = [[40, 30], [50, 30], [50, 40], [40, 40]]
    raw = isat(
        isat_object("chip", CORNERS),
        isat_object("chip", far, group=1),
        isat_object("dent", far, group=2, iscrowd=1),
        isat_object("__background__", far, group=3),
    )
    found, codes = convert(tmp_path, raw)
    assert found == [("chip", (10, 8, 40, 32), 340, 0), ("dent", (40, 30, 10, 10), 100, 1)]
    assert codes == ["background-label", "difficult"]  # a pixel mask has no ignore region, so none overlaps


def test_an_isat_file_without_objects_is_a_negative(tmp_path: Path) -> None:
    assert convert(tmp_path, isat()) == ([], [])


def test_a_broken_isat_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"ISAT.*points"):
        convert(tmp_path, isat({"category": "chip", "segmentation": "none"}))


def test_isat_is_not_edited(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(isat(isat_object("chip", CORNERS))))
    with pytest.raises(InputError, match="an ISAT file"):
        read_document(tmp_path / "a.json")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["label", "points", "group_id", "shape_type", "flags", "difficult", "category", "segmentation"]
)


@given(st.dictionaries(KEYS, JSON, max_size=6), st.booleans())
def test_no_value_brings_another_error(thing: dict[str, Any], as_isat: bool) -> None:
    raw = isat(thing) if as_isat else content(thing)
    try:
        parse_labelme("a.json", json.dumps(raw).encode())
    except DefectlineError:
        return
