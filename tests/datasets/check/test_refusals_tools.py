"""`datasets check` reports all refusals of the conversions from labelling tools in the same words."""

from pathlib import Path

from convert.csv2coco import CsvOptions, csv2coco
from convert.cvat2coco import CvatOptions, cvat2coco
from convert.execution import Execution
from convert.voc2coco import VocOptions, voc2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from tests.refusal_cases.tools import BOX, SEVERSTAL, csv, cvat, images, voc
from tests.refusals import agree
from tests.tool_exports import (
    HEIGHT,
    WIDTH,
    voc_object,
)
from tests.tool_exports import boxes as boxes_in

RUN = Execution(jobs=1)


def test_severstal_pixels_without_a_class_are_found(tmp_path: Path) -> None:
    images(tmp_path / "s", "a.png", "b.png")
    (tmp_path / "s/table.csv").write_text(f"{SEVERSTAL}\nb.png,1,1 4\na.png,,1 4\na.png,2,q\n")
    dest = tmp_path / "out"
    agree(tmp_path / "s", lambda: csv2coco(tmp_path / "s/table.csv", dest, execution=RUN), dest)


def test_all_faults_of_an_export_are_reported_together_and_left_out(tmp_path: Path) -> None:
    root, dest = tmp_path / "s", tmp_path / "out"
    cvat('<box xtl="2" ytl="2" xbr="30" ybr="30"/>', **{"c.png": '<polygon label="x" points="1"/>', "d.png": BOX})(
        root
    )
    (root / "d.png").unlink()
    agree(root, lambda: cvat2coco(root, dest, execution=RUN), dest, faults=3)
    skipping = Execution(jobs=1, skip_bad=True)
    report = cvat2coco(root, dest, CvatOptions(unlabelled="negative"), skipping)
    assert sorted(event.code for event in report.events) == ["bad-input"] * 3 + ["unlabelled"] * 2
    assert boxes_in(dest) == {"b.png": [("chip", (2, 2, 28, 28))]}  # a.png and c.png are not negatives
    codes = [finding.code for finding in check(root, Limits(imgsz=WIDTH), jobs=1).findings]
    assert codes.count("unreadable-labels") == 2


def test_a_row_that_is_left_out_takes_its_image_with_it(tmp_path: Path) -> None:
    root = tmp_path / "s"
    csv(f"a.png,{WIDTH},{HEIGHT},chip,2,2,9,9", f"a.png,{WIDTH},{HEIGHT},chip,q,2,9,9")(root)
    report = csv2coco(root / "table.csv", tmp_path / "out", CsvOptions(), Execution(jobs=1, skip_bad=True))
    assert [e.code for e in report.events if e.code == "bad-input"] == ["bad-input"]
    assert list(boxes_in(tmp_path / "out")) == ["b.png"]


def test_bad_xml_files_are_left_out(tmp_path: Path) -> None:
    root = tmp_path / "s"
    voc(voc_object("", (1, 1, 2, 2)))(root)
    report = voc2coco(root, tmp_path / "out", VocOptions(), Execution(jobs=1, skip_bad=True))
    assert [(e.file, e.code) for e in report.events if e.code == "bad-input"] == [("a.xml", "bad-input")]
    assert list(boxes_in(tmp_path / "out")) == ["b.png"]
