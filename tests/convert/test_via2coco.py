"""VGG Image Annotator to COCO: VIA 1, 2 and 3, and the attribute that gives the category."""

import math
from pathlib import Path

import numpy as np
import pytest

from convert.via2coco import ViaOptions, via2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode
from system.errors import InputError
from tests.command import only_line, run_command
from tests.tool_exports import HEIGHT, WIDTH, boxes, centres, draw_image, write_json, written

RECT = {"name": "rect", "x": 10, "y": 8, "width": 20, "height": 12}
BOX = (10, 8, 20, 12)


def region(shape: object, **attributes: object) -> dict[str, object]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def via2(root: Path, *regions: object, **more: object) -> Path:
    """An annotation export of VIA 2 with one image."""
    draw_image(root / "a.png")
    entry = {"filename": "a.png", "size": 123, "regions": list(regions), "file_attributes": {}}
    return write_json(root / "via.json", {"a.png123": entry, **more})


def codes(source: Path, dest: Path, options: ViaOptions | None = None) -> dict[str, int]:
    report = via2coco(source, dest, options or ViaOptions())
    return {str(row["code"]): int(row["count"]) for row in report.summary()}


def test_the_only_attribute_is_the_category(tmp_path: Path) -> None:
    assert codes(via2(tmp_path, region(RECT, defect="chip")), tmp_path / "c") == {}
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX)]}


def test_a_project_and_via_1_are_read_like_an_export(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    entry = {"filename": "a.png", "size": -1, "regions": {"0": region(RECT, defect="chip")}}
    project = {"_via_settings": {}, "_via_img_metadata": {"a.png-1": entry}, "_via_attributes": {}}
    for name, content in (("project", project), ("export", {"a.png-1": entry})):
        codes(write_json(tmp_path / f"{name}.json", content), tmp_path / name)
        assert boxes(tmp_path / name) == {"a.png": [("chip", BOX)]}


@pytest.mark.parametrize("value", [{"chip": True, "dent": False}, "chip", " chip "])
def test_check_boxes_and_texts_name_the_category(tmp_path: Path, value: object) -> None:
    codes(via2(tmp_path, region(RECT, defect=value)), tmp_path / "c")
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX)]}


def test_several_attributes_need_a_choice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = via2(tmp_path, region(RECT, defect="chip", size="large"))
    assert run_command("convert", "via2coco", source, tmp_path / "c") == 2
    assert "the attributes defect, size; give the one" in only_line(capsys)
    codes(source, tmp_path / "c", ViaOptions(attribute="size"))
    assert boxes(tmp_path / "c") == {"a.png": [("large", BOX)]}
    with pytest.raises(InputError, match="no region has the attribute 'kind'; give one of defect, size"):
        codes(source, tmp_path / "d", ViaOptions(attribute="kind"))
    assert run_command("convert", "via2coco", source, tmp_path / "d", "--attribute", "a", "--category", "b") == 2


def test_regions_without_attributes_need_a_category(tmp_path: Path) -> None:
    source = via2(tmp_path, region(RECT))
    with pytest.raises(InputError, match="give --category NAME"):
        codes(source, tmp_path / "c")
    codes(source, tmp_path / "c", ViaOptions(category="chip"))
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX)]}


def test_circles_ellipses_and_polygons_get_their_pixels(tmp_path: Path) -> None:
    shapes = {
        "circle": {"name": "circle", "cx": 20.5, "cy": 20.5, "r": 7.25},
        "ellipse": {"name": "ellipse", "cx": 40.2, "cy": 25.7, "rx": 12, "ry": 5, "theta": 0.7},
        "polygon": {"name": "polygon", "all_points_x": [2, 12, 12, 2], "all_points_y": [2, 2, 6, 6]},
    }
    source = via2(tmp_path, *(region(shape, defect=name) for name, shape in shapes.items()))
    codes(source, tmp_path / "c")
    found = dict(written(tmp_path / "c")["a.png"])
    x, y = centres()
    u = (x - 40.2) * math.cos(0.7) + (y - 25.7) * math.sin(0.7)
    v = -(x - 40.2) * math.sin(0.7) + (y - 25.7) * math.cos(0.7)
    expected = {
        "circle": (x - 20.5) ** 2 + (y - 20.5) ** 2 <= 7.25**2,
        "ellipse": (u / 12) ** 2 + (v / 5) ** 2 <= 1,
        "polygon": (x > 2) & (x < 12) & (y > 2) & (y < 6),
    }
    for name, inside in expected.items():
        assert np.array_equal(decode(found[name].segmentation, HEIGHT, WIDTH).astype(bool), inside), name


