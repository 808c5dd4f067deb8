"""The image flags that `annotate init` offers: good, uncertain, reject."""

from pathlib import Path
from typing import Any

import pytest

from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from system.errors import InputError
from tests.labelme_files import instances, shape, write_case

CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])
PROPOSED = {**CHIP, "flags": {"unreviewed": True}}


def folder(root: Path) -> Path:
    write_case(root, name="a", flags={"reject": True})
    write_case(root, name="b", flags={"uncertain": True})
    write_case(root, name="c", flags={"good": True})
    write_case(root, CHIP, name="d", flags={"good": False})
    write_case(root, CHIP, name="e", flags={"good": True})
    write_case(root, CHIP, name="f", flags={"reject": True})
    write_case(root, CHIP, name="g", flags={"uncertain": True})
    return root


def convert(source: Path, dest: Path, *, strict: bool = False, **options: Any) -> Report:
    chosen = LabelmeOptions(ratios=(1, 0, 0), **options)
    return labelme2coco(source, dest, chosen, Execution(strict=strict, jobs=1))


@pytest.mark.parametrize("unlabelled", ["leave-out", "negative"])
def test_only_images_flagged_good_without_a_shape_are_negatives(tmp_path: Path, unlabelled: str) -> None:
    report = convert(folder(tmp_path / "src"), tmp_path / "dst", unlabelled=unlabelled)
    assert {name: len(found) for name, found in instances(tmp_path / "dst").items()} == {
        "c.png": 0,
        "d.png": 1,
        "g.png": 1,
    }
    assert report.written["negatives"] == 1
    assert [(event.file, event.where, event.code) for event in report.events] == [
        ("a.json", "$.flags.reject", "rejected"),
        ("b.json", "$.flags", "uncertain"),
        ("e.json", "$.flags.good", "flagged-good-with-shape"),
        ("f.json", "$.flags.reject", "rejected"),
    ]


def test_a_good_image_with_a_shape_is_a_loss(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="flagged-good-with-shape"):
        convert(folder(tmp_path / "src"), tmp_path / "dst", strict=True)


def test_shapes_that_are_not_defects_do_not_contradict_the_flag_good(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("_background_", "rectangle", [[1, 1], [9, 9]]), flags={"good": True})
    write_case(tmp_path / "src", PROPOSED, name="b", flags={"good": True})
    write_case(tmp_path / "src", CHIP, name="c")
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert {name: len(found) for name, found in instances(tmp_path / "dst").items()} == {"a.png": 0, "c.png": 1}
    assert [event.code for event in report.events] == ["background-label", "unreviewed"]


def test_an_uncertain_image_of_background_shapes_is_not_a_negative(tmp_path: Path) -> None:
    write_case(tmp_path / "src", shape("_background_", "rectangle", [[1, 1], [9, 9]]), flags={"uncertain": True})
    write_case(tmp_path / "src", CHIP, name="b")
    report = convert(tmp_path / "src", tmp_path / "dst")
    assert list(instances(tmp_path / "dst")) == ["b.png"]
    assert [event.code for event in report.events] == ["uncertain", "background-label"]


def test_a_folder_of_rejected_images_is_refused_with_the_reasons(tmp_path: Path) -> None:
    write_case(tmp_path / "src", flags={"reject": True})
    write_case(tmp_path / "src", CHIP, name="b", flags={"good": True})
    with pytest.raises(InputError, match=r"left out \(1 flagged-good-with-shape, 1 rejected\)"):
        convert(tmp_path / "src", tmp_path / "dst")
