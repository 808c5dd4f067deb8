from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Picture

from datasets.masks import decode
from evaluate.metrics import OperatingPoint
from tests.command import run_command
from tests.view.fakes import make_dataset, make_run
from view.contact_sheet import worst_cases
from view.overlay import draw_overlay
from view.scene import dataset_scene, run_scene


def test_only_masks_and_their_edges_are_painted(dataset: Path) -> None:
    scene = dataset_scene(dataset, "test")
    for picture in scene.pictures:
        before = np.asarray(Picture.open(picture.path)).astype(int)
        changed = (draw_overlay(scene, picture, None) != before).any(axis=2)
        mask = np.zeros(changed.shape, bool)
        for truth in picture.truths:
            mask |= decode(truth.segmentation, *changed.shape) > 0
        assert changed[mask].mean() > 0.99 if picture.truths else not changed.any()
        near = np.zeros_like(mask)
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                near |= np.roll(mask, (dy, dx), (0, 1))
        assert not changed[~near].any()


def test_one_overlay_per_image_with_a_legend_under_it(seg_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert run_command("view", seg_run, "--out", tmp_path / "v.html", "--png", folder) == 0
    scene = run_scene([seg_run], "test")
    for picture in scene.pictures:
        with Picture.open(folder / picture.image.file_name) as sheet:
            assert sheet.width == 200
            assert sheet.height > 160 + 40
    assert len(list(folder.rglob("*.png"))) == len(scene.pictures)
    assert run_command("view", seg_run, "--out", tmp_path / "v.html", "--png", folder) == 2


def test_two_runs_give_two_overlays(det_run: Path, seg_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    assert run_command("view", det_run, seg_run, "--out", tmp_path / "v.html", "--png", folder) == 0
    names = sorted(p.name for p in folder.rglob("000.*"))
    assert names == ["000.a.png", "000.b.png"]


def test_worst_cases_are_misses_first_and_only_errors(seg_run: Path) -> None:
    scene = run_scene([seg_run], "test")
    model = msgspec.structs.replace(scene.models[0], point=OperatingPoint("max-f1", 0.3, "val"))
    scene = msgspec.structs.replace(scene, models=[model])
    cases = worst_cases(scene, most=100)
    words = [case.words.split(",")[0] for case in cases]
    kinds = ["missed" if w == "missed" else "alarm" if w == "false alarm" else "poor" for w in words]
    assert kinds == sorted(kinds, key=["missed", "alarm", "poor"].index)
    assert set(kinds) == {"missed", "alarm", "poor"}
    for case in cases:
        found = [p for p in case.picture.predictions[0] if p.score >= 0.3]
        assert (case.words == "missed") == (bool(case.picture.truths) and not found)


@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_contact_sheet(keep: float, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", images=12)
    run = make_run(tmp_path / "runs", root, keep=keep)
    sheet = tmp_path / "new" / "sheet.png"
    assert run_command("view", run, "--contact-sheet", sheet) == 0
    with Picture.open(sheet) as picture:
        assert picture.width >= 560
        assert picture.height > 300
