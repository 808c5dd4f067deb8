"""A threshold of each type: chosen by hand-worked scores, refused with few images, used by all readers."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import write_predictions
from evaluate.compare import read_measured
from evaluate.folds import measure_folds
from evaluate.images import IMAGES
from evaluate.measure import choose_point, measure_run
from evaluate.metrics import read_metrics
from evaluate.operating import operating_score, operating_scores, parse_rule
from evaluate.run_folder import RunConfig
from evaluate.truth import run_truth
from evaluate.type_thresholds import counted_predictions, lowest_threshold
from evaluate.values import OperatingPoint
from system.errors import OptionError
from training.new_run import create_fold, create_run, run_split
from view.data import page_data
from view.scene import run_scene

CHIP, CRACK = 1, 2
BOX = (4, 4, 12, 12)
TYPES = ("chip", "crack")


def twenty(bench: Any, first: int = 1, count: int = 10) -> tuple[CocoFile, list[Prediction]]:
    """`count` images with a chip, found with 0.8, as many with a crack, found with 0.3, and two good ones.

    On one of the good images a chip is seen with 0.5, on the other a crack with 0.1.
    """
    truth = bench.truth(*[[(CHIP, BOX)]] * count, *[[(CRACK, BOX)]] * count, [], [], types=TYPES, first=first)
    scores = {CHIP: 0.8, CRACK: 0.3}
    found = [bench.prediction(a.image_id, a.category_id, BOX, scores[a.category_id]) for a in truth.annotations]
    good = first + 2 * count
    return truth, [*found, bench.prediction(good, CHIP, BOX, 0.5), bench.prediction(good + 1, CRACK, BOX, 0.1)]


def test_each_type_has_the_threshold_that_separates_it(bench: Any) -> None:
    """Together: at 0.3 all are found with one false alarm, which is best. By type no false alarm is needed."""
    seen = [twenty(bench)]
    together = choose_point(parse_rule("max-f1"), seen)
    assert (together.score_threshold, together.types) == (0.2, {})
    point = choose_point(parse_rule("max-f1/type"), seen)
    assert point.score_threshold == 0.2
    assert point.types == {"chip": 0.65, "crack": 0.2}
    assert choose_point(parse_rule("alarms<=0/type"), seen).types == {"chip": 0.65, "crack": 0.2}
    assert choose_point(parse_rule("miss<=10/type"), seen).types == {"chip": 0.65, "crack": 0.2}
    counted = counted_predictions(seen[0][1], point, seen[0][0].names())
    assert {p.image_id for p in counted} == set(range(1, 21))
    assert lowest_threshold(point) == 0.2


def test_a_type_on_few_images_is_refused(bench: Any) -> None:
    rule = parse_rule("max-f1/type")
    with pytest.raises(OptionError, match="chip is on 9 images to choose its threshold on, 10 are needed"):
        choose_point(rule, [twenty(bench, count=9)])
    truth, found = twenty(bench)
    three = msgspec.structs.replace(truth, categories=bench.truth([]).categories)
    with pytest.raises(OptionError, match="stain is on 0 images"):
        choose_point(rule, [(three, found)])
    assert choose_point(rule, [(bench.truth(), [])]).types == {}
    one = bench.truth(
        [(CHIP, BOX)] * 12, *[[(CRACK, BOX)]] * 12, types=TYPES
    )  # its threshold would follow one image
    with pytest.raises(OptionError, match="chip is on 1 images"):
        choose_point(rule, [(one, [])])


@pytest.mark.parametrize("text", ["good/type", "/type", "max-f1/types", "max-f1/type/type"])
def test_what_is_not_a_rule(text: str) -> None:
    with pytest.raises(OptionError, match="also with /type"):
        parse_rule(text)


def test_the_run_stores_them_and_every_reader_uses_them(tmp_path: Path, bench: Any) -> None:
    val, test = twenty(bench), twenty(bench, first=50)
    dataset = bench.dataset(tmp_path / "d", {"val": val[0], "test": test[0]})
    run = bench.run(tmp_path / "runs", "det", dataset, {"val": val[1], "test": test[1]})
    plain = measure_run(run, dataset)
    assert plain[IMAGES].false_alarms == 1
    metrics = measure_run(run, dataset, operating_point="max-f1/type")
    assert (metrics[IMAGES].missed, metrics[IMAGES].false_alarms) == (0, 0)
    assert "score threshold 0.2, chip 0.65, crack 0.2 by max-f1/type on val" in metrics.protocol.operating_point
    assert read_metrics(run.metrics).operating_point.types == {"chip": 0.65, "crack": 0.2}
    assert operating_scores(run).types == {"chip": 0.65, "crack": 0.2}
    assert operating_score(run) == 0.2
    assert len(read_measured(run, dataset).counted) == 20
    for image in dataset.images("test"):
        (dataset.root / "images" / image.file_name).write_bytes(b"")
    scene = run_scene([run.root], "test", dataset.root)
    assert page_data(scene).models[0].rule == "max-f1/type (chip 0.65, crack 0.2)"


def test_folds_choose_on_the_other_folds(tmp_path: Path, bench: Any) -> None:
    """Each fold has 10 annotations of each type, so the other decides; pooled, each counts by its own."""
    parts = [twenty(bench), twenty(bench, first=50)]
    lower = [msgspec.structs.replace(p, score=p.score / 2) for p in parts[1][1]]
    dataset = bench.dataset(tmp_path / "d", {"train": parts[0][0], "test": parts[1][0]})
    names = [[image.file_name for image in truth.images] for truth, _ in parts]
    options = RunConfig("det", str(dataset.root), {})
    whole = msgspec.structs.replace(options, folds=2)
    run = create_run(tmp_path, "det", "d", whole, run_split(dataset, {"test": names[0] + names[1]}))
    folds = []
    for number, (mine, other, predictions) in enumerate(
        [(names[0], names[1], parts[0][1]), (names[1], names[0], lower)], 1
    ):
        fold = create_fold(run, number, options, run_split(dataset, {"train": other, "val": [], "test": mine}))
        first = min(image.id for image in run_truth(fold, dataset)["test"].images)
        offset = first - min(p.image_id for p in predictions)
        moved = [msgspec.structs.replace(p, image_id=p.image_id + offset) for p in predictions]
        write_predictions(fold.predictions("test"), moved)
        measure_run(fold, dataset, operating_point="max-f1/type")
        folds.append(fold)
    metrics = measure_folds(run, folds, dataset, operating_point="max-f1/type")
    chosen = [read_metrics(fold.metrics).operating_point.types for fold in folds]
    assert chosen == [{"chip": 0.325, "crack": 0.1}, {"chip": 0.65, "crack": 0.2}]
    assert metrics.operating_point.types == pytest.approx({"chip": 0.4875, "crack": 0.15})
    # fold 1 at half the thresholds: false alarms of 0.5 and 0.1; fold 2 at twice: all 20 missed
    assert (metrics[IMAGES].missed, metrics[IMAGES].false_alarms) == (20, 2)


def test_a_type_without_a_threshold_has_that_of_all(bench: Any) -> None:
    point = OperatingPoint("max-f1/type", 0.4, "val", types={"chip": 0.7})
    found = [bench.prediction(1, k, BOX, 0.5) for k in (CHIP, CRACK)]
    assert [p.category_id for p in counted_predictions(found, point, {1: "chip", 2: "crack"})] == [CRACK]
