"""Corrupt labelme and COCO files: each is converted or refused, and only the destination is written."""

import json
from pathlib import Path

import numpy as np
import pytest

from convert.coco2labelme import coco2labelme
from convert.execution import Execution
from convert.labelme2coco import LabelmeOptions, labelme2coco
from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.coco_file import write_coco
from datasets.masks.rle import encode
from system.errors import InputError
from tests.corrupt_files import HOW_MANY, corrupt_text, fuzz
from tests.labelme_files import png_base64, shape, write_case


def labelme_text() -> str:
    square = [[1, 1], [20, 1], [20, 20], [1, 20]]
    shapes = [
        shape("a", "polygon", square, group_id=1),
        shape("a", "rectangle", square[::2]),
        shape("b", "circle", square[:2], group_id=1),
        shape("b", "mask", [[3, 3], [5, 4]], mask=png_base64([[1, 0, 1], [1, 1, 1]])),
        shape("c", "oriented_rectangle", square),
        shape("c", "linestrip", square),
        shape("c", "points", square),
    ]
    content = {"version": "5.5.0", "flags": {"x": True}, "shapes": shapes, "imagePath": "a.png"}
    return json.dumps(content | {"imageData": None, "imageHeight": 40, "imageWidth": 60, "other": {"x": [1]}})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in" / "src"
    write_case(folder)
    return folder


def test_corrupt_labelme_files(source: Path, tmp_path: Path) -> None:
    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return labelme2coco(
            source, dest, LabelmeOptions(line_width=3.0, segmentation="auto"), Execution(dry_run=dry_run)
        )

    fuzz(tmp_path, corrupt_text("a.json", labelme_text()), convert, HOW_MANY)


def test_corrupt_coco_files(source: Path, tmp_path: Path) -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[3:9, 4:20] = 1
    annotations = [
        Annotation(1, 1, 1, (4, 3, 16, 6), 96, encode(mask)),
        Annotation(2, 1, 2, (1, 1, 9, 9), 40, [[1, 1, 10, 1, 10, 10]]),
        Annotation(3, 1, 2, (1, 1, 9, 9), 81),
    ]
    (source / "a.json").unlink()
    coco = CocoFile([Image(1, "a.png", 60, 40)], annotations, [Category(1, "a"), Category(2, "b")])
    write_coco(source / "coco.json", coco)

    def convert(source: Path, dest: Path, dry_run: bool) -> object:
        return coco2labelme(source / "coco.json", dest, execution=Execution(dry_run=dry_run))

    fuzz(tmp_path, corrupt_text("coco.json", (source / "coco.json").read_text()), convert, HOW_MANY // 2)


def test_a_polygon_that_is_empty_after_repair_is_reported(source: Path, tmp_path: Path) -> None:
    # found by fuzzing: two spikes, with pixels around them but none inside
    flat = [[40, 0.5], [3, 1], [40, 0.5], [0, 0]]
    write_case(source, shape("a", "polygon", flat), shape("a", "rectangle", [[1, 1], [9, 9]]))
    report = labelme2coco(source, tmp_path / "c", LabelmeOptions(segmentation="polygon"))
    assert report.written["annotations"] == 1
    assert ("no-area", "nothing is left after repair") in [(e.code, e.value) for e in report.events]


def test_a_file_name_with_a_null_is_refused(source: Path, tmp_path: Path) -> None:
    # found by fuzzing: the operating system raises a ValueError for it
    coco = CocoFile([Image(1, "a\0b.png", 60, 40)], [], [Category(1, "a")])
    write_coco(source / "coco.json", coco)
    with pytest.raises(InputError, match="is not a file name"):
        coco2labelme(source / "coco.json", tmp_path / "c")
