"""Masks in boxes by a map of the good images: the thresholds, what is recorded and copied, and what is refused."""

import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from datasets.masks.rle import decode
from features.good_map import load_good_map
from system.json_file import read_json
from tests.command import only_line, run_command
from tests.train_seg.conftest import SMALL
from train_seg.box_masks import BoxMasks, with_box_masks
from train_seg.map_masks import mask_by_map, otsu, tight
from training.good_channel import BOX_COPY, COPY


def slope(shape: np.ndarray) -> np.ndarray:
    """A map of 0 to 1 that is 0.8 in `shape` and falls off around it, as a blurred distance does."""
    soft: np.ndarray = cv2.GaussianBlur(shape.astype(np.float32), (0, 0), 4)
    return np.clip(0.2 + 0.6 * soft, 0, 1)


def test_a_thin_defect_across_a_large_box_is_found() -> None:
    """Most of the box is background, its middle too."""
    shape = np.zeros((200, 200), np.uint8)
    cv2.ellipse(shape, (100, 100), (70, 70), 0, 90, 270, 1, 12)
    x, y, w, h = cv2.boundingRect(shape)
    found = mask_by_map(slope(shape), (x, y, w, h))
    assert found
    mask, uncertain = found
    drawn = np.zeros_like(shape)
    mx, my, mw, mh = mask.box
    drawn[my : my + mh, mx : mx + mw] = mask.pixels
    assert (drawn & shape).sum() / (drawn | shape).sum() > 0.75
    assert uncertain.box == (x, y, w, h)
    sure = ~uncertain.pixels
    inner = slice(y, y + h), slice(x, x + w)
    assert (drawn[inner] == shape[inner])[sure].mean() > (drawn == shape)[inner].mean()


def test_tight_is_the_highest_threshold_that_reaches_all_sides() -> None:
    values = np.zeros((10, 10), np.float32)
    values[0, 4], values[9, 4], values[5, 0], values[5, 9] = 0.9, 0.8, 0.7, 0.6
    assert tight(values, 0.02) == pytest.approx(0.6)
    values[5, 8] = 0.75
    assert tight(values, 0.02) == pytest.approx(0.6)
    assert tight(values, 0.2) == pytest.approx(0.7)


def test_otsu_separates_two_levels() -> None:
    values = np.array([[0.1, 0.1, 0.1, 0.9]], np.float32)
    assert 0.1 < otsu(values) < 0.9


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (3.4, 3.4, 0.3, 0.3), (19, 19, 9, 9)])
def test_a_map_that_sees_nothing_in_a_box_gives_no_mask(box: tuple[float, ...]) -> None:
    assert mask_by_map(np.full((20, 20), 0.3, np.float32), box) is None


def test_a_box_that_is_above_the_limit_everywhere_is_a_defect() -> None:
    found = mask_by_map(np.full((20, 20), 0.9, np.float32), (2, 3, 5, 6))
    assert found
    mask, uncertain = found
    assert mask.box == uncertain.box == (2, 3, 5, 6)
    assert mask.pixels.all()
    assert not uncertain.pixels.any()


@pytest.fixture(scope="module")
def boxes(good_parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good parts with dark spots whose annotations in train have boxes only."""
    root = Path(shutil.copytree(good_parts, tmp_path_factory.mktemp("boxes") / "parts"))
    path = annotation_path(root, "train")
    whole = read_coco(path)
    bare = [msgspec.structs.replace(a, segmentation=[]) for a in whole.annotations]
    write_coco(path, msgspec.structs.replace(whole, annotations=bare))
    return root


def test_masks_by_a_map_are_near_the_true_ones(good_parts: Path, good_parts_run: Path, boxes: Path) -> None:
    good_map = load_good_map(good_parts_run / "weights/best.safetensors")
    found, counts = with_box_masks(load_dataset(boxes), ("train",), good_map)
    truth = load_dataset(good_parts).split("train")
    sizes = {image.id: (image.height, image.width) for image in truth.images}
    estimated = {a.id: a for a in found.split("train").annotations if not a.iscrowd}
    assert counts[0].by_map == counts[0].estimated == len(truth.annotations) > 0
    ious = []
    for true in truth.annotations:
        one, other = (decode(a.segmentation, *sizes[a.image_id]) > 0 for a in (true, estimated[true.id]))
        ious.append((one & other).sum() / (one | other).sum())
    assert np.mean(ious) > 0.5


def test_the_run_copies_the_map_and_records_it(good_parts_run: Path, boxes: Path, tmp_path: Path) -> None:
    flags = ("--from-boxes", "--box-map", good_parts_run, "--epochs", 1, "--runs", tmp_path)
    assert run_command("train_seg", "fit", boxes, *SMALL, *flags) == 0
    run = tmp_path / "seg/parts"
    recorded = {one.split: one for one in read_json(run / "box_masks.json", list[BoxMasks])}
    assert recorded["train"].by_map > 0
    assert (run / "weights" / BOX_COPY).is_file()
    assert not (run / "weights" / COPY).exists()
    assert run_command("train_seg", "predict", run, boxes / "images", "--out", tmp_path / "found.json") == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--box-map", "none"), "--box-map none: needs from_boxes, too"),
        (("--from-boxes", "--box-map", "nowhere"), "nowhere"),
    ],
)
def test_a_wrong_map_is_refused(
    boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], message: str
) -> None:
    assert run_command("train_seg", "fit", boxes, *SMALL, *flags, "--runs", tmp_path) == 2
    assert message in only_line(capsys)
    assert not (tmp_path / "seg").exists()
