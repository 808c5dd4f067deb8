"""`datasets check --exclude`: the same files as for the conversions, in every format."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.check.read_masks import MaskFolders
from datasets.formats.mask_types import MaskTypes
from system.errors import OptionError
from system.exclude import Excluder
from tests.command import json_result, run_command
from tests.foreign_coco import annotation, coco_json, draw, image
from tests.labelme_files import shape, write_case
from tests.restarting_ids import restart_ids
from tests.tool_exports import draw_image, result, task, voc_object, write_json, write_voc

BOX = {"x": 10, "y": 10, "width": 30, "height": 30}


def coco(root: Path) -> None:
    for name in ("a.png", "draft_b.png"):
        draw(root / name)
    listed = [image(1, "a.png"), image(2, "draft_b.png", 9)]
    coco_json(root / "c.json", listed, [annotation(1, 1), annotation(2, 2)])


def yolo(root: Path) -> None:
    for name in ("a", "draft_b"):
        draw_image(root / f"images/{name}.png")
        (root / "labels").mkdir(exist_ok=True)
        (root / f"labels/{name}.txt").write_text("0 .5 .5 .2 .2\n" if name == "a" else "x\n")
    (root / "classes.txt").write_text("chip\n")


def labelme(root: Path) -> None:
    write_case(root, shape("chip", "rectangle", [[10, 8], [30, 20]]))
    write_case(root, shape("", "rectangle", [[10, 8], [30, 20]]), name="draft_b")


def voc(root: Path) -> None:
    for name in ("a", "draft_b"):
        draw_image(root / f"{name}.png")
        write_voc(root / f"{name}.xml", voc_object("chip", (2, 3, 9, 9)), filename=f"{name}.png")
    (root / "draft_b.xml").write_text("<annotation>")


def label_studio(root: Path) -> None:
    for name in ("a.png", "draft_b.png"):
        draw_image(root / name)
    tasks = [task(name, result("rectanglelabels", BOX)) for name in ("a.png", "draft_b.png", "draft_missing.png")]
    tasks[1]["annotations"][0]["result"][0]["original_width"] = 9
    write_json(root / "ls.json", tasks)


def tree(root: Path) -> None:
    for name in ("a", "draft_b"):
        draw(root / f"test/dent/{name}.png")
    mask = np.zeros((48, 64), np.uint8)
    mask[4:20, 5:30] = 255
    (root / "ground_truth/dent").mkdir(parents=True)
    PilImage.fromarray(mask).save(root / "ground_truth/dent/a_mask.png")


FORMATS: dict[str, Callable[[Path], None]] = {
    "coco": coco, "yolo": yolo, "labelme": labelme, "voc": voc, "label studio": label_studio, "tree": tree
}  # fmt: skip


@pytest.mark.parametrize("name", list(FORMATS))
def test_excluded_files_have_no_finding(tmp_path: Path, name: str) -> None:
    FORMATS[name](tmp_path)
    all_read = check(tmp_path, Limits(), jobs=1)
    assert [f for f in all_read.findings if f.level == "error"]
    checked = check(tmp_path, Limits(), jobs=1, exclude=Excluder(("draft_*",)))
    assert (checked.images, checked.annotations, checked.findings) == (1, 1, [])


def test_masks(tmp_path: Path) -> None:
    tree(tmp_path)
    shutil.copy(tmp_path / "ground_truth/dent/a_mask.png", tmp_path / "ground_truth/dent/overlay.png")
    folders = MaskFolders(tmp_path / "ground_truth/dent", MaskTypes(("dent",), False, (), False), "{stem}_mask")
    checked = check(
        tmp_path / "test/dent", Limits(), jobs=1, masks=folders, exclude=Excluder(("draft_b.png", "overlay.*"))
    )
    assert (checked.images, checked.annotations, checked.findings) == (1, 1, [])


def test_a_pattern_that_matches_nothing_is_refused_and_the_command_has_the_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelme(tmp_path)
    with pytest.raises(OptionError, match="matches no file"):
        check(tmp_path, Limits(), jobs=1, exclude=Excluder(("draft_*", "nothing")))
    assert run_command("datasets", "check", tmp_path) == 1
    capsys.readouterr()
    assert run_command("datasets", "check", tmp_path, "--exclude", "draft_b.*", "--json") == 0
    assert json_result(capsys)["findings"] == []


def test_notes_never_change_the_exit_status(coco_folder: Path, tmp_path: Path) -> None:
    """Ids that restart are legal, and read correctly; files of supervision, Roboflow and FiftyOne have them."""
    root = Path(shutil.copytree(coco_folder, tmp_path / "c"))
    before = {finding.code for finding in check(root, Limits(), jobs=1).findings}
    restart_ids(root)
    findings = check(root, Limits(), jobs=1).findings
    assert {finding.code for finding in findings} == before | {"ids-restart"}
    assert {finding.level for finding in findings if finding.code == "ids-restart"} == {"note"}
    assert run_command("datasets", "check", root, "--strict") == int(bool(before))
