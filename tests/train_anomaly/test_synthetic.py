"""Made defects, the network that learns from them, and a training with it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from features.nearest import NearestPatches
from tests.command import run_command
from tests.train_anomaly.conftest import SMALL, part
from tests.train_anomaly.test_fit import metrics_of
from train_anomaly.synthetic import MAX_SHARE, MIN_PIXELS, draw_region, make_defect, perlin_noise


def test_noise_is_smooth_and_zero_at_the_corners_of_its_cells() -> None:
    noise = perlin_noise(64, 96, 4, np.random.default_rng(1))
    assert noise.shape == (64, 96)
    assert np.allclose(noise[::16, ::16], 0)
    assert np.abs(np.diff(noise, axis=0)).max() < 0.3
    assert 0.5 < np.abs(noise).max() <= 1.01


def test_regions_are_neither_tiny_nor_everything() -> None:
    random = np.random.default_rng(2)
    areas = [draw_region(96, 128, random).sum() for _ in range(50)]
    assert min(areas) >= MIN_PIXELS
    assert max(areas) <= MAX_SHARE * 96 * 128
    assert len(set(areas)) > 40


def test_only_the_region_changes() -> None:
    random = np.random.default_rng(3)
    good, other = part(1), part(2)
    for _ in range(20):
        made, region = make_defect(good, other, random)
        assert made.dtype == np.uint8
        far = np.ones_like(region)
        rows, columns = np.nonzero(region)
        far[max(0, rows.min() - 4) : rows.max() + 5, max(0, columns.min() - 4) : columns.max() + 5] = False
        assert (made[far] == good[far]).all()
        assert (made[region] != good[region]).any()


@pytest.mark.parametrize("groups", [1, 12])
def test_differences_are_from_the_nearest_patch(groups: int) -> None:
    features = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(1))
    bank = torch.randn(groups, 5, 9, generator=torch.Generator().manual_seed(2))
    nearest = NearestPatches(bank, torch.arange(9).expand(groups, 9))
    difference, distance = nearest.differences(features)
    assert torch.allclose(distance, nearest(features), atol=1e-4)
    for place in range(12):
        remembered = bank[place if groups > 1 else 0].T
        patch, found = features.flatten(2)[1, :, place], difference.flatten(2)[1, :, place]
        best = remembered[(remembered - patch).norm(dim=1).argmin()]
        assert torch.allclose(found, patch - best, atol=1e-5)


def test_a_training_with_made_defects(parts: Path, tmp_path: Path) -> None:
    flags = (*SMALL, "--synthetic", 24, "--alarms", "20%", "--runs", tmp_path / "runs")
    assert run_command("train_anomaly", "fit", parts, *flags) == 0
    metrics = metrics_of(tmp_path / "runs/anomaly/parts")
    assert "5 good images, held out" in metrics["operating_point"]["chosen_on"]
    assert metrics["images"]["auroc"] == 1
    assert metrics["score_maps"]["pixel_ap"] > 0.6


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--synthetic", 5, "--method", "padim"), "--synthetic 5: padim learns no made defects"),
        (
            ("--synthetic", 5, "--val", 0),
            "--val 0.0: features with --synthetic cannot leave out one image",
        ),
    ],
)
def test_impossible_options(
    flags: tuple[object, ...], message: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_anomaly", "fit", parts, *SMALL, *flags, "--runs", tmp_path / "runs") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
