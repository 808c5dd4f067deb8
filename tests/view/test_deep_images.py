"""Images with more than 8 bits are shown by the range of their dataset or run, not by their own."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from evaluate.new_predictions import NamedPredictions
from tests.deep_dataset import BRIGHT, camera_image, deep_dataset, expected_rgb
from tests.view.fakes import make_run
from view.crops import render
from view.new_images import new_images_scene
from view.overlay import draw_overlay
from view.scene import Scene, dataset_scene, run_scene

DEFECT = np.s_[38:54, 58:82]  # with the line around it


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deep_dataset(tmp_path_factory.mktemp("deep"))


@pytest.fixture(scope="module")
def run(dataset: Path) -> Path:
    return make_run(dataset.parent / "runs", dataset, measured=False)


def check_pixels(scene: Scene) -> None:
    """Compare each image, its crop and its overlay outside the defect with the highest 8 of 12 bits."""
    for shown in scene.images:
        expected = expected_rgb(int(Path(shown.image.file_name).stem)).astype(int)
        assert np.array_equal(shown.read(), expected)
        (whole,) = render(shown, [None] * len(scene.models))
        crop = np.asarray(Pillow.open(io.BytesIO(whole.webp)).convert("RGB")).astype(int)
        assert np.abs(crop - expected).mean() < 3  # WebP is lossy
        overlay = draw_overlay(scene, shown, None).astype(int)
        overlay[DEFECT] = expected[DEFECT]
        assert np.array_equal(overlay, expected)


def test_a_dataset(dataset: Path) -> None:
    scene = dataset_scene(dataset, "all")
    assert len(scene.images) == 8
    check_pixels(scene)


def test_a_run(run: Path) -> None:
    scene = run_scene([run], "test")
    assert scene.images
    check_pixels(scene)


def test_new_images_have_the_range_of_the_run(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / f"{BRIGHT + 1}.png"), camera_image(BRIGHT + 1))
    monkeypatch.setattr(
        "view.new_images.predict_with_run", lambda *_, **__: NamedPredictions({}, {1: "dent"}, "seg/coco")
    )
    scene = new_images_scene(run, tmp_path)
    assert len(scene.images) == 1
    check_pixels(scene)
