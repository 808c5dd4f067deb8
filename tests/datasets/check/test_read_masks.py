"""Folders of images and masks are checked as `convert masks2coco` reads them."""

from pathlib import Path

import numpy as np
import pytest

from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.check.read_masks import MaskFolders
from datasets.formats.mask_types import MaskTypes
from tests.command import only_line, run_command
from tests.small_masks import TWO, save, spots

LIMITS = Limits(max_speckle=0, imgsz=12, min_side=0)
CRACK = MaskTypes(("crack",))


def images(root: Path, count: int) -> Path:
    random = np.random.default_rng(3)
    for i in range(count):
        save(root / f"{i}.png", random.integers(0, 255, (8, 12)))
    return root


def findings(root: Path, masks: MaskFolders) -> list[tuple[str, str, str]]:
    return [(f.file, f.code, f.value) for f in check(root, LIMITS, jobs=1, masks=masks).findings]


def test_a_clean_folder_is_clean(tmp_path: Path) -> None:
    root = images(tmp_path / "p", 2)
    for name in ("0.png", "1.png"):
        save(tmp_path / "m" / name, TWO)
    checked = check(root, LIMITS, jobs=1, masks=MaskFolders(tmp_path / "m", CRACK))
    assert (checked.images, checked.annotations, checked.findings) == (2, 4, [])


def test_refusals_and_notes_of_a_conversion_are_reported(tmp_path: Path) -> None:
    root = images(tmp_path / "p", 5)
    save(tmp_path / "m/0.png", 255 - TWO)
    save(tmp_path / "m/1.png", TWO[:-1])
    save(tmp_path / "m/2.png", TWO + spots((slice(0, 1), slice(0, 1), 9)))
    save(tmp_path / "m/3.png", TWO // 255 * 2)
    save(tmp_path / "m/x.png", TWO)
    assert [(file, code) for file, code, _ in findings(root, MaskFolders(tmp_path / "m", CRACK))] == [
        ("0.png", "mask-values"),
        ("0.png", "looks-inverted"),
        ("1.png", "mask-size"),
        ("2.png", "bad-mask"),
        ("4.png", "unlabelled"),
        ("x.png", "unpaired-mask"),
    ]
    with_threshold = findings(root, MaskFolders(tmp_path / "m", CRACK, threshold=1))
    assert {code for _, code, _ in with_threshold} == {
        "looks-inverted",
        "mask-size",
        "unlabelled",
        "unpaired-mask",
    }


def test_types_that_overlap_are_reported(tmp_path: Path) -> None:
    root = images(tmp_path / "p", 1)
    save(tmp_path / "m/chip/0.png", TWO)
    save(tmp_path / "m/scratch/0.png", TWO)
    codes = [code for _, code, _ in findings(root, MaskFolders(tmp_path / "m", MaskTypes(folders=True)))]
    assert codes == ["overlap-of-types", "overlap-of-types"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = images(tmp_path / "p", 1)
    save(tmp_path / "m/0.png", 255 - TWO)
    arguments = ("check", root, "--category", "crack", "--max-speckle", "0", "--imgsz", "12", "--min-side", "0")
    assert run_command("datasets", *arguments, "--masks", tmp_path / "m") == 0
    assert "looks-inverted" in capsys.readouterr().out
    assert run_command("datasets", *arguments) == 2
    assert "give --masks FOLDER" in only_line(capsys)
