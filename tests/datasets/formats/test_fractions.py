"""Fractions of the image instead of pixels: every format refuses them if no value is larger than 1."""

import json
from pathlib import Path

import pytest

from convert.coco2coco import coco2coco
from convert.voc2coco import voc2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.fractions import check_not_fractions
from system.errors import InputError
from tests.foreign_coco import annotation, coco_json, draw, image
from tests.tool_exports import draw_image, voc_object, write_voc

FRACTIONS = [0.15, 0.16, 0.3, 0.25]


def coco(root: Path, *boxes: list[float], **changes: object) -> Path:
    draw(root / "a.png")
    drawn = [annotation(k, 1, bbox=box, segmentation=[], area=1) | changes for k, box in enumerate(boxes, 1)]
    return coco_json(root / "c.json", [image(1, "a.png")], drawn)


def stated_by_check(root: Path) -> list[str]:
    findings = check(root, Limits(), jobs=1).findings
    return [finding.value for finding in findings if finding.code == "unusable-dataset"]


def test_boxes_of_coco(tmp_path: Path) -> None:
    source = coco(tmp_path, FRACTIONS, FRACTIONS)
    with pytest.raises(InputError, match="all 2 shapes are inside the first pixel") as refused:
        coco2coco(source, tmp_path / "d")
    assert stated_by_check(tmp_path) == [refused.value.problem]


def test_polygons_of_coco(tmp_path: Path) -> None:
    ring = [0.15, 0.16, 0.46, 0.16, 0.46, 0.41]
    with pytest.raises(InputError, match="all 1 shapes are inside the first pixel"):
        coco2coco(coco(tmp_path, FRACTIONS, segmentation=[ring]), tmp_path / "d")


def test_one_box_in_pixels_is_enough(tmp_path: Path) -> None:
    coco2coco(coco(tmp_path, FRACTIONS, [10, 8, 20, 12]), tmp_path / "d")
    written = json.loads((tmp_path / "d/annotations/instances_train.json").read_text())
    assert len(written["annotations"]) == 2


def test_boxes_of_a_tool(tmp_path: Path) -> None:
    source = tmp_path / "s"
    draw_image(source / "a.png")
    write_voc(source / "a.xml", voc_object("chip", (0.1, 0.1, 0.5, 0.5)), filename="a.png")
    with pytest.raises(InputError, match="all 1 shapes are inside the first pixel") as refused:
        voc2coco(source, tmp_path / "d")
    assert stated_by_check(source) == [refused.value.problem]


def test_no_shape_and_the_whole_first_pixel_are_accepted() -> None:
    check_not_fractions("a", [])
    check_not_fractions("a", [(1.0, 1.0)])
