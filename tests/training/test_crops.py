"""Crops of large images: every defect at its own size, none of val or test, and what predictions on tiles give."""

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from datasets.coco import Annotation, Category, Image
from datasets.crops import cut_annotation, place_windows, write_crops
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode, encode
from evaluate.run_folder import Run, load_run
from system.json_file import read_json
from tests.command import only_line, run_command
from tests.small_coco import mask_annotation, write_folder
from training.crops import crop_view

DENT = Category(1, "dent")
SIZE, SIDE, DEFECT = 240, 64, 8
TINY = ("--imgsz", SIDE, "--tile", SIDE, "--epochs", 1, "--device", "cpu", "--precision", "32", "--batch", 4)


def large_folder(root: Path) -> Path:
    """Eight images of 240 pixels with three dark squares of 8 pixels each, the last of train a good one."""
    splits = ("train",) * 4 + ("val", "test", "test", "train")
    members: dict[str, list[Image]] = {split: [] for split in dict.fromkeys(splits)}
    annotations: list[Annotation] = []
    drawn: dict[str, np.ndarray] = {}
    for number, split in enumerate(splits):
        random = np.random.default_rng(number)
        pixels = random.integers(170, 220, (SIZE, SIZE, 3), dtype=np.uint8)
        image = Image(number + 1, f"{number}.png", SIZE, SIZE)
        members[split].append(image)
        for x, y in random.integers(0, SIZE - DEFECT, (3 if number < 7 else 0, 2)):
            mask = np.zeros((SIZE, SIZE), np.uint8)
            mask[y : y + DEFECT, x : x + DEFECT] = 1
            pixels[mask > 0] = 20
            annotations.append(mask_annotation(len(annotations) + 1, image.id, 1, mask))
        drawn[image.file_name] = pixels
    write_folder(root, members, annotations, [DENT])
    for name, pixels in drawn.items():
        cv2.imwrite(str(root / "images" / name), pixels)
    return root


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return large_folder(tmp_path_factory.mktemp("large") / "plates")


def test_every_defect_is_whole_in_a_crop_of_its_own_pixels(large: Path, tmp_path: Path) -> None:
    dataset = load_dataset(large)
    crops = write_crops(
        dataset, tmp_path / "c", side=SIDE, empty=0.5, seed=3, splits=("train", "val"), progress=lambda i, *_: i
    )
    cropped = load_dataset(tmp_path / "c")
    assert [len(cropped.images(split)) for split in ("train", "val")] == [12 + 6, 3 + 2]
    by_image = cropped.split("train").by_image()
    for crop, image in zip(crops, [*cropped.images("train"), *cropped.images("val")], strict=True):
        x, y, w, h = crop.window
        source = next(i for s in ("train", "val") for i in dataset.images(s) if i.file_name == crop.source)
        assert np.array_equal(cropped.read_image(image), dataset.read_image(source)[y : y + h, x : x + w])
        if crop.split == "train":
            dark = (cropped.read_image(image) < 100).all(axis=2)
            masks = [decode(a.segmentation, h, w) for a in by_image[image.id]]
            assert np.array_equal(dark, sum(masks, np.zeros((h, w))) > 0)
    whole = [a for a in cropped.split("train").annotations if a.area == DEFECT**2]
    assert len(whole) >= 12


def test_a_cut_annotation_keeps_its_part_or_is_ignored() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[40:60, 40:60] = 1
    image = Image(1, "a.png", 100, 100)
    given = mask_annotation(1, 1, 1, mask)
    half = cut_annotation(given, image, (50, 30, 50, 50))
    assert half is not None
    assert (half.bbox, half.area, half.iscrowd) == ((0, 10, 10, 20), 200, 0)
    assert np.array_equal(decode(half.segmentation, 50, 50), mask[30:80, 50:100])
    rest = cut_annotation(given, image, (58, 30, 40, 40))
    assert rest is not None
    assert (rest.bbox, rest.iscrowd) == ((0, 10, 2, 20), 1)
    assert cut_annotation(given, image, (60, 0, 40, 40)) is None
    box = Annotation(1, 1, 1, (40, 40, 20, 20), 400, [])
    part = cut_annotation(box, image, (50, 50, 20, 20))
    assert part is not None
    assert (part.bbox, part.area, part.segmentation, part.iscrowd) == ((0, 0, 10, 10), 100, [], 0)


def test_a_mask_outside_its_window_is_left_out_though_its_box_is_inside() -> None:
    mask = np.zeros((50, 50), np.uint8)
    mask[:40, 0] = mask[39, :40] = 1  # an L, whose box covers the window
    annotation = Annotation(1, 1, 1, (0, 0, 40, 40), int(mask.sum()), encode(mask))
    assert cut_annotation(annotation, Image(1, "a.png", 50, 50), (10, 5, 20, 20)) is None


