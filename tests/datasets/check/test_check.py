"""Every code of `datasets check` is reported for one damaged copy of a clean dataset, and for no other."""

import shutil
from pathlib import Path

import msgspec
import pytest

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.yolo_segments import Style
from datasets.check.check import check
from datasets.check.codes import CHECK_CODES
from datasets.check.facts import Limits
from datasets.coco import Rle
from datasets.formats.coco_file import read_coco
from datasets.formats.dataset_folder import annotation_path
from tests.coco_faults import FOREIGN
from tests.command import json_result, only_line, run_command
from tests.damaged_datasets import (
    COCO,
    LABELME,
    TREE,
    YOLO,
    a_mask,
    change_coco,
    copy,
    cut,
    first,
    good,
    repaint,
    shape,
    with_annotation,
    write_labelme,
)

LIMITS = Limits(imgsz=96)  # images of 96 px are not scaled


def codes_of(root: Path, limits: Limits = LIMITS) -> set[str]:
    return {finding.code for finding in check(root, limits, jobs=1).findings}


@pytest.fixture(scope="session")
def yolo_source(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    dest = tmp_path_factory.mktemp("yolo") / "y"
    coco2yolo(coco_folder, dest, YoloExportOptions(style=Style()), Execution(jobs=1))
    return dest


@pytest.fixture(scope="session")
def labelme_source(synth_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four good and four scratched images, the latter with a triangle in 4.5.6 form."""
    root = tmp_path_factory.mktemp("labelme") / "l"
    images = sorted((synth_tree / "train/good").glob("*.png"))[:8]
    for i, image in enumerate(images):
        folder = root / ("good" if i < 4 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, folder / image.name)
        shapes = [shape("scratch", [[20, 20], [60, 20], [20, 50]])] if i >= 4 else []
        write_labelme(folder / image.with_suffix(".json").name, image.name, shapes)
    return root


def test_clean_datasets_of_every_format_trigger_nothing(
    synth_tree: Path, coco_folder: Path, yolo_source: Path, labelme_source: Path
) -> None:
    formats = []
    for source in (synth_tree, coco_folder, yolo_source, labelme_source):
        checked = check(source, LIMITS, jobs=1)
        assert checked.findings == []
        assert checked.annotations > 0
        formats.append(checked.format)
    assert formats == ["MVTec tree", "COCO dataset folder", "YOLO folder", "labelme folder"]
    assert check(coco_folder, LIMITS, jobs=2) == check(coco_folder, LIMITS, jobs=1)


@pytest.mark.parametrize("code", list(TREE))
def test_a_damaged_tree(tree: Path, code: str) -> None:
    TREE[code](tree)
    codes = codes_of(tree)
    assert code in codes
    assert codes - {code} <= {"unlabelled-defect", "small-at-training-size"}


def test_run_lengths_that_do_not_fill_the_image_are_a_bad_mask(coco_folder: Path, tmp_path: Path) -> None:
    root = copy(coco_folder, tmp_path)
    change_coco(root, lambda c: with_annotation(c, bbox=(1, 1, 9, 9), area=81, segmentation=Rle((96, 96), "04")))
    (finding,) = check(root, LIMITS, jobs=1).findings
    assert (finding.code, finding.where) == ("bad-mask", "annotation 99999")


@pytest.mark.parametrize("code", list(COCO))
def test_a_damaged_dataset_folder(coco_folder: Path, tmp_path: Path, code: str) -> None:
    root = copy(coco_folder, tmp_path)
    COCO[code](root)
    codes = codes_of(root)
    assert code in codes
    assert codes - {code} <= {"unpaired-mask", "absent-from-split", "broken-picture"}


@pytest.mark.parametrize("code", list(YOLO))
def test_a_damaged_yolo_folder(yolo_source: Path, tmp_path: Path, code: str) -> None:
    root = copy(yolo_source, tmp_path)
    YOLO[code](root)
    codes = codes_of(root)
    assert code in codes
    assert codes - {code} <= {"unlabelled", "near-duplicate-picture"}


@pytest.mark.parametrize("code", list(LABELME))
def test_a_damaged_labelme_folder(labelme_source: Path, tmp_path: Path, code: str) -> None:
    root = copy(labelme_source, tmp_path)
    LABELME[code](root)
    codes = codes_of(root)
    assert code in codes
    assert codes - {code} <= {"duplicate-picture", "small-at-training-size"}


def test_it_reports_every_fault_and_not_only_the_first(tree: Path) -> None:
    a_mask(tree).unlink()
    cut(good(tree))
    shutil.copy(good(tree, 1), tree / "test/good/zz.png")
    repaint(first(tree / "ground_truth"), lambda v: v[:-1])
    assert {"unlabelled-defect", "broken-picture", "duplicate-across-splits", "mask-size"} <= codes_of(tree)


def test_limits_are_applied(coco_folder: Path) -> None:
    boxes = [
        a.bbox for s in ("train", "val", "test") for a in read_coco(annotation_path(coco_folder, s)).annotations
    ]
    areas = sorted(
        a.area for s in ("train", "val", "test") for a in read_coco(annotation_path(coco_folder, s)).annotations
    )
    speckle = check(coco_folder, Limits(max_speckle=int(areas[2]) + 1, imgsz=96), jobs=1).findings
    assert len(speckle) == sum(area < areas[2] + 1 for area in areas)
    small = check(coco_folder, Limits(imgsz=24), jobs=1).findings
    assert len([f for f in small if f.code == "small-at-training-size"]) == sum(min(b[2:]) / 4 < 4 for b in boxes)


def test_exit_status_and_json(coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("datasets", "check", coco_folder, "--imgsz", 96) == 0
    assert "nothing found" in capsys.readouterr().out
    root = copy(coco_folder, tmp_path)
    change_coco(root, with_annotation)
    assert run_command("datasets", "check", root, "--imgsz", 96) == 0
    assert run_command("datasets", "check", root, "--imgsz", 96, "--strict") == 1
    capsys.readouterr()
    change_coco(root, lambda coco: msgspec.structs.replace(coco, annotations=coco.annotations[:-1]))
    change_coco(root, lambda coco: with_annotation(coco, area=0))
    assert run_command("datasets", "check", root, "--imgsz", 96, "--json") == 1
    (finding,) = json_result(capsys)["findings"]
    assert (finding["level"], finding["code"], finding["where"]) == ("error", "zero-area", "annotation 99999")
    assert run_command("datasets", "check", tmp_path / "none") == 2
    assert "no such folder" in only_line(capsys)
    (tmp_path / "empty").mkdir()
    assert run_command("datasets", "check", tmp_path / "empty") == 2
    assert "neither an MVTec tree" in only_line(capsys)


def test_every_file_of_a_dataset_that_cannot_be_read_is_a_finding(coco_folder: Path, tmp_path: Path) -> None:
    root = copy(coco_folder, tmp_path)
    for split in ("train", "val", "test"):
        annotation_path(root, split).write_text("[]")
    found = [(finding.file, finding.code) for finding in check(root, LIMITS).findings]
    names = ("test", "train", "val")
    assert found == [(f"annotations/instances_{name}.json", "unreadable-labels") for name in names]


def test_a_dataset_whose_description_is_broken_ends_with_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.yaml").write_text("train: images/train\nnames: [dent, dent]\n")
    assert run_command("datasets", "check", tmp_path, "--json") == 1
    (finding,) = json_result(capsys)["findings"]
    assert (finding["level"], finding["code"], finding["file"]) == ("error", "unusable-dataset", "data.yaml")
    assert finding["value"] == "a class name occurs twice in dent, dent"


def test_the_real_bottle_has_one_bottle_photographed_twice(real_bottle: Path) -> None:
    (finding,) = check(real_bottle, Limits()).findings
    assert (finding.code, finding.file) == ("near-duplicate-picture", "train/good/070.png")
    assert finding.value == "like train/good/069.png"


def test_every_code_is_triggered_by_a_case() -> None:
    elsewhere = {
        "split-skew",
        "box-outlier",
        "broken-tree",
        "class-0-unused",
        "image-left-out",
        "labelled-differently",
        "maybe-keypoints",
        "mask-values",
        "no-category",
        "too-many-categories",
        "many-overlaps",
        "swapped-axes",
        "swapped-corners",
    }
    assert set(CHECK_CODES) == {*TREE, *COCO, *FOREIGN, *YOLO, *LABELME, *elsewhere}


@pytest.mark.parametrize("code", list(CHECK_CODES))
def test_every_code_is_documented_with_its_level_and_meaning(code: str) -> None:
    documented = (Path(__file__).parents[3] / "docs/codes.md").read_text(encoding="utf-8").replace("`", "")
    assert f"| {code} | {CHECK_CODES[code].level} | {CHECK_CODES[code].meaning}" in documented
