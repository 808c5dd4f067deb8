"""Weighted boxes fusion against values by hand and the package ensemble-boxes 1.0.9, and refined boxes."""

from pathlib import Path

import pytest

from datasets.coco import Box, Prediction
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import load_run, read_config
from tests.command import only_line, run_command
from tests.conftest import TinyRuns
from train_det.box_fusion import fuse_boxes, refine_boxes
from train_det.options import DetectorOptions
from training.fit import Training
from training.types_of_images import retype, type_probabilities


def found(box: Box, score: float, category: int = 1) -> Prediction:
    return Prediction(7, category, box, score)


def test_the_mean_is_weighted_by_score() -> None:
    """Boxes 100 wide, 10 apart, IoU 90 / 110: x = (0.9 * 0 + 0.3 * 10) / 1.2 = 2.5, score (0.9 + 0.3) / 2."""
    (fused,) = fuse_boxes([[found((0, 0, 100, 50), 0.9)], [found((10, 0, 100, 50), 0.3)]])
    assert fused == Prediction(7, 1, (2.5, 0, 100, 50), 0.6)


def test_a_box_of_one_of_three_models_has_a_third_of_its_score() -> None:
    (fused,) = fuse_boxes([[found((5, 5, 20, 20), 0.6)], [], []])
    assert (fused.bbox, fused.score) == ((5, 5, 20, 20), 0.2)


def test_types_are_fused_apart_and_the_best_comes_first() -> None:
    both = fuse_boxes([[found((0, 0, 10, 10), 0.4, 1), found((0, 0, 10, 10), 0.8, 2)]])
    assert [(p.category_id, p.score) for p in both] == [(2, 0.8), (1, 0.4)]
    assert fuse_boxes([[found((0, 0, 10, 10), 0.4), found((50, 0, 10, 10), 0.8)]], limit=1)[0].score == 0.8
    assert fuse_boxes([[], []]) == []


def test_as_the_reference_implementation() -> None:
    """weighted_boxes_fusion of ensemble-boxes 1.0.9 (iou_thr 0.55, of sides of 1,000) gave these numbers."""
    first = [found((100, 100, 200, 100), 0.9), found((500, 500, 50, 60), 0.5), found((110, 95, 190, 110), 0.2)]
    second = [found((110, 105, 200, 100), 0.7), found((505, 500, 50, 50), 0.6, 2)]
    third = [found((90, 90, 210, 110), 0.5), found((520, 510, 50, 60), 0.3)]
    expected = [
        (1, (101.739, 98.913, 201.304, 103.043), 0.575),
        (2, (505, 500, 50, 50), 0.2),
        (1, (500, 500, 50, 60), 0.166667),
        (1, (520, 510, 50, 60), 0.1),
    ]
    fused = fuse_boxes([first, second, third])
    assert [p.category_id for p in fused] == [category for category, _, _ in expected]
    for prediction, (_, box, score) in zip(fused, expected, strict=True):
        assert prediction.bbox == pytest.approx(box, abs=0.01)
        assert prediction.score == pytest.approx(score, abs=1e-5)


def test_the_box_of_the_nearest_mask_replaces_a_box() -> None:
    """IoU 0.8 with the first mask; the second box of the type has become the same; the third has no mask."""
    boxes = [found((0, 0, 100, 100), 0.9), found((0, 0, 100, 90), 0.5), found((300, 0, 10, 10), 0.4)]
    masks = [found((0, 0, 80, 100), 0.7), found((300, 0, 10, 4), 0.7)]
    assert refine_boxes(boxes, masks) == [found((0, 0, 80, 100), 0.9), boxes[2]]
    other = found((0, 0, 100, 90), 0.5, 2)
    assert [p.category_id for p in refine_boxes([boxes[0], other], masks)] == [1, 2]
    assert refine_boxes(boxes, []) == boxes
    assert refine_boxes([], masks) == []


def test_the_predictions_of_each_image_are_fused(
    finished: Training[DetectorOptions], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = finished.run.root
    given = ("--runs", tmp_path, "--name", "two", "--device", "cpu")
    assert run_command("train_det", "fuse", run, run, *given) == 0
    fused = read_predictions(tmp_path / "det" / "two" / "predictions/test.json")
    single = read_predictions(load_run(run).predictions("test"))
    ids = sorted({p.image_id for p in single})
    of_image = [[p for p in single if p.image_id == image] for image in ids]
    expected = [p for own in of_image for p in fuse_boxes([own, own])]
    key = lambda p: (p.image_id, -p.score, p.category_id, p.bbox)  # noqa: E731
    assert sorted(fused, key=key) == sorted(expected, key=key)
    assert len(ids) > 1
    capsys.readouterr()
    assert run_command("train_det", "fuse", run, "--refine-by", run, *given) == 2
    assert "has no masks by type; name a run of train_seg" in only_line(capsys)


def test_a_classifier_gives_the_types(tiny_runs: TinyRuns, tmp_path: Path) -> None:
    """The fused run equals the types corrected by hand; the best score of an image stays."""
    det, cls = tiny_runs("det"), tiny_runs("cls")
    given = ("--types-by", cls, "--runs", tmp_path, "--name", "typed", "--device", "cpu")
    assert run_command("train_det", "fuse", det, *given) == 0
    single, scores, typed = (
        read_predictions(load_run(root).predictions("test")) for root in (det, cls, tmp_path / "det" / "typed")
    )
    names = load_dataset(Path(read_config(det).dataset)).categories
    for image in {p.image_id for p in typed}:
        own = fuse_boxes([[p for p in single if p.image_id == image]])
        probabilities = type_probabilities([p for p in scores if p.image_id == image], names)
        expected = retype(own, probabilities)
        found = [p for p in typed if p.image_id == image]
        key = lambda p: (-p.score, p.category_id, p.bbox)  # noqa: E731
        assert sorted(found, key=key) == sorted(expected, key=key)
        assert max(p.score for p in found) == max(p.score for p in own)
    assert len({p.category_id for p in typed}) > 1
