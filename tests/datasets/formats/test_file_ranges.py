"""The range of image files that are named by their paths."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.formats.file_ranges import ranges_of_files
from datasets.images.bit_depth import IntensityRange
from system.errors import InputError
from tests.deep_dataset import BRIGHT, TWELVE_BITS, camera_image, deep_dataset

TEN_BITS = [IntensityRange("integer", 0, 1023)]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return deep_dataset(tmp_path / "data")


def dark_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), camera_image(BRIGHT + 1))
    return path


def test_a_file_of_a_dataset_has_the_range_that_is_recorded(dataset: Path) -> None:
    assert ranges_of_files([dataset / "images" / "1.png"]) == TWELVE_BITS


def test_files_without_dataset_are_scaled_by_one_range_of_their_values(tmp_path: Path) -> None:
    dark = dark_file(tmp_path / "line" / "images" / "dark.png")
    assert ranges_of_files([dark]) == TEN_BITS
    cv2.imwrite(str(tmp_path / "bright.png"), camera_image(BRIGHT))
    assert ranges_of_files([dark, tmp_path / "bright.png"]) == TWELVE_BITS


def test_the_widest_range_counts(dataset: Path, tmp_path: Path) -> None:
    dark = dark_file(tmp_path / "line" / "dark.png")
    assert ranges_of_files([dark, dataset / "images" / "1.png"]) == TWELVE_BITS


def test_a_dataset_that_records_nothing_is_measured(dataset: Path) -> None:
    (dataset / "dataset.json").unlink()
    assert ranges_of_files([dataset / "images" / "1.png"]) == TEN_BITS


def test_8_bit_images_have_no_range(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.full((9, 9), 70, np.uint8))
    assert ranges_of_files([tmp_path / "a.png"]) == []


def test_a_damaged_dataset_json_is_reported(dataset: Path) -> None:
    (dataset / "dataset.json").write_text("{")
    with pytest.raises(InputError, match=r"dataset\.json"):
        ranges_of_files([dataset / "images" / "1.png"])
