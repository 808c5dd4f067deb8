"""Boxes without masks train the segmenter: estimated masks, what is recorded, and that test stays unchanged."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch

from datasets.coco import Annotation, Box, Category, CocoFile, Image
from datasets.crops import write_crops
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import Dataset, annotation_path, load_dataset, write_annotations
from datasets.masks.component import Component
from datasets.masks.rle import decode
from evaluate.run_folder import Run
from system.errors import InputError
from system.json_file import read_json
from tests.command import run_command
from tests.odd_datasets import odd_folder
from tests.train_seg.test_odd_datasets import TINY
from tests.trainer_cases import check_refused, check_trained
from train_seg.box_masks import BoxMasks, mask_in_box, with_box_masks
from train_seg.colour_masks import uncertain_in_box
from train_seg.data import load_cached
from train_seg.learner import training_images
from train_seg.options import SegmenterOptions
from training.trainer import Work


def drawn(shape: np.ndarray, seed: int = 0) -> np.ndarray:
    """A light noisy image of the size of `shape` that is dark where `shape` is set."""
    pixels = np.random.default_rng(seed).integers(170, 220, (*shape.shape, 3), dtype=np.uint8)
    pixels[shape > 0] = np.random.default_rng(seed).integers(20, 60, (int((shape > 0).sum()), 3), dtype=np.uint8)
    return pixels


def drop(side: int, x: int, y: int, size: int) -> np.ndarray:
    """A disc in a box of `size` pixels, and the two upper corners of that box."""
    shape = np.zeros((side, side), np.uint8)
    cv2.circle(shape, (x + size // 2, y + size // 2), size // 2, 1, -1)
    shape[y : y + size // 2, x : x + size + 1] = 1
    return shape


@pytest.mark.parametrize(("side", "size"), [(120, 40), (700, 400)])
def test_the_mask_of_a_drop_is_found_in_its_box(side: int, size: int) -> None:
    """The ellipse in its box lacks the corners; the larger one is shrunk."""
    shape = drop(side, side // 4, side // 4, size)
    x, y, w, h = cv2.boundingRect(shape)
    component, ellipse = mask_in_box(drawn(shape), (x, y, w, h))
    assert not ellipse
    found = np.zeros_like(shape)
    fx, fy, fw, fh = component.box
    found[fy : fy + fh, fx : fx + fw] = component.pixels
    assert (found & shape).sum() / (found | shape).sum() > 0.97
    assert np.pi / 4 * w * h / shape.sum() < 0.95  # of the ellipse alone
    again, _ = mask_in_box(drawn(shape), (x, y, w, h))
    assert np.array_equal(again.pixels, component.pixels)


@pytest.mark.parametrize("box", [(20, 30, 40, 20), (0, 0, 64, 64), (60, 60, 4, 4), (5.5, 5.5, 0.4, 0.4)])
def test_a_box_in_which_nothing_differs_gives_something_inside_it(box: tuple[float, ...]) -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    component, _ = mask_in_box(flat, box)
    x, y, w, h = component.box
    assert component.area > 0
    assert box[0] - 1 < x < x + w < box[0] + box[2] + 1.1
    assert box[1] - 1 < y < y + h < box[1] + box[3] + 1.1


@pytest.mark.parametrize("box", [(200.0, 0.0, 5.0, 5.0), (-9.0, 3.0, 4.0, 4.0), (2.0, -3.0, 4.0, 3.0)])
def test_a_box_outside_its_image_is_refused(box: Box, boxes: Path) -> None:
    path = annotation_path(boxes, "train")
    coco = read_coco(path)
    first = msgspec.structs.replace(coco.annotations[0], bbox=box, segmentation=[])
    write_coco(path, msgspec.structs.replace(coco, annotations=[first, *coco.annotations[1:]]))
    with pytest.raises(InputError, match=rf"instances_train.json: the box .* of annotation {first.id} is outside"):
        with_box_masks(load_dataset(boxes))


def test_an_ellipse_has_the_area_of_one() -> None:
    component, ellipse = mask_in_box(np.full((64, 64, 3), 128, np.uint8), (0, 0, 64, 64))
    assert ellipse
    assert component.area == pytest.approx(np.pi / 4 * 64 * 64, rel=0.02)


def strip(coco: CocoFile) -> CocoFile:
    return CocoFile(
        coco.images, [msgspec.structs.replace(a, segmentation=[]) for a in coco.annotations], coco.categories
    )


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """Six images with dark squares; those of train and val have boxes only, but for the first."""
    root = odd_folder(tmp_path / "odd")
    for split in ("train", "val"):
        path = annotation_path(root, split)
        whole = read_coco(path)
        bare = strip(whole)
        kept: list[Annotation] = [*whole.annotations[:1], *bare.annotations[1:]] if split == "train" else []
        write_coco(path, CocoFile(bare.images, kept or bare.annotations, bare.categories))
    return root


def test_masks_that_exist_and_test_are_unchanged(boxes: Path) -> None:
    before = load_dataset(boxes)
    after, counts = with_box_masks(before)
    assert counts == [BoxMasks("train", 1, 0), BoxMasks("val", 1, 0)]
    assert after.split("test") == before.split("test")
    first, second = after.split("train").annotations
    assert first == before.split("train").annotations[0]
    assert second.area == 12 * 12  # the square that was drawn


def one_box(root: Path, pixels: np.ndarray, box: Box) -> Dataset:
    """A dataset with one training image and one annotation, a box."""
    path = root / "images/part.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), pixels[..., ::-1])
    height, width = pixels.shape[:2]
    annotation = Annotation(1, 1, 1, box, box[2] * box[3], [])
    coco = CocoFile([Image(1, "part.png", width, height)], [annotation], [Category(1, "dent")])
    write_annotations(root, {"train": coco.images}, coco.annotations, coco.categories)
    return load_dataset(root)


def test_the_recorded_share_is_what_is_ignored(tmp_path: Path) -> None:
    """A dark square with a grey half: the estimates disagree about the half, which the mask contains."""
    shape = np.zeros((64, 64), np.uint8)
    shape[20:40, 16:44] = 1
    pixels = drawn(shape)
    pixels[20:40, 30:44] = 165
    pixels[36:44, 16:24] = 120
    box = (16.0, 20.0, 28.0, 24.0)
    mask, _ = mask_in_box(pixels, box)
    band = uncertain_in_box(pixels, box, mask)
    whole, uncertain = np.zeros((2, 64, 64), bool)
    for canvas, one in ((whole, mask), (uncertain, band)):
        x, y, w, h = one.box
        canvas[y : y + h, x : x + w] = one.pixels
    assert (whole & uncertain).sum() > 20
    dataset, counts = with_box_masks(one_box(tmp_path / "one", pixels, box))
    (cached,) = load_cached(dataset, dataset.split("train"), 64, (0, 0, 0))
    ignored = cached.coverage[..., 1] > 0
    assert np.array_equal(ignored, uncertain & ~whole)
    assert counts[0].uncertain == pytest.approx(ignored.sum() / (28 * 24), abs=1e-4)
    assert np.array_equal(cached.coverage[..., 0] > 0, whole)


def test_nothing_is_learnt_from_the_uncertain_pixels_of_a_mask_from_a_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The box is at (5, 6), 8 x 4; the mask its left three quarters, uncertain are the right ones of the box."""
    mask = Component((5, 6, 6, 4), np.ones((4, 6), bool))
    band = Component((5, 6, 8, 4), np.repeat([[False] * 4 + [True] * 4], 4, axis=0))
    monkeypatch.setattr("train_seg.box_masks.estimate", lambda *_: (mask, band, "map"))
    given = one_box(tmp_path / "one", np.full((20, 20, 3), 90, np.uint8), (5, 6, 8, 4))
    dataset, counts = with_box_masks(given)
    assert counts == [BoxMasks("train", 1, 0, 0.5, 1)]
    expected = np.zeros((2, 20, 20), bool)
    expected[0, 6:10, 5:9] = expected[1, 6:10, 9:13] = True
    by_kind = {a.iscrowd: a for a in dataset.split("train").annotations}
    for kind, pixels in enumerate(expected):
        assert np.array_equal(decode(by_kind[kind].segmentation, 20, 20) > 0, pixels)
    assert by_kind[0].area == 24  # of the whole estimate


