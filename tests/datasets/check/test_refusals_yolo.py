"""What yolo2coco refuses is found by `datasets check` in the same words."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2labelme import LabelmeExportOptions, coco2labelme
from convert.coco2masks import coco2masks
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.report import Report
from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.coco import Category, Image
from system.errors import InputError
from tests.labelme_files import shape, write_case
from tests.refusals import agree, refused_by
from tests.small_coco import box_annotation, write_folder

RUN = Execution(jobs=1)
SKIP = Execution(jobs=1, skip_bad=True)
YAML = "train: images/train\nval: images/val\nnames: [dent]\n"
BOX = "0 0.5 0.5 0.2 0.2\n"
SEGMENT = "0 0.1 0.1 0.4 0.1 0.4 0.5\n"


def yolo(root: Path, labels: dict[str, str], described: str = YAML) -> Path:
    """A YOLO folder with these label files by split/stem, each with an image of its own."""
    for k, (name, text) in enumerate(labels.items()):
        for kind in ("images", "labels"):
            (root / kind / name).parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(k).integers(0, 255, (40, 60), np.uint8)
        PilImage.fromarray(values).save(root / f"images/{name}.png")
        (root / f"labels/{name}.txt").write_text(text)
    (root / "data.yaml").write_text(described)
    return root


GOOD = {"train/a": BOX, "train/b": BOX, "val/c": BOX}


def second_ending(root: Path) -> None:
    values = np.random.default_rng(9).integers(0, 255, (40, 60), np.uint8)
    PilImage.fromarray(values).save(root / "images/train/a.jpg")


CASES: dict[str, tuple[dict[str, str], str, Callable[[Path], object], int]] = {
    "every bad line": (GOOD | {"train/a": "3 0.5 0.5 0.2 0.2\n0 9 0.5 0.2 0.2\n", "val/c": "x\n"}, YAML, bool, 3),
    "a file that is not text": (GOOD, YAML, lambda r: (r / "labels/train/a.txt").write_bytes(b"\xff\xfe\xff"), 1),
    "one file of boxes among segments": (
        {"train/a": BOX, "train/b": SEGMENT, "val/c": SEGMENT, "val/d": SEGMENT},
        YAML,
        bool,
        1,
    ),
    "files of segments among boxes": (GOOD | {"train/s": SEGMENT, "val/t": SEGMENT}, YAML, bool, 2),
    "boxes and segments in one file": (GOOD | {"train/a": BOX + SEGMENT}, YAML, bool, 1),
    "two images with one label file": (GOOD, YAML, second_ending, 1),
    "an image in two splits": (GOOD, YAML.replace("images/val", "[images/val, images/train]"), bool, 2),
}


@pytest.mark.parametrize("case", list(CASES))
def test_a_refusal_is_found_in_the_same_words(tmp_path: Path, case: str) -> None:
    labels, described, damage, faults = CASES[case]
    root, dest = yolo(tmp_path / "y", labels, described), tmp_path / "out"
    damage(root)
    agree(root, lambda: yolo2coco(root, dest, execution=RUN), dest, faults)


DESCRIBED = {
    "no names": "train: images/train\nval: images/val\n",
    "names that are not a list": YAML.replace("[dent]", "dent"),
    "numbers that skip one": YAML.replace("[dent]", "{0: dent, 2: chip}"),
    "a name twice": YAML.replace("[dent]", "[dent, dent]"),
    "another count": YAML + "nc: 3\n",
    "a folder that is missing": YAML.replace("images/val", "images/valid"),
    "a split that is a number": YAML.replace("images/val", "3"),
    "a path that is missing": "path: elsewhere\n" + YAML,
    "a path that is a number": "path: 3\n" + YAML,
    "keypoints that are text": YAML + "kpt_shape: many\n",
    "no mapping": "- train\n",
    "no YAML": "train: [images\n",
}


@pytest.mark.parametrize("case", list(DESCRIBED))
def test_a_description_is_refused_by_both(tmp_path: Path, case: str) -> None:
    """Without its description there is no dataset to check: both end with the same error."""
    root = yolo(tmp_path / "y", GOOD, DESCRIBED[case])
    refused = refused_by(lambda: yolo2coco(root, tmp_path / "out", execution=RUN))
    with pytest.raises(InputError) as checked:
        check(root, Limits(), jobs=1)
    assert refused == [checked.value.problem]


def test_bad_label_files_are_left_out_and_never_a_negative(tmp_path: Path) -> None:
    root = yolo(tmp_path / "y", GOOD | {"train/a": "x\n"})
    options = YoloOptions(unlabelled="negative")
    report = yolo2coco(root, tmp_path / "out", options, SKIP)
    assert [(e.file, e.code) for e in report.events] == [("labels/train/a.txt:1", "bad-input")]
    assert (report.written["images"], report.written["negatives"]) == (2, 0)


def test_bad_labelme_files_are_reported_together_and_left_out(tmp_path: Path) -> None:
    root, dest = tmp_path / "s", tmp_path / "out"
    chip = shape("chip", "rectangle", [[10, 8], [30, 20]])
    for name in ("a", "b", "c", "d"):
        write_case(root, chip, name=name)
    (root / "a.json").write_text((root / "a.json").read_text()[:80])
    write_case(root, {**chip, "group_id": [1]}, name="b")
    (root / "c.png").unlink()
    agree(root, lambda: labelme2coco(root, dest, execution=RUN), dest, faults=2)  # b.json when drawn
    report = labelme2coco(root, dest, LabelmeOptions(unlabelled="negative"), SKIP)
    bad = [event.file for event in report.events if event.code == "bad-input"]
    assert sorted(bad)[:1] == ["a.json"]
    assert len(bad) == 3
    assert (report.written["images"], report.written["negatives"]) == (1, 0)


def coco(root: Path) -> Path:
    """Four images: one whole, one missing, one of another size, one cut short."""
    names = ("a.png", "b.png", "c.png", "d.png")
    listed = [Image(i, name, 60, 40) for i, name in enumerate(names, 1)]
    boxes = [box_annotation(i, i, 3, (10, 8, 20, 12), [[10, 8, 30, 8, 30, 20, 10, 20]]) for i in range(1, 5)]
    write_folder(root, {"train": listed}, boxes, [Category(3, "dent")])
    (root / "images/b.png").unlink()
    PilImage.new("RGB", (61, 40)).save(root / "images/c.png")
    (root / "images/d.png").write_bytes((root / "images/d.png").read_bytes()[:-40])
    return root


OUT: dict[str, Callable[[Path, Path, Execution], Report]] = {
    "coco2yolo": lambda source, dest, run: coco2yolo(source, dest, YoloExportOptions(), run),
    "coco2labelme": lambda source, dest, run: coco2labelme(source, dest, LabelmeExportOptions(), run),
}


@pytest.mark.parametrize("name", list(OUT))
def test_missing_and_bad_images_of_coco(tmp_path: Path, name: str) -> None:
    root, dest = coco(tmp_path / "c"), tmp_path / "out"
    agree(root, lambda: OUT[name](root, dest, RUN), dest)  # missing ones first, before any is read
    report = OUT[name](root, dest, SKIP)
    bad = [event.file for event in report.events if event.code == "bad-input"]
    assert sorted(bad) == ["b.png", "c.png", "d.png"]
    assert [path.name for path in sorted(dest.rglob("*.png"))] == ["a.png"]


@pytest.mark.parametrize("name", list(OUT))
def test_all_bad_images_of_coco_are_reported_together(tmp_path: Path, name: str) -> None:
    root, dest = coco(tmp_path / "c"), tmp_path / "out"
    PilImage.new("RGB", (60, 40)).save(root / "images/b.png")
    agree(root, lambda: OUT[name](root, dest, RUN), dest, faults=2)


def test_masks_that_cannot_be_drawn_are_reported_together(tmp_path: Path) -> None:
    names = ("a.png", "b.png", "c.png")
    far = [[10, 8, 1e6, 8, 30, 20]]
    square = [[10, 8, 30, 8, 30, 20, 10, 20]]
    rings = {1: far, 2: square, 3: far}
    boxes = [box_annotation(i, i, 3, (10, 8, 20, 12), ring) for i, ring in rings.items()]
    listed = [Image(i, name, 60, 40) for i, name in enumerate(names, 1)]
    root = write_folder(tmp_path / "c", {"train": listed}, boxes, [Category(3, "dent")])
    dest = tmp_path / "out"
    agree(root, lambda: coco2masks(root, dest, execution=RUN), dest, faults=2)
    report = coco2masks(root, dest, execution=SKIP)
    assert sorted(event.file for event in report.events if event.code == "bad-input") == ["a.png", "c.png"]
    assert [path.name for path in sorted(dest.rglob("*.png"))] == ["b.png"]
