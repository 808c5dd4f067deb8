"""`datasets check` reports the refusals of conversions in the same words."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2yolo import coco2yolo
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.mvtec2coco import mvtec2coco
from convert.report import Report
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.check.read_labelme import LabelmeFolder
from datasets.formats.dataset_folder import annotation_path
from system.errors import InputError
from tests.labelme_files import shape, write_case
from tests.refusal_cases.coco import coco
from tests.refusal_cases.trees import write_mask

RUN = Execution(jobs=1)
CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])


def reported_by_check(root: Path) -> list[str]:
    try:
        return [finding.value for finding in check(root, Limits(), jobs=1).findings]
    except InputError as error:
        return [error.problem]


def agree(root: Path, convert: Callable[[], Report], dest: Path) -> None:
    with pytest.raises(InputError) as refused:
        convert()
    assert not dest.exists()
    assert refused.value.problem in reported_by_check(root)


def test_a_fault_of_every_file_is_reported_for_every_file(tmp_path: Path) -> None:
    for name in "abcde":
        write_case(tmp_path, {**CHIP, "group_id": [1]}, name=name)
    checked = check(tmp_path, Limits(), jobs=1)
    assert checked.format == "labelme folder"
    faults = [(finding.file, finding.code) for finding in checked.findings]
    assert faults == [(f"{name}.json", "unreadable-labels") for name in "abcde"]
    assert all("group_id" in finding.value for finding in checked.findings)


def test_json_of_other_programs_is_not_a_labelme_folder(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}')
    with pytest.raises(InputError, match="neither an MVTec tree nor"):
        check(tmp_path, Limits(), jobs=1)


def test_images_of_another_case_are_found_by_check_as_by_the_conversion(tmp_path: Path) -> None:
    for i in range(3):
        rng = np.random.default_rng(i)
        write_case(tmp_path / "src", CHIP, name=f"pic{i}", imagePath=f"PIC{i}.PNG")
        PilImage.fromarray(rng.integers(0, 255, (40, 60), np.uint8)).save(tmp_path / f"src/pic{i}.png")
    report = labelme2coco(tmp_path / "src", tmp_path / "out", execution=RUN)
    assert report.events == []
    assert check(tmp_path / "src", Limits(imgsz=60), jobs=1).findings == []


def test_a_circle_has_the_pixels_of_the_conversion(tmp_path: Path) -> None:
    """A polygon of 64 corners covers 0.2 % less than the disc."""
    write_case(tmp_path / "src", shape("dent", "circle", [[30, 20], [30, 35.3]]))
    labelme2coco(tmp_path / "src", tmp_path / "out", execution=RUN)
    coco = json.loads(annotation_path(tmp_path / "out", "train").read_text())
    listing = LabelmeFolder().list_entries(tmp_path / "src")
    assert listing is not None
    (annotation,) = LabelmeFolder().read(listing.entries[0], 60, 40).annotations
    assert annotation.area == coco["annotations"][0]["area"]
    assert annotation.box == pytest.approx((14.7, 4.7, 30.6, 30.6))


def test_a_tree_of_another_layout_that_does_not_pair_is_broken(tmp_path: Path) -> None:
    for folder in ("kos01", "kos02"):
        (tmp_path / "ksdd" / folder).mkdir(parents=True)
        PilImage.new("L", (60, 40), 9).save(tmp_path / "ksdd" / folder / "Part0.jpg")
        write_mask(tmp_path / "ksdd" / folder / "Part0_label.bmp")
    (tmp_path / "ksdd/kos02/Part0.jpg").unlink()
    agree(
        tmp_path / "ksdd",
        lambda: mvtec2coco([tmp_path / "ksdd"], tmp_path / "out", execution=RUN),
        tmp_path / "out",
    )
    assert [f.code for f in check(tmp_path / "ksdd", Limits(), jobs=1).findings] == ["broken-tree"]


def test_the_images_of_a_single_coco_file_may_be_beside_its_folder(tmp_path: Path) -> None:
    root = coco(tmp_path / "c")
    assert check(annotation_path(root, "train"), Limits(imgsz=60), jobs=1).findings == []
    outside = tmp_path / "outside.png"
    (root / "images/a.png").rename(outside)
    (root / "images/a.png").symlink_to(outside)
    dest = tmp_path / "out"
    agree(
        annotation_path(root, "train"),
        lambda: coco2yolo(annotation_path(root, "train"), dest, execution=RUN),
        dest,
    )
