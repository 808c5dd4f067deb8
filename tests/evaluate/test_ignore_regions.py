"""Ignore regions (iscrowd 1) by the rule of COCO, in every measure."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torchmetrics.functional.detection import panoptic_quality

from datasets.coco import CocoFile, Prediction
from evaluate.average_precision import BOXES, MASKS
from evaluate.boundary import boundary_counts
from evaluate.coco_eval import coco_eval
from evaluate.confusion import INSTANCES, TYPE_CONFUSION
from evaluate.images import IMAGES
from evaluate.matching import match_boxes
from evaluate.measure import measure_run
from evaluate.metrics import Metrics
from evaluate.panoptic import PANOPTIC, segment_sums
from evaluate.pixels import PIXELS
from evaluate.score_maps import score_map_measures
from evaluate.truth import split_size

DEFECT, REGION = (2, 2, 10, 10), (20, 2, 18, 30)
INSIDE, HALF_INSIDE, OUTSIDE = (22, 4, 8, 8), (16, 10, 8, 8), (2, 25, 8, 8)


def with_regions(truth: CocoFile, *numbers: int) -> CocoFile:
    """The annotations at the positions `numbers` made ignore regions."""
    changed = [msgspec.structs.replace(a, iscrowd=int(n in numbers)) for n, a in enumerate(truth.annotations)]
    return msgspec.structs.replace(truth, annotations=changed)


@pytest.fixture
def truth(bench: Any) -> CocoFile:
    """A defect beside an ignore region, an image with an ignore region only, and a good image; type 1."""
    return with_regions(bench.truth([(1, DEFECT), (1, REGION)], [(1, REGION)], []), 1, 2)


def measured(bench: Any, folder: Path, truth: CocoFile, predictions: list[Prediction], **options: Any) -> Metrics:
    dataset = bench.dataset(folder / "d", {"test": truth})
    return measure_run(bench.run(folder, "seg", dataset, {"test": predictions}), dataset, **options)


def test_a_perfect_prediction_is_perfect_in_every_measure(bench: Any, tmp_path: Path, truth: CocoFile) -> None:
    inside = [bench.prediction(1, 1, INSIDE, 0.8), bench.prediction(2, 1, INSIDE, 0.7)]
    metrics = measured(bench, tmp_path, truth, [bench.prediction(1, 1, DEFECT, 0.9), *inside])
    counts = metrics[INSTANCES]
    assert (counts.found, counts.false, counts.missed) == (1, 0, 0)
    assert metrics[TYPE_CONFUSION].matrix == [[1, 0, 0, 0], [0] * 4, [0] * 4, [0] * 4]
    images = metrics[IMAGES]
    assert (images.defective, images.missed, images.good, images.false_alarms) == (1, 0, 2, 0)
    pixels = metrics[PIXELS]
    assert (pixels.defect.iou, pixels.defect.recall, pixels.defect.precision, pixels.boundary.f) == (1, 1, 1, 1)
    assert (metrics[PANOPTIC].pq, metrics[BOXES].AP, metrics[MASKS].AP) == pytest.approx((1, 1, 1))
    assert metrics[BOXES].per_type["chip"].annotations == 1
    assert metrics.protocol.splits["test"] == split_size(truth) == type(split_size(truth))(3, 1, 2, 1)
    assert "iscrowd 1" in metrics.protocol.definitions["ignore_regions"]


def test_predictions_outside_ignore_regions_count_as_before(bench: Any, tmp_path: Path, truth: CocoFile) -> None:
    predictions = [
        bench.prediction(1, 1, (22, 20, 8, 8), 0.9),  # inside: the defect of this image is not found by it
        bench.prediction(2, 1, OUTSIDE, 0.8),
        bench.prediction(2, 2, INSIDE, 0.7),  # a crack inside a region of chips
    ]
    metrics = measured(bench, tmp_path, truth, predictions)
    assert (metrics[INSTANCES].found, metrics[INSTANCES].false, metrics[INSTANCES].missed) == (0, 2, 1)
    assert metrics[TYPE_CONFUSION].matrix[3] == [1, 0, 0, 0]  # of any type: the crack is inside the region
    assert metrics[IMAGES].missed_names == ["001.png"]
    assert metrics[IMAGES].false_alarm_names == ["002.png"]
    assert metrics[IMAGES].curve == [(0.8, 1, 1)]
    assert metrics[PIXELS].defect.precision == 0


@pytest.mark.parametrize(("box", "ignored"), [(INSIDE, True), (HALF_INSIDE, True), ((15, 10, 8, 8), False)])
def test_half_of_a_prediction_inside_is_enough(bench: Any, truth: CocoFile, box: Any, ignored: bool) -> None:
    annotations = truth.by_image()[2]
    matches = match_boxes([bench.prediction(2, 1, box, 0.9)], annotations, score_threshold=0)
    assert (matches.ignored, matches.false, matches.missed) == (([0], [], []) if ignored else ([], [0], []))


@pytest.mark.parametrize("seed", range(6))
def test_matches_are_those_of_cocoeval(bench: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = [[(1, tuple(int(v) for v in (*rng.integers(0, 25, 2), *rng.integers(6, 15, 2)))) for _ in range(5)]
             for _ in range(8)]  # fmt: skip
    truth = with_regions(bench.truth(*boxes), *range(0, 40, 2))
    predictions = []
    for a in truth.annotations:
        x, y, w, h = (int(v) for v in a.bbox)
        shift = rng.integers(-3, 4, 2)
        moved = (max(0, x + int(shift[0])), max(0, y + int(shift[1])), max(3, w - 3), h)
        predictions.append(bench.prediction(a.image_id, 1, moved, float(rng.random())))
    done = coco_eval(truth, predictions, "bbox")
    theirs = {}
    for one in done.evalImgs[: len(truth.images)]:  # first type, all areas
        matched = one["dtMatches"][0] > 0
        ignored = one["dtIgnore"][0].astype(bool)
        missed = int(np.sum((one["gtMatches"][0] == 0) & (one["gtIgnore"] == 0)))
        theirs[one["image_id"]] = (
            int((matched & ~ignored).sum()),
            int(ignored.sum()),
            int((~matched).sum()),
            missed,
        )
    annotations = truth.by_image()
    for image_id, expected in theirs.items():
        mine = [p for p in predictions if p.image_id == image_id]
        found = match_boxes(mine, annotations[image_id], score_threshold=0)
        assert (len(found.pairs), len(found.ignored), len(found.false), len(found.missed)) == expected
    assert sum(v[1] for v in theirs.values()) > 0


def test_score_maps_leave_the_pixels_out(bench: Any, truth: CocoFile) -> None:
    def score_map(image: Any) -> np.ndarray:
        scores = np.zeros((40, 40), np.float32)
        if image.id == 1:
            scores[2:12, 2:12] = 0.9
        x, y, w, h = REGION
        scores[y : y + h, x : x + w] = 0.95  # would be alarms, or misses, if they counted
        return scores * (image.id < 3)

    found = score_map_measures(truth, score_map)
    assert (found.pixel_ap, found.aupro_30) == pytest.approx((1, 1))


def test_outlines_in_the_region_do_not_count() -> None:
    truth, painted, ignored = np.zeros((3, 40, 40), bool)
    truth[5:15, 5:15] = painted[5:15, 5:15] = True
    painted[5:15, 25:35] = True
    ignored[:, 20:] = True
    assert boundary_counts(truth, painted, ignored=ignored) == (36, 36, 36, 36)
    assert boundary_counts(truth, painted)[1] == 72


def test_panoptic_quality_equals_torchmetrics_with_void_pixels() -> None:
    rng = np.random.default_rng(3)
    annotated, predicted = np.zeros((2, 40, 40), np.int32)
    for number in range(1, 7):
        x, y = rng.integers(0, 30, 2)
        annotated[y : y + 9, x : x + 9] = number
        predicted[y + 1 : y + 10, x : x + 9] = number
    ignored = np.zeros((40, 40), bool)
    ignored[:, 22:] = True
    types = [[0, 1, 0, 1, 0, 1]] * 2
    sums = segment_sums(predicted, annotated, types, 2, ignored)
    background, void = 8, 9
    colours = [np.stack([np.array([background, *types[0]])[side], side], -1) for side in (predicted, annotated)]
    colours[1][ignored] = (void, 0)
    theirs = panoptic_quality(
        *(torch.tensor(c)[None] for c in colours), things={0, 1}, stuffs={background}, return_per_class=True
    )
    iou, found, false, missed = sums.T
    assert found.sum() > 1
    np.testing.assert_allclose(iou / (found + (false + missed) / 2), theirs.numpy().ravel()[:2])


def test_without_regions_the_protocol_has_no_sentence_about_them(bench: Any, tmp_path: Path) -> None:
    metrics = measured(bench, tmp_path, bench.truth([(1, DEFECT)]), [])
    assert "ignore_regions" not in metrics.protocol.definitions
