"""Inputs that were read wrongly without a message: read correctly, reported or refused, by the check too."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from convert.coco2coco import coco2coco
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.labelstudio2coco import labelstudio2coco
from convert.report import Report
from convert.via2coco import via2coco
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.inner_rings import find_inner_rings
from system.errors import InputError
from tests.foreign_coco import CHIP, SQUARE, annotation, coco_json, draw, image, single
from tests.labelme_files import shape, write_case
from tests.tool_exports import result, task, write_json

RUN = Execution(jobs=1)
BOX_LINE = "0 0.3125 0.291666667 0.3125 0.25\n"  # (10, 8) to (30, 20) of 64 x 48
HOLE = [14, 10, 18, 10, 18, 14, 14, 14]  # inside SQUARE, 16 of its 240 pixels


def findings(source: Path, code: str) -> list[tuple[str, str]]:
    return [(one.file, one.value) for one in check(source, Limits(), jobs=1).findings if one.code == code]


def events(report: Report, code: str) -> list[str]:
    return [event.value for event in report.events if event.code == code]


def boxes(dest: Path) -> list[tuple[tuple[float, ...], float]]:
    return [(a.bbox, a.area) for coco in load_dataset(dest).splits.values() for a in coco.annotations]


def yolo(root: Path, yaml: str, labels: str = BOX_LINE, split: str = "images/train") -> Path:
    draw(root / split / "a.png")
    file = root / split.replace("images", "labels") / "a.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(labels)
    (root / "data.yaml").write_text(yaml)
    return root


CORNERS = [[10, 8], [30, 8], [30, 20], [10, 20]]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 3), (1, 0, 2, 3), (2, 0, 3, 1)])
def test_the_four_corners_of_a_rectangle_may_have_any_order(tmp_path: Path, order: tuple[int, ...]) -> None:
    write_case(tmp_path / "s", shape("chip", "rectangle", [CORNERS[i] for i in order]))
    report = labelme2coco(tmp_path / "s", tmp_path / "d", execution=RUN)
    assert boxes(tmp_path / "d") == [((10, 8, 20, 12), 240)]
    assert events(report, "self-crossing") == []


def test_four_other_points_keep_their_order(tmp_path: Path) -> None:
    crossed = [[10, 8], [30, 20], [30, 9], [10, 20]]
    write_case(tmp_path / "s", shape("chip", "rectangle", crossed))
    report = labelme2coco(tmp_path / "s", tmp_path / "d", execution=RUN)
    assert len(events(report, "self-crossing")) == 1


def test_nan_is_named_with_its_place_in_exports_of_tools(tmp_path: Path) -> None:
    draw(tmp_path / "s/a.png")
    value = {"x": float("nan"), "y": 10, "width": 5, "height": 5}
    write_json(tmp_path / "s/ls.json", [task("a.png", result("rectanglelabels", value))])
    rect = {"shape_attributes": {"name": "rect"} | value, "region_attributes": {"type": "chip"}}
    via = {"a.png1": {"filename": "a.png", "size": 1, "file_attributes": {}, "regions": [rect]}}
    write_json(tmp_path / "s/via.json", via)
    with pytest.raises(InputError, match=r"\$\[0\]\.annotations\[0\]\.result\[0\]\.value\.x is NaN"):
        labelstudio2coco(tmp_path / "s/ls.json", tmp_path / "d", execution=RUN)
    with pytest.raises(InputError, match=r"regions\[0\]\.shape_attributes\.x is NaN"):
        via2coco(tmp_path / "s/via.json", tmp_path / "d", execution=RUN)


@pytest.mark.parametrize("names", ['[""]', '[chip, "  "]', '{0: chip, 1: ""}'])
def test_an_empty_class_name_is_refused(tmp_path: Path, names: str) -> None:
    source = yolo(tmp_path / "y", f"train: images/train\nnames: {names}\n")
    with pytest.raises(InputError, match="is empty") as refused:
        yolo2coco(source, tmp_path / "d", execution=RUN)
    assert findings(source, "unusable-dataset") == [("data.yaml", refused.value.problem)]


def test_an_empty_category_name_is_refused(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    names = [{"id": 1, "name": "chip"}, {"id": 2, "name": " "}]
    source = coco_json(tmp_path / "c.json", [image(1, "a.png")], [annotation(1, 1)], names)
    with pytest.raises(InputError, match=r"\$\.categories\[1\]\.name ' ' is empty") as refused:
        coco2coco(source, tmp_path / "d", execution=RUN)
    assert refused.value.problem in {one.value for one in check(source, Limits(), jobs=1).findings}


def test_one_image_with_other_annotations_twice(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    for name in ("b.png", "c.png"):
        shutil.copy(tmp_path / "a.png", tmp_path / name)
    listed = [image(1, "a.png"), image(2, "b.png"), image(3, "c.png")]
    labels = [annotation(1, 1), annotation(2, 2, category_id=2), annotation(3, 3, bbox=[11, 8, 20, 12])]
    names = [*CHIP, {"id": 2, "name": "dent"}]
    source = coco_json(tmp_path / "c.json", listed, labels, names)
    assert findings(source, "labelled-differently") == [("b.png", "1 dent; a.png, the same image: 1 chip")]
    source = coco_json(tmp_path / "c.json", listed[:2], [annotation(1, 1), annotation(2, 2), annotation(3, 2)])
    assert findings(source, "labelled-differently") == [("b.png", "2 chip; a.png, the same image: 1 chip")]


def test_a_polygon_that_may_be_a_hole_is_reported_and_filled_as_coco_does(tmp_path: Path) -> None:
    source = single(tmp_path / "s", segmentation=[SQUARE, HOLE], area=224)
    report = coco2coco(source, tmp_path / "d", execution=RUN)
    assert boxes(tmp_path / "d") == [((10, 8, 20, 12), 240)]
    assert events(report, "inner-ring") == ["polygon 2"]
    assert findings(source, "inner-ring") == [("a.png", "polygon 2")]


BESIDE = [40, 30, 50, 30, 50, 40, 40, 40]


@pytest.mark.parametrize(
    ("rings", "inside"),
    [
        ([SQUARE], []),
        ([SQUARE, BESIDE], []),
        ([SQUARE, SQUARE], []),
        ([HOLE, SQUARE, BESIDE], [0]),
        ([SQUARE, [20, 10, 40, 10, 40, 14]], []),  # leads outside
        ([[0, 0, 40, 0, 40, 40, 30, 40, 30, 10, 0, 10], BESIDE[:6]], []),  # in the box of an L, not in the L
        ([[0, 0, 20, 20, 20, 0, 0, 20], [17, 9, 19, 9, 19, 11]], []),  # in an outline that crosses itself
        ([SQUARE, HOLE[:4]], []),
    ],
)
def test_inner_rings_by_hand(rings: list[list[float]], inside: list[int]) -> None:
    assert find_inner_rings(rings) == inside


def test_many_points_are_not_compared() -> None:
    angles = np.linspace(0, 2 * np.pi, 6000, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], 1)
    rings = [(ring * radius).ravel().tolist() for radius in range(1, 200)]
    assert find_inner_rings(rings[:3]) == [0, 1]
    assert find_inner_rings(rings) == []


def test_a_split_that_data_yaml_does_not_name_is_reported(tmp_path: Path) -> None:
    source = yolo(tmp_path / "y", "train: train/images\nnames: [chip]\n", split="train/images")
    draw(source / "valid/images/b.png")
    (source / "test").mkdir()  # without an image
    draw(source / "drafts/c.png")  # not called like a split
    report = yolo2coco(source, tmp_path / "d", execution=RUN)
    assert events(report, "unnamed-split") == ["valid"]
    assert findings(source, "unnamed-split") == [("data.yaml", "valid")]


@pytest.mark.parametrize("named", ["valid/images", "valid", "../valid/images", "."])
def test_a_named_split_is_not_reported(tmp_path: Path, named: str) -> None:
    yaml = f"train: train/images\nval: {named}\nnames: [chip]\n"
    source = yolo(tmp_path / "y", yaml, split="train/images")
    draw(source / "valid/images/b.png")
    assert findings(source, "unnamed-split") == []


def test_keypoints_with_visibilities_lead_to_kpt_shape(tmp_path: Path) -> None:
    line = BOX_LINE.strip() + " 0.3 0.3 2 0.35 0.3 1\n"
    source = yolo(tmp_path / "y", "train: images/train\nnames: [chip]\n", line)
    with pytest.raises(InputError, match="2 is outside") as refused:
        yolo2coco(source, tmp_path / "d", YoloOptions(), RUN)
    assert "kpt_shape" in refused.value.remedy


POSES = ["0 .3 .3 .1 .2 .28 .35", "0 .6 .55 .2 .1 .52 .51 .68 .59"]


@pytest.mark.parametrize("line", POSES)
def test_one_or_two_lines_that_may_be_keypoints_are_reported(tmp_path: Path, line: str) -> None:
    source = yolo(tmp_path / "y", "train: images/train\nnames: [chip]\n", f"{line}\n{line}\n")
    report = yolo2coco(source, tmp_path / "d", execution=RUN)
    hint = "2 of 2 segments may be a box followed by keypoints"
    assert events(report, "maybe-keypoints") == [hint]
    assert findings(source, "maybe-keypoints") == [("(dataset)", hint)]


def test_segments_of_outlines_are_not_keypoints(tmp_path: Path) -> None:
    line = "0 " + " ".join(f"{v / (64, 48)[i % 2]:.6f}" for i, v in enumerate(SQUARE))
    source = yolo(tmp_path / "y", "train: images/train\nnames: [chip]\n", line)
    report = yolo2coco(source, tmp_path / "d", execution=RUN)
    assert events(report, "maybe-keypoints") == findings(source, "maybe-keypoints") == []
