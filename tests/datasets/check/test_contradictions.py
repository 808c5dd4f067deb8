"""Findings about images and names that contradict each other, and about shapes that are lost."""

import shutil
import unicodedata
from pathlib import Path

from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.coco import Category, Image
from tests.labelme_files import shape, write_case
from tests.small_coco import box_annotation, write_folder

CORNERS = ((10, 10), (30, 10), (30, 20), (10, 20))
CUBOID = shape("chip", "cuboid", [[x + d, y - d] for d in (0, 5) for x, y in CORNERS])
CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])
BOX = box_annotation(1, 1, 3, (10, 8, 20, 12))


def found(root: Path, *codes: str) -> list[tuple[str, str, str]]:
    """File, code and value of the findings with one of `codes`."""
    findings = check(root, Limits(imgsz=60), jobs=1).findings
    return [(finding.file, finding.code, finding.value) for finding in findings if finding.code in codes]


def test_an_image_that_is_labelled_and_a_negative(tmp_path: Path) -> None:
    listed = [Image(1, "a.png", 60, 40), Image(2, "b.png", 60, 40)]
    root = write_folder(tmp_path / "c", {"train": listed}, [BOX], [Category(3, "dent")])
    shutil.copy(root / "images/a.png", root / "images/b.png")
    value = "like a.png, which has annotations"
    assert found(root, "labelled-and-negative") == [("b.png", "labelled-and-negative", value)]


def test_the_same_image_twice_with_annotations_is_not_a_contradiction(tmp_path: Path) -> None:
    listed = [Image(1, "a.png", 60, 40), Image(2, "b.png", 60, 40)]
    boxes = [BOX, box_annotation(2, 2, 3, (10, 8, 20, 12))]
    root = write_folder(tmp_path / "c", {"train": listed}, boxes, [Category(3, "dent")])
    shutil.copy(root / "images/a.png", root / "images/b.png")
    assert found(root, "labelled-and-negative") == []
    assert len(found(root, "duplicate-picture")) == 1


def test_an_image_without_labels_is_not_a_negative(tmp_path: Path) -> None:
    write_case(tmp_path, CHIP)
    shutil.copy(tmp_path / "a.png", tmp_path / "b.png")
    assert found(tmp_path, "labelled-and-negative", "unlabelled") == [("b.png", "unlabelled", "no JSON")]


def test_two_categories_of_one_name_and_two_unicode_forms_are_reported(tmp_path: Path) -> None:
    twice = [Category(3, "dent"), Category(4, "dent")]
    root = write_folder(tmp_path / "c", {"train": [Image(1, "a.png", 60, 40)]}, [BOX], twice)
    assert [value for _, _, value in found(root, "near-identical-labels")] == ["two categories are called dent"]
    composed = unicodedata.normalize("NFC", "fêlure")
    decomposed = unicodedata.normalize("NFD", composed)
    write_case(tmp_path / "l", {**CHIP, "label": composed}, {**CHIP, "label": decomposed})
    assert len(found(tmp_path / "l", "near-identical-labels")) == 1


def test_a_cuboid_is_reported_as_the_conversion_reports_it(tmp_path: Path) -> None:
    write_case(tmp_path / "s", CUBOID)
    write_case(tmp_path / "s", CHIP, CUBOID, name="b")
    report = labelme2coco(tmp_path / "s", tmp_path / "out", execution=Execution(jobs=1))
    lost = sorted((event.file, event.code, event.value) for event in report.events)
    assert [code for _, code, _ in lost] == ["image-left-out", "shape-lost", "shape-lost"]
    assert sorted(found(tmp_path / "s", "shape-lost", "image-left-out", "zero-area")) == lost
