"""The score maps of a run for the page: stored while it is measured, and of new images."""

import shutil
from pathlib import Path

import numpy as np
import torch

from datasets.formats.dataset_folder import load_dataset
from evaluate.map_folder import MAP_SIDE, read_map, stored_maps
from evaluate.run_folder import load_run
from tests.command import run_command
from train_anomaly.detector import load_detector


def test_measuring_stores_the_map_of_each_test_image(anomaly_run: Path, parts: Path) -> None:
    stored = stored_maps(load_run(anomaly_run), "test")
    assert stored is not None
    folder, listed = stored
    dataset = load_dataset(parts)
    assert listed.kind == "score"
    assert set(listed.images) == {image.file_name for image in dataset.images("test")}
    detector = load_detector(anomaly_run / "weights" / "best.safetensors", torch.device("cpu"))
    image = dataset.images("test")[0]
    wanted = detector.score_map(dataset.read_image(image))
    assert wanted.shape[0] < MAP_SIDE
    found = read_map(folder / listed.images[image.file_name])
    assert np.abs(found / 255 - wanted).max() <= 0.51 / 255


def test_the_page_has_them_without_being_asked(anomaly_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert run_command("view", anomaly_run, "--out", out) == 0
    page = out.read_text()
    assert page.count('id="map-') == 14  # one for each test image
    assert '"mapKind":"score"' in page
    assert '"mapThreshold":0.5' in page


def test_a_new_fit_of_the_same_name_does_not_take_them(anomaly_run: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(anomaly_run, tmp_path / "run"))
    load_run(root).predictions("test").write_text("[]")
    assert stored_maps(load_run(root), "test") is None
