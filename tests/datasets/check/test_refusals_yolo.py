"""`datasets check` reports the refusals of yolo2coco in the same words."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image as PilImage

from convert.coco2labelme import LabelmeExportOptions, coco2labelme
from convert.coco2masks import coco2masks
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.coco import Category, Image
from tests.labelme_files import shape, write_case
from tests.refusal_cases.yolo import GOOD, yolo
from tests.refusals import agree
from tests.small_coco import box_annotation, write_folder

RUN = Execution(jobs=1)
SKIP = Execution(jobs=1, skip_bad=True)


def test_bad_label_files_are_left_out_and_never_a_negative(tmp_path: Path) -> None:
    root = yolo(tmp_path / "y", GOOD | {"train/a": "x\n"})
    options = YoloOptions(unlabelled="negative")
    report = yolo2coco(root, tmp_path / "out", options, SKIP)
    assert [(e.file, e.code) for e in report.events] == [("labels/train/a.txt:1", "bad-input")]
    assert (report.written["images"], report.written["negatives"]) == (2, 0)


def test_bad_labelme_files_are_reported_together_and_left_out(tmp_path: Path) -> None:
    root, dest = tmp_path / "s", tmp_path / "out"
    chip = shape("chip", "rectangle", [[10, 8], [30, 20]])
    for name in ("a", "b", "c", "d"):
        write_case(root, chip, name=name)
    (root / "a.json").write_text((root / "a.json").read_text()[:80])
    write_case(root, {**chip, "group_id": [1]}, name="b")
    (root / "c.png").unlink()
    agree(root, lambda: labelme2coco(root, dest, execution=RUN), dest, faults=3)  # read, drawn and missing
    report = labelme2coco(root, dest, LabelmeOptions(unlabelled="negative"), SKIP)
    bad = [event.file for event in report.events if event.code == "bad-input"]
    assert sorted(bad)[:1] == ["a.json"]
    assert len(bad) == 3
    assert (report.written["images"], report.written["negatives"]) == (1, 0)


def coco(root: Path) -> Path:
    """Four images: one intact, one missing, one of another size, one truncated."""
    names = ("a.png", "b.png", "c.png", "d.png")
    listed = [Image(i, name, 60, 40) for i, name in enumerate(names, 1)]
    boxes = [box_annotation(i, i, 3, (10, 8, 20, 12), [[10, 8, 30, 8, 30, 20, 10, 20]]) for i in range(1, 5)]
    write_folder(root, {"train": listed}, boxes, [Category(3, "dent")])
    (root / "images/b.png").unlink()
    PilImage.new("RGB", (61, 40)).save(root / "images/c.png")
    (root / "images/d.png").write_bytes((root / "images/d.png").read_bytes()[:-40])
    return root


OUT: dict[str, Callable[[Path, Path, Execution], Report]] = {
    "coco2yolo": lambda source, dest, run: coco2yolo(source, dest, YoloExportOptions(), run),
    "coco2labelme": lambda source, dest, run: coco2labelme(source, dest, LabelmeExportOptions(), run),
}


@pytest.mark.parametrize("name", list(OUT))
def test_missing_and_bad_images_of_coco(tmp_path: Path, name: str) -> None:
    root, dest = coco(tmp_path / "c"), tmp_path / "out"
    agree(root, lambda: OUT[name](root, dest, RUN), dest, faults=3)  # missing and unreadable ones together
    report = OUT[name](root, dest, SKIP)
    bad = [event.file for event in report.events if event.code == "bad-input"]
    assert sorted(bad) == ["b.png", "c.png", "d.png"]
    assert [path.name for path in sorted(dest.rglob("*.png"))] == ["a.png"]


@pytest.mark.parametrize("name", list(OUT))
def test_all_bad_images_of_coco_are_reported_together(tmp_path: Path, name: str) -> None:
    root, dest = coco(tmp_path / "c"), tmp_path / "out"
    PilImage.new("RGB", (60, 40)).save(root / "images/b.png")
    agree(root, lambda: OUT[name](root, dest, RUN), dest, faults=2)


def test_masks_that_cannot_be_drawn_are_reported_together(tmp_path: Path) -> None:
    names = ("a.png", "b.png", "c.png")
    far = [[10, 8, 1e6, 8, 30, 20]]
    square = [[10, 8, 30, 8, 30, 20, 10, 20]]
    rings = {1: far, 2: square, 3: far}
    boxes = [box_annotation(i, i, 3, (10, 8, 20, 12), ring) for i, ring in rings.items()]
    listed = [Image(i, name, 60, 40) for i, name in enumerate(names, 1)]
    root = write_folder(tmp_path / "c", {"train": listed}, boxes, [Category(3, "dent")])
    dest = tmp_path / "out"
    agree(root, lambda: coco2masks(root, dest, execution=RUN), dest, faults=2)
    report = coco2masks(root, dest, execution=SKIP)
    assert sorted(event.file for event in report.events if event.code == "bad-input") == ["a.png", "c.png"]
    assert [path.name for path in sorted(dest.rglob("*.png"))] == ["b.png"]
