"""`datasets check` of exports of other programs: they are read, and every repair of the reader is a finding."""

import shutil
from pathlib import Path

import pytest

from datasets.check.check import check
from datasets.check.facts import Limits
from tests.coco_faults import ALSO, FOREIGN
from tests.foreign_coco import annotation, coco_json, draw, image

LIMITS = Limits()


@pytest.mark.parametrize("code", list(FOREIGN))
def test_each_fault_is_found_and_no_other(coco_folder: Path, tmp_path: Path, code: str) -> None:
    root = Path(shutil.copytree(coco_folder, tmp_path / "c"))
    FOREIGN[code](root)
    codes = {finding.code for finding in check(root, LIMITS, jobs=1).findings}
    assert code in codes
    assert codes - {code} <= ALSO.get(code, set())


def test_a_category_that_only_groups_the_others_is_not_a_category(tmp_path: Path) -> None:
    categories = [
        {"id": 0, "name": "defects", "supercategory": "none"},
        {"id": 1, "name": "chip", "supercategory": "defects"},
    ]
    for k, split in enumerate(("train", "valid")):
        draw(tmp_path / split / f"{split}.jpg")
        images = [image(k, f"{split}.jpg")]
        coco_json(tmp_path / split / "_annotations.coco.json", images, [annotation(k, k)], categories)
    checked = check(tmp_path, LIMITS, jobs=1)
    assert (checked.format, checked.images, checked.annotations) == ("COCO export", 2, 2)
    assert {finding.code for finding in checked.findings} == set()


def test_a_file_that_cannot_be_read_is_a_finding_with_its_place(tmp_path: Path) -> None:
    for split, area in (("train", 240), ("val", float("nan"))):
        draw(tmp_path / f"images/{split}.png")
        found = [annotation(1, 1, area=area)]
        coco_json(tmp_path / f"annotations/instances_{split}.json", [image(1, f"{split}.png")], found)
    (finding,) = check(tmp_path, LIMITS, jobs=1).findings
    assert (finding.code, finding.file) == ("unreadable-labels", "annotations/instances_val.json")
    assert "$.annotations[0].area is NaN" in finding.value