def scratch(side: int) -> tuple[Image, np.ndarray]:
    """A horizontal scratch and a frame, both nine times as long as a crop, in an image of 10 x 10 crops."""
    mask = np.zeros((10 * side, 10 * side), np.uint8)
    cv2.rectangle(mask, (side // 2, side // 2), (9 * side + side // 2, 9 * side + side // 2), 1, 3)
    return Image(1, "a.png", *mask.shape), mask


@pytest.mark.parametrize("masks", [True, False])
@pytest.mark.parametrize("form", ["scratch", "frame", "disc"])
def test_a_defect_that_is_larger_than_a_crop_is_learnt_in_parts(form: str, masks: bool) -> None:
    """Of a scratch 9 times as long as a crop each shows a ninth, less than a quarter; all of them are learnt.

    A frame is empty in the middle, where most places inside its box are.
    """
    side = 40
    image, mask = scratch(side)
    if form == "scratch":
        mask[side:] = 0
    elif form == "disc":
        cv2.circle(mask, (5 * side, 5 * side), 4 * side, 1, -1)
    given = mask_annotation(1, 1, 1, mask)
    annotation = given if masks else msgspec.structs.replace(given, segmentation=[])
    learnt = 0
    for seed in range(40):
        (window,) = place_windows([image], {1: [annotation]}, side, 0.0, np.random.default_rng(seed))[1]
        part = cut_annotation(annotation, image, window)
        assert part is not None
        learnt += not part.iscrowd
        if masks:
            x, y, w, h = window
            assert np.array_equal(decode(part.segmentation, h, w), mask[y : y + h, x : x + w])
    assert learnt == 40 if form == "scratch" or not masks else learnt >= 30


def test_what_is_cut_by_the_edge_of_the_image_is_not_part_of_a_box() -> None:
    """Of a box of 100 x 10 only 20 columns are in the image; a crop shows all of these."""
    outside = Annotation(1, 1, 1, (-80, 10, 100, 10), 1000, [])
    part = cut_annotation(outside, Image(1, "a.png", 200, 200), (0, 0, 64, 64))
    assert part is not None
    assert (part.bbox, part.iscrowd) == ((0, 10, 20, 10), 0)


@pytest.mark.parametrize("side", [10, 40, 200])
def test_windows_are_inside_the_image_and_contain_what_fits(side: int) -> None:
    images = [Image(1, "a.png", 120, 80), Image(2, "b.png", 30, 30)]
    boxes = [(0, 0, 9, 9), (111, 71, 9, 9), (50, 10, 30, 5), (3, 3, 12, 70)]
    annotations = {1: [Annotation(i, 1, 1, box, 1, []) for i, box in enumerate(boxes)], 2: []}
    for seed in range(20):
        windows = place_windows(images, annotations, side, 1.0, np.random.default_rng(seed))
        for image in images:
            for x, y, w, h in windows.get(image.id, []):
                assert (w, h) == (min(side, image.width), min(side, image.height))
                assert 0 <= x <= image.width - w
                assert 0 <= y <= image.height - h
        for (x, y, w, h), (left, top, width, height) in zip(boxes, windows[1], strict=False):
            assert w > width or left <= x <= x + w <= left + width
            assert h > height or top <= y <= y + h <= top + height


def test_a_training_image_that_is_also_one_of_test_is_refused(large: Path, tmp_path: Path) -> None:
    dataset = load_dataset(large)
    train, test = dataset.images("train")[0], dataset.images("test")[0]
    leaking = large_folder(tmp_path / "plates")
    (leaking / "images" / train.file_name).write_bytes((leaking / "images" / test.file_name).read_bytes())
    assert run_command("train_seg", "fit", leaking, *SEG, "--runs", tmp_path / "runs") == 2
    assert not (tmp_path / "runs").exists()


SEG = (*TINY, "--encoder-weights", "none", "--encoder-depth", 3)
TRAINERS = {"seg": SEG, "det": (*TINY, "--weights", "none")}


@pytest.fixture(scope="module", params=TRAINERS)
def tile_run(request: pytest.FixtureRequest, large: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on crops of a trainer; read only."""
    runs = tmp_path_factory.mktemp("tiles")
    assert run_command(f"train_{request.param}", "fit", large, *TRAINERS[request.param], "--runs", runs) == 0
    return runs / request.param / "plates"


def test_a_run_on_crops_records_them_and_measures_whole_images(tile_run: Path, large: Path) -> None:
    record = read_json(tile_run / "crops.json", list[dict[str, object]])
    dataset = load_dataset(large)
    measured = {image.file_name for split in ("val", "test") for image in dataset.images(split)}
    assert {crop["source"] for crop in record if crop["split"] == "train"}.isdisjoint(measured)
    assert {crop["source"] for crop in record if crop["split"] == "val"} == {"4.png"}
    assert not (tile_run / "crops").exists()
    for prediction in read_predictions(tile_run / "predictions/test.json"):
        x, y, w, h = prediction.bbox
        assert 0 <= x < x + w <= SIZE
        assert 0 <= y < y + h <= SIZE
        assert w <= SIDE or tile_run.parent.name == "seg"


def test_the_same_options_give_the_same_crops(tile_run: Path, large: Path, tmp_path: Path) -> None:
    run = load_run(tile_run)
    again = type(run)(tmp_path, run.task)
    crop_view(again, load_dataset(large), side=SIDE, empty=0.5, seed=0)
    first, second = (read_json(path / "crops.json", list[dict[str, object]]) for path in (tile_run, tmp_path))
    assert first == second


def test_predict_uses_the_tiles_of_the_training(tile_run: Path, large: Path, tmp_path: Path) -> None:
    images = [large / "images/5.png", large / "images/6.png"]
    out = tmp_path / "found.json"
    command = f"train_{tile_run.parent.name}"
    assert run_command(command, "predict", tile_run, *images, "--out", out, "--min-score", 0) == 0
    assert read_predictions(out) == read_predictions(tile_run / "predictions/test.json")


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_tile_that_is_too_small_is_refused(
    trainer: str, large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (*TRAINERS[trainer], "--tile", 8, "--runs", tmp_path / "runs")
    assert run_command(f"train_{trainer}", "fit", large, *given) == 2
    assert "--tile 8: less than 32 pixels" in only_line(capsys)


def test_how_many_defects_are_larger_than_a_crop_is_printed(
    large: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crop_view(Run(tmp_path, "seg"), load_dataset(large), side=DEFECT - 1, empty=0.5, seed=0)
    assert "; 12 of 12 defects are larger and only in parts in a crop" in capsys.readouterr().err
