# ruff: noqa: SIM300 - it takes attributes such as AP for constants
import contextlib
import io
import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from datasets.coco import Annotation, CocoFile, Image, Prediction
from datasets.formats.dataset_folder import load_dataset
from evaluate.average_precision import instance_measures
from evaluate.bootstrap import draw_images
from evaluate.coco_eval import coco_eval, resampled_precision

LARGE = (0, 0, 10, 10)
SECOND = (20, 20, 10, 10)
NOWHERE = (30, 0, 5, 5)


def _noisy(bench: Any, seed: int = 1, images: int = 24) -> tuple[CocoFile, list[Prediction]]:
    """Every third image is a negative; predictions are shifted, of a wrong type, or about nothing."""
    rng = np.random.default_rng(seed)
    content: list[list[Any]] = []
    for n in range(images):
        boxes = [(*rng.integers(0, 20, 2), *rng.integers(3, 20, 2)) for _ in range(rng.integers(1, 4)) if n % 3]
        content.append([(int(rng.integers(1, 4)), tuple(int(v) for v in box)) for box in boxes])
    truth = bench.truth(*content)
    predictions = []
    for a in truth.annotations:
        x, y, w, h = (int(v) for v in a.bbox)
        shift = rng.integers(0, 3, 2)
        kind = a.category_id if rng.random() < 0.8 else int(rng.integers(1, 4))
        predictions.append(
            bench.prediction(a.image_id, kind, (x + int(shift[0]), y + int(shift[1]), w, h), rng.random())
        )
    for image in truth.images:
        box = tuple(int(v) for v in (*rng.integers(0, 20, 2), *rng.integers(3, 20, 2)))
        predictions.append(bench.prediction(image.id, int(rng.integers(1, 4)), box, rng.random() * 0.7))
    return truth, predictions


def _theirs(truth: CocoFile, predictions: list[Prediction], iou_type: str, folder: Path) -> COCOeval:
    """COCOeval as everybody runs it, with files and loadRes(); masks without bbox, as Detectron2 hands them in."""
    (folder / "truth.json").write_bytes(msgspec.json.encode(truth))
    results = json.loads(msgspec.json.encode(predictions))
    for result in results:
        result.pop("bbox" if iou_type == "segm" else "segmentation", None)
    with contextlib.redirect_stdout(io.StringIO()):
        index = COCO(folder / "truth.json")
        return COCOeval(index, index.loadRes(results), iou_type)


def _finish(done: COCOeval) -> list[float]:
    with contextlib.redirect_stdout(io.StringIO()):
        done.evaluate()
        done.accumulate()
        done.summarize()
    return [float(v) for v in done.stats]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
@pytest.mark.parametrize("seed", range(4))
def test_equals_pycocotools_to_the_last_digit(bench: Any, tmp_path: Path, iou_type: str, seed: int) -> None:
    truth, predictions = _noisy(bench, seed)
    ours = instance_measures(truth, predictions, iou_type, draw_images(24, 0))
    stats = _finish(_theirs(truth, predictions, iou_type, tmp_path))
    size = ours.by_size
    got = [ours.AP, ours.AP50, ours.AP75, size.small, size.medium, size.large]
    assert got == [None if v == -1 else v for v in stats[:6]]
    assert 0 < stats[0] < 1
    for category in truth.categories:
        done = _theirs(truth, predictions, iou_type, tmp_path)
        done.params.catIds = [category.id]
        only = ours.per_type[category.name]
        assert [only.AP, only.AP50, only.AP75] == _finish(done)[:3]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_perfect_predictions_reach_one_on_a_converted_dataset_with_negatives(
    bench: Any, coco_folder: Path, iou_type: str
) -> None:
    truth = load_dataset(coco_folder).split("test")
    assert any(not found for found in truth.by_image().values())
    measured = instance_measures(truth, bench.perfect(truth), iou_type, draw_images(len(truth.images), 0))
    # pycocotools adds 2e-16 to its divisor
    every = [measured.AP, measured.AP50, measured.AP75, *(t.AP for t in measured.per_type.values())]
    every += [bound for interval in measured.intervals.values() for bound in interval or (None,)]
    assert every == pytest.approx([1] * len(every), abs=1e-12)


def test_hand_worked_precision(bench: Any) -> None:
    truth = bench.truth([(1, LARGE), (1, SECOND)], [], types=["chip"])
    predictions = [
        bench.prediction(1, 1, LARGE, 0.9),
        bench.prediction(2, 1, LARGE, 0.8),
        bench.prediction(1, 1, SECOND, 0.7),
    ]
    measured = instance_measures(truth, predictions, "bbox", draw_images(2, 0))
    # precision 1 up to recall 0.5, that is at 51 of the 101 recall points, and 2/3 at the other 50
    assert measured.AP50 == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-12)


