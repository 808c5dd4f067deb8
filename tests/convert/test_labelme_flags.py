"""The image flags that `annotate init` offers: good, uncertain, reject."""

from pathlib import Path
from typing import Any

import pytest

from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from datasets.check.check import check
from datasets.check.facts import Limits
from system.errors import InputError
from tests.labelme_files import instances, shape, write_case

CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])
CODE = "flagged-type-without-shape"
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


PLAIN = {**CHIP, "label": "dent"}
SPECK = shape("_background_", "rectangle", [[1, 1], [9, 9]])


@pytest.mark.parametrize(
    ("flags", "drawn", "record", "left_out"),
    [
        ({"dent": True}, [], None, ["dent"]),  # the label of a shape of another image
        ({"dent": True, "unreviewed": False}, [SPECK], None, ["dent"]),
        ({"dent": True, "good": True}, [], None, ["dent"]),
        ({" dent": True, "listed": True}, [], None, [" dent", "listed"]),
        ({"proposed": True}, [], {"types": {"names": ["proposed"]}}, ["proposed"]),
        ({"earlier": True}, [], {"types": {"names": ["good"], "before": ["earlier"]}}, ["earlier"]),
        ({"dent": True}, [CHIP], None, []),
        ({"dent": False, "night_shift": True}, [], None, []),
        ({"good": True}, [], {"types": {"names": ["good"]}}, []),
        ({"night_shift": True}, [], ["not what defectline writes"], []),
    ],
)
def test_an_image_flagged_with_a_type_is_not_a_negative(
    tmp_path: Path, flags: dict[str, bool], drawn: list[Any], record: object, left_out: list[str]
) -> None:
    source = tmp_path / "src"
    write_case(source, *drawn, flags=flags, defectline=record)
    write_case(source, PLAIN, name="b")
    (source / "labels.txt").write_text("listed\n\n")
    report = convert(source, tmp_path / "dst")
    assert list(instances(tmp_path / "dst")) == (["b.png"] if left_out else ["a.png", "b.png"])
    assert report.written["negatives"] == (not left_out and not drawn)
    stated = [("a.json", "$.flags", CODE, ", ".join(left_out))] if left_out else []
    assert [(e.file, e.where, e.code, e.value) for e in report.events if e.code == CODE] == stated
    found = check(source, Limits(), jobs=1).findings
    assert [(f.file, f.where, f.code, f.value) for f in found if f.code == CODE] == stated


def test_the_rule_of_flagged_types_follows_labels_and_renames(tmp_path: Path) -> None:
    source = tmp_path / "src"
    write_case(source, shape("speck", "rectangle", [[1, 1], [9, 9]]), flags={"dent": True})
    write_case(source, PLAIN, name="b")
    write_case(source, name="c", flags={"speck": True})
    report = convert(source, tmp_path / "dst", rename=("speck=_background_",))
    assert list(instances(tmp_path / "dst")) == ["b.png", "c.png"]
    assert [(e.file, e.value) for e in report.events if e.code == CODE] == [("a.json", "dent")]
    (tmp_path / "order.txt").write_text("dent\nspeck\nnight\n")
    write_case(source, name="c", flags={"night": True})
    report = convert(source, tmp_path / "dst2", labels=tmp_path / "order.txt")
    assert [(e.file, e.value) for e in report.events if e.code == CODE] == [("c.json", "night")]


def test_a_flagged_type_is_a_loss_and_uncertain_goes_before_it(tmp_path: Path) -> None:
    write_case(tmp_path / "src", CHIP)
    write_case(tmp_path / "src", name="b", flags={"chip": True, "uncertain": True})
    report = convert(tmp_path / "src", tmp_path / "dst", strict=True)
    assert [event.code for event in report.events] == ["uncertain"]
    write_case(tmp_path / "src", name="b", flags={"chip": True})
    with pytest.raises(InputError, match=CODE):
        convert(tmp_path / "src", tmp_path / "dst2", strict=True)


def test_a_folder_in_which_types_are_only_flagged_is_refused_by_both(tmp_path: Path) -> None:
    write_case(tmp_path, flags={"chip": True}, defectline={"types": {"names": ["chip"]}})
    with pytest.raises(InputError, match=rf"left out \(1 {CODE}\)") as refused:
        convert(tmp_path, tmp_path.parent / "dst")
    found = {finding.code: finding.value for finding in check(tmp_path, Limits(), jobs=1).findings}
    assert found == {CODE: "chip", "unusable-dataset": refused.value.problem}


def test_a_folder_of_rejected_images_is_refused_with_the_reasons(tmp_path: Path) -> None:
    write_case(tmp_path / "src", flags={"reject": True})
    write_case(tmp_path / "src", CHIP, name="b", flags={"good": True})
    with pytest.raises(InputError, match=r"left out \(1 flagged-good-with-shape, 1 rejected\)"):
        convert(tmp_path / "src", tmp_path / "dst")