def test_a_box_without_a_certain_pixel_of_the_defect_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Crops have no place for a mask without a pixel; the bands of the box stay."""
    inner = Component((5, 6, 8, 4), np.ones((4, 8), bool))
    monkeypatch.setattr("train_seg.box_masks.estimate", lambda *_: (inner, inner, "map"))
    given = one_box(tmp_path / "one", np.full((20, 20, 3), 90, np.uint8), (5, 6, 8, 4))
    dataset, counts = with_box_masks(given)
    assert counts == [BoxMasks("train", 1, 0, 1.0, 1)]
    (cached,) = load_cached(dataset, dataset.split("train"), 32, (0, 0, 0), estimated={1})
    assert not cached.coverage[..., 0].any()
    assert cached.coverage[..., 1].any()
    assert cached.lines is not None
    assert cached.lines.any()
    write_crops(dataset, tmp_path / "crops", side=10, empty=0, seed=0, splits=["train"], progress=lambda o, *_: o)


def test_an_ignore_region_with_a_box_only_is_the_whole_box(boxes: Path) -> None:
    """None of it is estimated, and the loss does not ask for a defect in it."""
    path = annotation_path(boxes, "train")
    coco = read_coco(path)
    region = msgspec.structs.replace(
        coco.annotations[1], bbox=(20, 10, 44, 30), area=1320, segmentation=[], iscrowd=1, id=900
    )
    write_coco(path, msgspec.structs.replace(coco, annotations=[*coco.annotations, region]))
    after, counts = with_box_masks(load_dataset(boxes))
    assert counts[0] == BoxMasks("train", 1, 0)
    (masked,) = [a for a in after.split("train").annotations if a.id == 900]
    ignored = np.zeros((64, 64), bool)
    ignored[10:40, 20:64] = True
    assert np.array_equal(decode(masked.segmentation, 64, 64) > 0, ignored)
    run = Run(boxes.parent / "run", "seg")
    run.root.mkdir()
    options, cpu = SegmenterOptions(from_boxes=True), torch.device("cpu")
    work = Work(run=run, dataset=load_dataset(boxes), options=options, device=cpu, state=None)
    _, estimated = training_images(work)
    assert estimated == {coco.annotations[1].id}


def test_boxes_train_with_the_flag_only_and_are_recorded(
    boxes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reported = "has a box and no segmentation"
    check_refused("train_seg", boxes, reported, tmp_path / "none", capsys, *TINY)
    check_trained("train_seg", boxes, tmp_path / "runs", *TINY, "--from-boxes")
    assert "train: 1 masks are estimated from boxes, 0 of them as ellipses" in capsys.readouterr().err
    run = tmp_path / "runs/seg/odd"
    assert read_json(run / "box_masks.json", list[BoxMasks]) == [BoxMasks("train", 1, 0), BoxMasks("val", 1, 0)]
    assert "from_boxes: true" in (run / "config.yaml").read_text()


def test_pixels_are_not_measured_against_boxes(boxes: Path, tmp_path: Path) -> None:
    path = annotation_path(boxes, "test")
    write_coco(path, strip(read_coco(path)))
    given = (*TINY, "--from-boxes", "--epochs", 1, "--runs", tmp_path)
    assert run_command("train_seg", "fit", boxes, *given) == 0
    measured = read_json(tmp_path / "seg/odd/metrics.json", dict[str, object])
    assert measured["boxes"] is not None
    assert measured["masks"] is None
    assert measured["pixels"] is None
