from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image

from datasets.coco import Prediction
from datasets.masks.rle import decode
from evaluate.metrics import read_metrics
from evaluate.values import OperatingPoint
from tests.command import run_command
from tests.view.fakes import make_cross_validation, make_dataset, make_run
from view.contact_sheet import worst_cases
from view.overlay import draw_overlay
from view.scene import SceneImage, dataset_scene, run_scene
from view.shown_run import Model


def test_only_masks_and_their_edges_are_painted(dataset: Path) -> None:
    scene = dataset_scene(dataset, "test")
    for shown in scene.images:
        before = np.asarray(Image.open(shown.path)).astype(int)
        changed = (draw_overlay(scene, shown, None) != before).any(axis=2)
        mask = np.zeros(changed.shape, bool)
        for truth in shown.truths:
            mask |= decode(truth.segmentation, *changed.shape) > 0
        assert changed[mask].mean() > 0.99 if shown.truths else not changed.any()
        near = np.zeros_like(mask)
        for dy in range(-3, 4):
            for dx in range(-3, 4):
                near |= np.roll(mask, (dy, dx), (0, 1))
        assert not changed[~near].any()


def test_one_overlay_per_image_with_a_legend_under_it(seg_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "overlays"
    assert run_command("view", seg_run, "--out", tmp_path / "v.html", "--png", folder) == 0
    scene = run_scene([seg_run], "test")
    for shown in scene.images:
        with Image.open(folder / shown.image.file_name) as sheet:
            assert sheet.width == 200
            assert sheet.height > 160 + 40
    assert len(list(folder.rglob("*.png"))) == len(scene.images)
    assert run_command("view", seg_run, "--out", tmp_path / "v.html", "--png", folder) == 2


def test_two_runs_give_two_overlays(det_run: Path, seg_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "overlays"
    assert run_command("view", det_run, seg_run, "--out", tmp_path / "v.html", "--png", folder) == 0
    names = sorted(p.name for p in folder.rglob("000.*"))
    assert names == ["000.a.png", "000.b.png"]


def test_worst_cases_are_misses_first_and_only_errors(dataset: Path) -> None:
    scene = dataset_scene(dataset, "test")
    good = [p for p in scene.images if not p.truths]
    missed, right, shifted, mistyped = [p for p in scene.images if p.truths][:4]

    def predictions(shown: SceneImage) -> list[Prediction]:
        found = [Prediction(t.image_id, t.category_id, t.bbox, 0.8) for t in shown.truths]
        if shown is shifted:
            x, y, w, h = found[0].bbox
            found[0] = Prediction(shown.image.id, found[0].category_id, (x + w / 2, y, w, h), 0.8)
        if shown is mistyped:
            found[0] = msgspec.structs.replace(found[0], category_id=found[0].category_id % 3 + 1)
        if shown is good[0]:
            return [Prediction(shown.image.id, 1, (5, 5, 9, 9), 0.77)]
        return [] if shown is missed else found

    images = [msgspec.structs.replace(p, predictions=[predictions(p)]) for p in scene.images]
    model = Model("m", dataset, OperatingPoint("max-f1", 0.5, "val"))
    cases = worst_cases(msgspec.structs.replace(scene, models=[model], images=images))
    names = [case.shown.image.file_name for case in cases]
    assert names[:2] == [missed.image.file_name, good[0].image.file_name]
    assert set(names[2:]) == {shifted.image.file_name, mistyped.image.file_name}
    assert right.image.file_name not in names
    assert [case.words for case in cases[:2]] == ["missed", "false alarm, score 0.77"]
    assert "worst IoU 0.33" in " ".join(case.words for case in cases[2:])


@pytest.mark.parametrize("keep", [0.0, 0.7])
def test_contact_sheet(keep: float, tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "data", images=12)
    run = make_run(tmp_path / "runs", root, keep=keep)
    sheet = tmp_path / "new" / "sheet.png"
    assert run_command("view", run, "--contact-sheet", sheet) == 0
    with Image.open(sheet) as shown:
        assert shown.width >= 560
        assert shown.height > 300


def test_each_fold_has_its_own_threshold_on_sheets_and_overlays(dataset: Path, tmp_path: Path) -> None:
    run = make_cross_validation(tmp_path / "runs", dataset)
    images = read_metrics(run / "metrics.json").images
    cases = worst_cases(run_scene([run], "test"), limit=1000)
    for words, names in (("missed", images.missed_names), ("false alarm", images.false_alarm_names)):
        assert sorted(c.shown.image.file_name for c in cases if c.words.startswith(words)) == sorted(names)
    assert images.missed_names
    assert images.false_alarm_names