def test_no_prediction_is_zero_and_no_annotation_is_null(bench: Any) -> None:
    truth = bench.truth([(1, LARGE)], [])
    nothing = instance_measures(truth, [], "bbox", draw_images(2, 0))
    assert (nothing.AP, nothing.AP50) == (0, 0)
    assert nothing.per_type["crack"].AP is None
    assert nothing.per_type["crack"].annotations == 0
    only_negatives = instance_measures(
        bench.truth([], []), [bench.prediction(1, 1, LARGE, 0.9)], "segm", draw_images(2, 0)
    )
    assert only_negatives.AP is None
    assert only_negatives.intervals == {"AP": None, "AP50": None}


def test_a_false_alarm_on_a_negative_lowers_ap(bench: Any) -> None:
    truth = bench.truth([(1, LARGE)], [])
    alarm = [bench.prediction(2, 1, LARGE, 0.95)]
    assert instance_measures(
        truth, [*bench.perfect(truth), *alarm], "bbox", draw_images(2, 0)
    ).AP == pytest.approx(0.5)


def test_an_annotation_with_id_zero_is_found(bench: Any) -> None:
    truth = CocoFile(
        [Image(0, "a.png", 40, 40)], [Annotation(0, 0, 1, LARGE, 100)], bench.truth([], types=["chip"]).categories
    )
    measured = instance_measures(truth, [Prediction(0, 1, LARGE, 0.5)], "bbox", draw_images(1, 0))
    assert measured.AP == pytest.approx(1)


def test_masks_are_judged_by_their_own_area(bench: Any) -> None:
    line = Annotation(1, 1, 1, (0, 0, 40, 40), 79, bench.mask((0, 0, 40, 1)))
    truth = CocoFile(bench.truth([]).images, [line], bench.truth([], types=["chip"]).categories)
    # the wrong mask has 40 pixels in a box of 1600: counted as small, as the annotation is
    wrong = Prediction(1, 1, (0, 0, 40, 40), 0.9, bench.mask((0, 30, 40, 1)))
    right = Prediction(1, 1, (0, 0, 40, 40), 0.8, bench.mask((0, 0, 40, 1)))
    measured = instance_measures(truth, [wrong, right], "segm", draw_images(1, 0))
    assert measured.by_size.small == pytest.approx(0.5)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_a_resample_equals_cocoeval_on_the_images_repeated(bench: Any, iou_type: str) -> None:
    truth, predictions = _noisy(bench, seed=5, images=9)
    crowd = [msgspec.structs.replace(a, iscrowd=int(n % 3 == 0)) for n, a in enumerate(truth.annotations)]
    truth = msgspec.structs.replace(truth, annotations=crowd)
    draws = draw_images(9, seed=3, resamples=6)
    ours = resampled_precision(coco_eval(truth, predictions, iou_type), draws)
    for drawn, found in zip(draws, ours, strict=True):
        repeated, again = _repeat(truth, predictions, drawn)
        precision = coco_eval(repeated, again, iou_type).eval["precision"][:, :, :, 0, -1]
        for t in range(10):
            known = precision[t][precision[t] > -1]
            assert found[t] == pytest.approx(known.mean() if len(known) else math.nan, abs=1e-12, nan_ok=True)


def test_each_image_once_is_the_value_itself(bench: Any) -> None:
    truth, predictions = _noisy(bench)
    done = coco_eval(truth, predictions, "bbox")
    once = resampled_precision(done, np.ones((1, 24), np.int64))
    assert once.mean() == pytest.approx(done.stats[0], abs=1e-12)
    assert once[0, 0] == pytest.approx(done.stats[1], abs=1e-12)


def test_prints_nothing(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    instance_measures(*_noisy(bench), "bbox", draw_images(24, 0))
    assert capsys.readouterr().out == ""


def _repeat(truth: CocoFile, predictions: list[Prediction], times: Any) -> tuple[CocoFile, list[Prediction]]:
    images: list[Image] = []
    annotations: list[Annotation] = []
    again: list[Prediction] = []
    for image, count in zip(truth.images, times, strict=True):
        for _ in range(count):
            number = len(images) + 1
            images.append(Image(number, f"{number}.png", image.width, image.height))
            for a in truth.annotations:
                if a.image_id == image.id:
                    copy = msgspec.structs.replace(a, id=len(annotations) + 1, image_id=number)
                    annotations.append(copy)
            again += [msgspec.structs.replace(p, image_id=number) for p in predictions if p.image_id == image.id]
    return CocoFile(images, annotations, truth.categories), again
