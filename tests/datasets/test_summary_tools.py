"""`datasets summary` of what labelling tools export, found by its content."""

from collections.abc import Callable
from pathlib import Path

import pytest

from datasets.formats.tool_detect import find_tool_format
from datasets.summary import summarise
from tests.labelme_files import shape, write_case
from tests.tool_exports import draw_image, result, task, voc_object, write_cvat, write_json, write_voc

RECTANGLE = {"x": 15.625, "y": 16.666666, "width": 31.25, "height": 25.0}
POLYGON = '<polygon label="chip" points="10,8;30,8;30,20;10,20"/>'


def voc(root: Path) -> Path:
    write_voc(root / "Annotations/a.xml", voc_object("chip", (11, 9, 30, 20)), filename="a.png")
    return root


def cvat(root: Path) -> Path:
    return write_cvat(root / "annotations.xml", {"a.png": POLYGON}).parent


def label_studio(root: Path) -> Path:
    return write_json(root / "export.json", [task("a.png", result("rectanglelabels", RECTANGLE))])


def via(root: Path) -> Path:
    region = {"shape_attributes": {"name": "rect", "x": 10, "y": 8, "width": 20, "height": 12}}
    entry = {"filename": "a.png", "regions": [region | {"region_attributes": {"type": "chip"}}]}
    return write_json(root / "via.json", {"a.png1": entry}).parent


def csv(root: Path) -> Path:
    (root / "boxes.csv").write_text("chip,10,8,20,12,a.png,64,48\n")
    return root


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (voc, "Pascal VOC XML"),
        (cvat, "CVAT XML"),
        (label_studio, "Label Studio export"),
        (via, "VGG Image Annotator"),
        (csv, "CSV table"),
    ],
)
def test_each_format_is_found_and_summarised(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    draw_image(tmp_path / "images/a.png")
    summary = summarise(write(tmp_path))
    assert (summary.kind, summary.images, summary.sizes) == (name, 1, {"64 x 48": 1})
    chip = summary.types["chip"]
    assert chip.area is not None
    assert chip.box_width is not None
    assert (chip.instances, chip.area.median, chip.box_width.median) == (1, 240, 20)


def test_splits_and_negatives_are_counted(tmp_path: Path) -> None:
    for split, objects in (("train", [voc_object("x", (2, 2, 9, 9))]), ("valid", [])):
        draw_image(tmp_path / f"{split}/{split}.png")
        write_voc(tmp_path / f"{split}/{split}.xml", *objects, filename=f"{split}.png")
    summary = summarise(tmp_path)
    assert summary.splits == {"train": 1, "val": 1}
    assert {name: found.instances for name, found in summary.types.items()} == {"(negative)": 0, "x": 1}


def test_other_files_are_of_no_tool(tmp_path: Path) -> None:
    for name, text in (("a.json", "[1"), ("b.json", '{"images": []}'), ("c.csv", "a,b\n"), ("d.xml", "<x/>")):
        (tmp_path / name).write_text(text)
        assert find_tool_format(tmp_path / name) is None
    assert find_tool_format(tmp_path) is None


def test_a_labelme_folder_with_xml_is_a_labelme_folder(tmp_path: Path) -> None:
    write_case(tmp_path, shape("chip", "rectangle", [[1, 1], [5, 5]]))
    voc(tmp_path)
    assert find_tool_format(tmp_path) is None
