"""Made defects, the network that learns from them, and a training with it."""

import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch

from datasets.coco import CocoFile
from datasets.formats.coco_file import read_coco, write_coco
from datasets.formats.dataset_folder import annotation_path, load_dataset
from features.input_frame import InputFrame
from features.nearest import NearestPatches
from system.errors import InputError
from tests.command import run_command
from tests.train_anomaly.conftest import SIDE, SMALL, part
from tests.train_anomaly.test_fit import metrics_of
from train_anomaly.good_choice import good_images
from train_anomaly.made_defects import as_canvases, pasted_defects, read_sources
from train_anomaly.spec import read_anomaly_spec
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
        (("--synthetic-from", "other"), "--synthetic-from other: no defects are made; give --synthetic 400 too"),
        (("--synthetic", 5, "--synthetic-from", "no/such"), "no/such: no such folder"),
    ],
)
def test_impossible_options(
    flags: tuple[object, ...], message: str, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_anomaly", "fit", parts, *SMALL, *flags, "--runs", tmp_path / "runs") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_pasted_defects_are_on_good_images(parts: Path) -> None:
    data = load_dataset(parts)
    good = good_images(data.split("train"))
    (source,), _ = read_sources(parts, data)
    assert source.image.file_name not in {image.file_name for image in good}
    made = list(pasted_defects([source], as_canvases(data, good), 6, 0, (64, 64)))
    assert [one.rgb.shape for one in made] == [(64, 64, 3)] * 6
    for one in made:
        canvas = InputFrame(SIDE, SIDE, 64, 64).to_input(data.read_image(good[one.owner]))
        away = cv2.dilate(one.region.astype(np.uint8), np.ones((25, 25), np.uint8)) == 0
        assert 40 < one.region.sum() < 64 * 64 / 2
        assert away.sum() > 100
        assert np.array_equal(one.rgb[away], canvas[away])
        changed = np.abs(one.rgb.astype(int) - canvas).mean(2)
        assert changed[one.region].mean() > 5 * changed[away].mean() + 5


def test_sources_in_test_are_left_out(parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dataset whose defective images are all in test of the other one gives no defect."""
    train, test = (load_dataset(parts).splits[split] for split in ("train", "test"))
    other = Path(shutil.copytree(parts, tmp_path / "other"))
    bad = test.defective()
    moved = [image for image in test.images if image.id in bad]
    write_coco(annotation_path(other, "train"), CocoFile(moved, test.annotations, test.categories))
    rest = [image for image in train.images if image.id not in train.defective()]
    write_coco(annotation_path(other, "test"), CocoFile(rest, [], test.categories))
    flags = ("--synthetic", 4, "--synthetic-from", other, "--runs", tmp_path / "runs")
    assert run_command("train_anomaly", "fit", parts, *SMALL, *flags) == 2
    assert "none of its 8 defective training images is outside val and test of parts" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_training_with_pasted_defects(parts: Path, tmp_path: Path) -> None:
    flags = ("--synthetic", 8, "--synthetic-from", parts, "--alarms", "20%", "--runs", tmp_path / "runs")
    assert run_command("train_anomaly", "fit", parts, *SMALL, *flags) == 0
    run = tmp_path / "runs/anomaly/parts"
    assert metrics_of(run)["images"]["auroc"] == 1
    data = load_dataset(parts)
    (bad,) = data.split("train").defective()
    digest = next(data.sha256(image) for image in data.images("train") if image.id == bad)
    assert read_anomaly_spec(run / "weights/best.safetensors").pasted == [digest]


def test_sources_without_a_mask_are_refused(parts: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(parts, tmp_path / "boxes"))
    path = annotation_path(other, "train")
    coco = read_coco(path)
    boxes = [msgspec.structs.replace(annotation, segmentation=[]) for annotation in coco.annotations]
    write_coco(path, CocoFile(coco.images, boxes, coco.categories))
    with pytest.raises(InputError, match="boxes: none of its defective training images has a mask"):
        read_sources(other, load_dataset(parts))
