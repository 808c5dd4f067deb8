"""Trainers scale new images by the range that the run records, and paste images by that of the dataset."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.formats.dataset_folder import load_dataset
from evaluate.new_predictions import predict_with_run
from evaluate.run_folder import load_run, read_split
from tests.deep_dataset import BRIGHT, TWELVE_BITS, camera_image, deep_dataset, expected_rgb
from tests.training.test_toy_trainer import run_toy
from tests.training.toy_trainer import ToyPredictor
from training.pasted_images import write_pasted


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deep_dataset(tmp_path_factory.mktemp("deep"), images=12)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.uint8]]:
    """The pixels of each image that the toy trainer predicts."""
    pixels: list[NDArray[np.uint8]] = []
    predict = ToyPredictor.predict

    def record(self: ToyPredictor, images, min_score=None):  # type: ignore[no-untyped-def]
        listed = list(images)
        pixels.extend(rgb for _, rgb in listed)
        return predict(self, listed, min_score)

    monkeypatch.setattr(ToyPredictor, "predict", record)
    return pixels


def test_new_images_of_a_run(
    dataset: Path, tmp_path: Path, seen: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_toy("fit", dataset, "--runs", tmp_path / "runs", "--device", "cpu") == 0
    root = tmp_path / "runs/toy/coco"
    assert read_split(load_run(root)).intensities == TWELVE_BITS
    dark = tmp_path / "line" / "dark.png"
    dark.parent.mkdir()
    cv2.imwrite(str(dark), camera_image(BRIGHT + 1))
    seen.clear()

    def start(command: list[str], **_: object) -> object:
        status = run_toy(*command[4:])
        return type("Done", (), {"returncode": status, "stderr": ""})

    monkeypatch.setattr("evaluate.new_predictions.subprocess.run", start)
    predict_with_run(root, dark.parent, ["dark.png"])
    (rgb,) = seen
    assert np.array_equal(rgb, expected_rgb(BRIGHT + 1))


def test_pasted_images_are_scaled_by_the_range_of_the_dataset(dataset: Path, tmp_path: Path) -> None:
    source = load_dataset(dataset)
    write_pasted(source, tmp_path / "pasted", 2, 0, lambda items, _label, _total: items)
    pasted = load_dataset(tmp_path / "pasted")
    assert pasted.provenance is not None
    assert pasted.intensities == TWELVE_BITS
    canvases = [made["canvas"] for made in pasted.provenance.pasted]
    for image, canvas in zip(pasted.images("train"), canvases, strict=True):
        changed = (pasted.read_image(image) != expected_rgb(int(Path(canvas).stem))).any(axis=2)
        assert 0 < changed.sum() < changed.size / 4  # only where the defect is pasted
