"""`datasets check` judges YOLO segments by the pixels that Ultralytics draws."""

from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.yolo2coco import yolo2coco
from convert.yolo_segments import Style
from datasets.check.check import check
from datasets.check.facts import AnnotationFacts, Limits
from datasets.check.read_yolo import YoloFolder
from datasets.coco import Image, Rle
from datasets.masks.rle import rle_area
from tests.small_coco import mask_annotation, write_folder

SIZE = (60, 40)


def crack() -> np.ndarray:
    """A ragged mask with thin ends in all directions, of one 8-connected part."""
    mask = np.zeros((40, 60), np.uint8)
    mask[10:20, 10:30] = mask[15, 5:50] = mask[4:30, 20] = 1
    mask[np.arange(20, 28), np.arange(29, 37)] = 1
    return mask


def codes_of(folder: Path) -> set[str]:
    return {finding.code for finding in check(folder, Limits(), jobs=1).findings}


def read(folder: Path, line: str) -> AnnotationFacts:
    (folder / "images/train").mkdir(parents=True)
    (folder / "labels/train").mkdir(parents=True)
    PilImage.new("L", SIZE).save(folder / "images/train/a.png")
    (folder / "labels/train/a.txt").write_text(line)
    (folder / "data.yaml").write_text("train: images/train\nval: images/train\nnames: [dent]\n")
    listing = YoloFolder().list_entries(folder)
    assert listing is not None
    (annotation,) = YoloFolder().read(listing.entries[0], *SIZE).annotations
    return annotation


def test_our_own_segments_are_clean_there_and_back(tmp_path: Path) -> None:
    mask = crack()
    write_folder(tmp_path / "c", {"train": [Image(1, "a.png", *SIZE)]}, [mask_annotation(1, 1, 3, mask)])
    coco2yolo(tmp_path / "c", tmp_path / "y", YoloExportOptions(style=Style(segments=True)), Execution(jobs=1))
    yolo2coco(tmp_path / "y", tmp_path / "back", execution=Execution(jobs=1))
    for folder in ("c", "y", "back"):
        assert not codes_of(tmp_path / folder) & {"speckle", "zero-area", "box-from-mask"}, folder


def test_a_segment_has_the_pixels_that_are_drawn(tmp_path: Path) -> None:
    # fillPoly also draws the sides: columns 6 to 12 and rows 4 to 8
    annotation = read(tmp_path, "0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2\n")
    assert isinstance(annotation.segmentation, Rle)
    assert annotation.area == rle_area(annotation.segmentation) == 7 * 5
    assert np.allclose(annotation.box, (6, 4, 6, 4))


def test_a_segment_that_is_a_line_has_the_box_of_its_pixels(tmp_path: Path) -> None:
    annotation = read(tmp_path, "0 0.1 0.5 0.3 0.5 0.2 0.5\n")
    assert (annotation.box, annotation.area) == ((6, 20, 13, 1), 13)


def test_a_segment_of_one_point_has_no_area(tmp_path: Path) -> None:
    assert read(tmp_path, "0 0.1 0.5 0.1 0.5 0.1 0.5\n").area == 0


def test_a_segment_outside_the_image_keeps_its_points(tmp_path: Path) -> None:
    annotation = read(tmp_path, "0 0.1 0.5 3 0.5 3 0.9\n")
    assert annotation.box[0] + annotation.box[2] == 180
