"""`datasets check` of what other programs write: every repair of the reader is a finding, and exports are read."""

import shutil
from pathlib import Path

import pytest

from datasets.check.check import check
from datasets.check.facts import Limits
from tests.coco_faults import ALSO, FOREIGN

LIMITS = Limits()


@pytest.mark.parametrize("code", list(FOREIGN))
def test_each_fault_is_found_and_no_other(coco_folder: Path, tmp_path: Path, code: str) -> None:
    root = Path(shutil.copytree(coco_folder, tmp_path / "c"))
    FOREIGN[code](root)
    codes = {finding.code for finding in check(root, LIMITS, jobs=1).findings}
    assert code in codes
    assert codes - {code} <= ALSO.get(code, set())
