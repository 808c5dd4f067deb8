"""The annotation loop with a run of train_anomaly: what to label next, and proposals as shapes to correct."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.formats.dataset_folder import load_dataset
from datasets.images.pixels import read_rgb
from evaluate.operating import operating_score
from evaluate.run_folder import load_run
from tests.command import run_command
from tests.train_anomaly.conftest import SPOTS
from train_anomaly.detector import load_detector


@pytest.fixture
def new_images(parts: Path, tmp_path: Path) -> Path:
    """Two images with a dent, one with a scratch, and a good one."""
    dataset, folder = load_dataset(parts), tmp_path / "new"
    folder.mkdir()
    test = dataset.images("test")
    for image in (test[0], test[1], test[4], test[-1]):
        shutil.copy(dataset.image_path(image), folder / image.file_name)
    return folder


def highest_scores(run: Path, folder: Path) -> dict[str, float]:
    detector = load_detector(run / "weights" / "best.safetensors", torch.device("cpu"))
    return {path.name: float(detector.score_map(read_rgb(path)).max()) for path in folder.glob("*.png")}


def test_images_whose_highest_score_is_near_the_threshold_come_first(
    anomaly_run: Path, new_images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "next.txt"
    assert run_command("annotate", "queue", new_images, "--from", anomaly_run, "--out", out) == 0
    threshold = operating_score(load_run(anomaly_run))
    far = {name: abs(score - threshold) for name, score in highest_scores(anomaly_run, new_images).items()}
    assert out.read_text().splitlines() == sorted(far, key=lambda name: far[name])


def test_proposals_are_outlines_of_what_differs(anomaly_run: Path, new_images: Path) -> None:
    assert run_command("annotate", "propose", new_images, "--from", anomaly_run) == 0
    threshold = operating_score(load_run(anomaly_run))
    found = {name for name, score in highest_scores(anomaly_run, new_images).items() if score >= threshold}
    assert found
    assert {path.stem + ".png" for path in new_images.glob("*.json")} == found
    x0, y0, x1, y1 = SPOTS[0]
    first = min(new_images.glob("*.json"))
    shapes = json.loads(first.read_text())["shapes"]
    assert {shape["label"] for shape in shapes} == {"defect"}
    assert all(shape["flags"] == {"unreviewed": True} for shape in shapes)
    centres = [np.mean(shape["points"], 0) for shape in shapes]
    assert any(x0 <= x <= x1 and y0 <= y <= y1 for x, y in centres)