def test_lines_points_and_regions_without_a_value_are_counted(tmp_path: Path) -> None:
    regions = [
        region(RECT, defect="chip"),
        region({"name": "polyline", "all_points_x": [1, 9], "all_points_y": [1, 9]}, defect="chip"),
        region({"name": "point", "cx": 1, "cy": 1}, defect="chip"),
        region(RECT, defect=""),
        region(RECT, defect={"chip": False}),
        region(RECT, defect={"chip": True, "dent": True}),
    ]
    assert codes(via2(tmp_path, *regions), tmp_path / "c") == {"line-lost": 2, "no-label": 2, "several-labels": 1}


def test_an_image_without_region_is_unlabelled(tmp_path: Path) -> None:
    draw_image(tmp_path / "b.png")
    other = {"filename": r"C:\photos\b.png", "size": 1, "regions": []}
    source = via2(tmp_path, region(RECT, defect="chip"), **{"b.png1": other})
    assert codes(source, tmp_path / "c") == {"image-moved": 1, "unlabelled": 1}
    codes(source, tmp_path / "n", ViaOptions(unlabelled="negative"))
    assert boxes(tmp_path / "n") == {"a.png": [("chip", BOX)], "b.png": []}


def via3(root: Path, *metadata: object, file_type: int = 2) -> Path:
    draw_image(root / "a.png")
    project = {
        "project": {"pid": "x"},
        "config": {},
        "attribute": {
            "1": {"aname": "defect", "anchor_id": "FILE1_Z0_XY1", "options": {"0": "chip", "1": "dent"}}
        },
        "file": {"1": {"fid": "1", "fname": "a.png", "type": file_type}},
        "view": {"1": {"fid_list": ["1"]}},
        "metadata": {f"m{i}": item for i, item in enumerate(metadata)},
    }
    return write_json(root / "via3.json", project)


def test_via_3_has_numbered_shapes_and_options(tmp_path: Path) -> None:
    rect = {"vid": "1", "flg": 0, "z": [], "xy": [2, 10, 8, 20, 12], "av": {"1": "0"}}
    both = {"vid": "1", "flg": 0, "z": [], "xy": [8, 10, 12, 20, 8, 30, 15, 22, 20], "av": {"1": "0,1"}}
    of_the_file = {"vid": "1", "flg": 0, "z": [], "xy": [], "av": {"1": "1"}}
    odd = {"vid": "1", "flg": 0, "z": [], "xy": [9, 1, 1, 2, 2, 3, 3], "av": {"1": "1"}}
    source = via3(tmp_path, rect, both, of_the_file, odd)
    assert codes(source, tmp_path / "c") == {"several-labels": 1, "shape-lost": 1}
    assert boxes(tmp_path / "c") == {"a.png": [("chip", BOX), ("chip", BOX), ("dent", BOX)]}
    with pytest.raises(InputError, match="is not an image"):
        codes(via3(tmp_path, rect, file_type=4), tmp_path / "d")


@pytest.mark.parametrize(
    ("shape", "problem"),
    [
        ({"name": "rect", "x": 1}, "a coordinate of $['a.png123'] region 1 is None"),
        ({"name": "cube"}, "the unknown shape 'cube'"),
        ({"name": "polygon", "all_points_x": [1, 2], "all_points_y": [1]}, "2 x and 1 y coordinates"),
        ({"name": "circle", "cx": 1, "cy": 1, "r": 1e300}, "1e+300, not a number up to"),
        ([], "shape_attributes is a list"),
    ],
)
def test_invalid_via_files_are_refused_in_one_line(
    tmp_path: Path, shape: object, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = via2(tmp_path, region(shape, defect="chip"))
    assert run_command("convert", "via2coco", source, tmp_path / "c") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "c").exists()


def test_the_folders_of_splits_that_mask_r_cnn_wants(tmp_path: Path) -> None:
    """Both splits have an image a.png; each belongs to the file of its folder."""
    for split, width in (("train", 20), ("val", 30)):
        (tmp_path / "s" / split).mkdir(parents=True)
        via2(tmp_path / "s" / split, region(RECT | {"width": width}, defect="chip"))
        (tmp_path / "s" / split / "via.json").rename(tmp_path / "s" / split / "via_region_data.json")
    assert codes(tmp_path / "s", tmp_path / "c") == {}
    assert boxes(tmp_path / "c") == {
        "train/a.png": [("chip", BOX)],
        "val/a.png": [("chip", (10, 8, 30, 12))],
    }
    members = {
        split: [i.file_name for i in coco.images] for split, coco in load_dataset(tmp_path / "c").splits.items()
    }
    assert members == {"train": ["train/a.png"], "val": ["val/a.png"], "test": []}
    checked = check(tmp_path / "s", Limits(), jobs=1)
    assert (checked.images, checked.annotations) == (2, 2)
