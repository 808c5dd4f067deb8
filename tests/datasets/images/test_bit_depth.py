"""Images with more than 8 bits per channel: cameras with 10 and 12 bits, and height maps."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from convert.masks2coco import MasksOptions, masks2coco
from datasets.formats.dataset_folder import load_dataset
from datasets.images.bit_depth import IntensityRange, join_ranges, measure_range, measure_ranges, scale_to_8_bits
from datasets.images.pixels import read_rgb
from datasets.resplit import Options, resplit


def ramp(low: float, high: float, kind: str) -> np.ndarray:
    return np.linspace(low, high, 48 * 64).reshape(48, 64).astype(kind)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (ramp(960, 3680, "uint16"), IntensityRange("integer", 0, 4095)),
        (ramp(0, 1000, "uint16"), IntensityRange("integer", 0, 1023)),
        (ramp(0, 4096, "uint16"), IntensityRange("integer", 0, 16383)),
        (ramp(0, 65535, "uint16"), IntensityRange("integer", 0, 65535)),
        (ramp(0, 200, "int32"), IntensityRange("integer", 0, 255)),
        (ramp(-5, 70_000, "int32"), IntensityRange("integer", -5, 70_000)),
        (ramp(0, 0.9, "float32"), IntensityRange("fraction", 0, 1)),
        (ramp(-2, 6, "float32"), IntensityRange("fraction", -2, 6)),
    ],
)
def test_the_bit_depth_is_the_smallest_that_holds_the_values(values: np.ndarray, wanted: IntensityRange) -> None:
    assert measure_range(values) == wanted


def test_values_are_scaled_from_black_to_white() -> None:
    twelve = np.uint16([[0, 4095, 2048]])
    assert scale_to_8_bits(twelve).tolist() == [[0, 255, 128]]
    assert scale_to_8_bits(twelve, [IntensityRange("integer", 0, 65535)]).tolist() == [[0, 15, 8]]
    assert scale_to_8_bits(np.float32([[0, 1, 0.5, np.nan, 7]])).tolist() == [[0, 36, 18, 0, 255]]
    assert scale_to_8_bits(np.float32([[3, 3]])).tolist() == [[0, 0]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("colour", [False, True])
def test_a_twelve_bit_camera_is_visible(tmp_path: Path, suffix: str, colour: bool) -> None:
    values = ramp(960, 3680, "uint16")
    stored = np.dstack([values, values // 2, values // 4]) if colour else values  # blue, green, red
    cv2.imwrite(str(tmp_path / f"a{suffix}"), stored)
    rgb = read_rgb(tmp_path / f"a{suffix}")
    assert rgb.shape == (48, 64, 3)
    wanted = values >> 4
    assert np.array_equal(rgb[:, :, 2], wanted)
    assert np.array_equal(rgb[:, :, 0], (values // 4) >> 4 if colour else wanted)


@pytest.mark.parametrize(("kind", "high"), [("float32", 0.9), ("int32", 230)])
def test_height_maps_and_32_bit_tiffs_are_visible(tmp_path: Path, kind: str, high: float) -> None:
    values = ramp(0, high, kind)
    Pillow.fromarray(values).save(tmp_path / "a.tif")
    rgb = read_rgb(tmp_path / "a.tif")
    assert np.array_equal(rgb[:, :, 1], np.rint(values.astype(float) * 255) if kind == "float32" else values)


def test_images_of_8_bits_are_not_scaled(tmp_path: Path) -> None:
    dark = np.full((4, 6, 3), 7, np.uint8)
    for name in ("a.png", "a.tif", "a.bmp"):
        Pillow.fromarray(dark).save(tmp_path / name)
        assert np.array_equal(read_rgb(tmp_path / name, [IntensityRange("integer", 0, 4095)]), dark)
    assert measure_ranges([tmp_path / "a.png", tmp_path / "a.tif", tmp_path / "a.bmp"]) == []


def test_one_range_for_all_integers_and_one_for_all_fractions() -> None:
    ranges = [
        IntensityRange("integer", 0, 1023),
        IntensityRange("fraction", 0, 1),
        IntensityRange("integer", 0, 4095),
        IntensityRange("fraction", -3, 0.5),
    ]
    assert join_ranges(ranges) == [IntensityRange("fraction", -3, 1), IntensityRange("integer", 0, 4095)]


def convert(root: Path, *images: np.ndarray) -> Path:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for i, values in enumerate(images):
        cv2.imwrite(str(root / "images" / f"{i}.png"), values)
        mask = np.zeros(values.shape[:2], np.uint8)
        mask[4:9, 5:11] = 255
        cv2.imwrite(str(root / "masks" / f"{i}.png"), mask)
    masks2coco(root / "images", root / "coco", MasksOptions(root / "masks", ("dent",), ratios=(1, 0, 0)))
    return root / "coco"


def test_all_images_of_a_dataset_are_scaled_alike_and_the_range_is_recorded(tmp_path: Path) -> None:
    bright, dark = ramp(100, 4000, "uint16"), ramp(100, 800, "uint16")  # the dark one alone would be 10 bits
    dataset = load_dataset(convert(tmp_path, bright, dark))
    assert dataset.intensities == [IntensityRange("integer", 0, 4095)]
    read = {image.file_name: dataset.read_image(image) for image in dataset.images("train")}
    assert np.array_equal(read["1.png"][:, :, 0], dark >> 4)
    assert np.array_equal(read["0.png"][:, :, 0], bright >> 4)
    resplit(dataset.root, tmp_path / "again", Options())
    assert load_dataset(tmp_path / "again").intensities == dataset.intensities


def test_a_dataset_of_8_bit_images_records_nothing(tmp_path: Path) -> None:
    folder = convert(tmp_path, np.full((20, 20), 9, np.uint8))
    assert b"intensities" not in (folder / "dataset.json").read_bytes()
