"""`datasets check` of exports of labelling tools reports everything that convert refuses or loses."""

from pathlib import Path

import pytest

from convert.execution import Execution
from convert.voc2coco import VocOptions, voc2coco
from datasets.check.check import Checked, check
from datasets.check.facts import Limits
from system.errors import InputError
from tests.tool_exports import draw_image, result, task, voc_object, write_cvat, write_json, write_voc

POLYGON = '<polygon label="chip" points="10,8;30,8;30,20;10,20"/>'


def findings(checked: Checked) -> list[tuple[str, str, str]]:
    """File, place and code of each finding, except those about images being small and plain."""
    ignored = {"near-duplicate-picture", "duplicate-picture", "small-at-training-size", "speckle"}
    return [(f.file, f.where, f.code) for f in checked.findings if f.code not in ignored]


def run(source: Path) -> Checked:
    return check(source, Limits(), jobs=1)


def test_a_voc_folder_without_a_fault_is_clean(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    write_voc(tmp_path / "a.xml", voc_object("x", (2, 2, 30, 30)), filename="a.png")
    checked = run(tmp_path)
    assert (checked.format, checked.images, checked.annotations) == ("export of a labelling tool", 1, 1)
    assert findings(checked) == []


def test_every_fault_of_a_voc_folder_is_found_at_once(tmp_path: Path) -> None:
    for name in ("broken", "outside", "size", "flat", "unlisted"):
        draw_image(tmp_path / f"{name}.png")
    (tmp_path / "broken.xml").write_text("<annotation><object/></annotation>")
    write_voc(tmp_path / "outside.xml", voc_object("x", (2, 2, 90, 30)), filename="outside.png")
    write_voc(tmp_path / "size.xml", voc_object("x", (2, 2, 30, 30)), size=(60, 40))
    write_voc(tmp_path / "flat.xml", voc_object("x", (0, 5, 0, 9)))  # from 0 on, so that it has no width
    write_voc(tmp_path / "gone.xml", voc_object("x", (2, 2, 30, 30)))
    write_voc(tmp_path / "zz/flat.xml", voc_object("x", (2, 2, 30, 30)))
    assert sorted((file, code) for file, _, code in findings(run(tmp_path))) == [
        ("broken.png", "unlabelled"),
        ("broken.xml", "unreadable-labels"),
        ("flat.png", "zero-area"),
        ("gone.xml", "missing-picture"),
        ("outside.png", "outside-image"),
        ("size.png", "size-mismatch"),
        ("unlisted.png", "unlabelled"),
        ("zz/flat.xml", "ambiguous-pair"),
    ]


def test_splits_are_compared(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        draw_image(tmp_path / f"{split}/{split}.png")
        write_voc(tmp_path / f"{split}/{split}.xml", voc_object("x", (2, 2, 30, 30)), filename=f"{split}.png")
    assert [f.code for f in run(tmp_path).findings if "across" in f.code] == ["duplicate-across-splits"]


def test_cvat_and_label_studio_are_read_like_in_a_conversion(tmp_path: Path) -> None:
    draw_image(tmp_path / "c/a.png")
    draw_image(tmp_path / "c/b.png", shade=200)
    ellipse = '<ellipse label="dent" cx="40" cy="30" rx="9" ry="5"/><polyline label="chip" points="1,1;9,9"/>'
    write_cvat(tmp_path / "c/annotations.xml", {"a.png": POLYGON + ellipse, "b.png": ""})
    assert findings(run(tmp_path / "c")) == [
        ("a.png", "image a.png, polyline 3", "zero-area"),
        ("b.png", "", "unlabelled"),
    ]
    assert run(tmp_path / "c/annotations.xml").annotations == 3
    draw_image(tmp_path / "l/a.png")
    regions = [result("rectangle", {"x": 1, "y": 1, "width": 9, "height": 9}, None)]
    regions += [result("brushlabels", {"rle": [0, 0]})]
    write_json(tmp_path / "l/export.json", [task("a.png", *regions)])
    assert [code for _, _, code in findings(run(tmp_path / "l"))] == ["empty-label", "unreadable-labels"]


def test_a_video_is_refused_as_convert_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text('<annotations><track id="0"/></annotations>')
    (finding,) = run(tmp_path).findings
    assert (finding.file, finding.code) == ("a.xml", "unusable-dataset")
    assert finding.value == "this is CVAT for video (<track> in line 1)"


FAULTY = [voc_object("x", (2, 2, "a", 9)), "<object><name>x</name></object>", voc_object("", (1, 1, 2, 2))]


@pytest.mark.parametrize("faulty", FAULTY)
def test_refusals_of_convert_are_reported_in_the_same_words(tmp_path: Path, faulty: str) -> None:
    draw_image(tmp_path / "s/a.png")
    write_voc(tmp_path / "s/a.xml", faulty, filename="a.png")
    with pytest.raises(InputError) as refused:
        voc2coco(tmp_path / "s", tmp_path / "c", VocOptions(), Execution(dry_run=True))
    assert refused.value.problem in [finding.value for finding in run(tmp_path / "s").findings]
