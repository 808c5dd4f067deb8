from typing import Any

import pytest

from datasets.coco import Prediction
from evaluate.advice import advice
from evaluate.measure import measure_run
from evaluate.tables import print_metrics

A, B = (0, 0, 10, 10), (20, 0, 10, 10)


def sentence(bench: Any, folder: Any, task: str, predictions: list[Any], *images: Any) -> str | None:
    truth = bench.truth(*images, types=["chip", "crack"])
    dataset = bench.dataset(folder / "d", {"test": truth})
    return advice(measure_run(bench.run(folder, task, dataset, {"test": predictions}), dataset))


def test_exact_outlines_where_all_is_found_but_nothing_exactly(bench: Any, tmp_path: Any) -> None:
    loose = [bench.prediction(1, 1, (0, 0, 10, 6), 0.9)]  # IoU 0.6: right at 3 of 10 thresholds
    found = sentence(bench, tmp_path, "det", loose, [(1, A)])
    assert found is not None
    assert "not outlined exactly cost 0.700 AP of boxes" in found


@pytest.mark.parametrize(
    ("predictions", "words"),
    [
        ([(1, 2, A, 0.9), (1, 2, B, 0.8)], "'wrong type' would help most: 1 cost"),
        ([(1, 1, A, 0.9)], "'missed' would help most: 1 cost 0.500 AP50 of boxes"),
        (
            [(1, 1, A, 0.5), (1, 2, B, 0.5), (1, 1, (0, 20, 9, 9), 0.9)],
            "'background' would help most: 1 cost 0.250",
        ),
    ],
)
def test_the_kind_with_the_largest_gain(bench: Any, tmp_path: Any, predictions: Any, words: str) -> None:
    made = [bench.prediction(*p) for p in predictions]
    assert words in (sentence(bench, tmp_path, "det", made, [(1, A), (2, B)]) or "")


def test_a_model_of_good_images_alone_is_not_advised_to_change_labels(bench: Any, tmp_path: Any) -> None:
    loose = [bench.prediction(1, 3, (0, 0, 10, 6), 0.9)]
    for name, predictions in (("loose", loose), ("missed", [])):
        found = sentence(bench, tmp_path / name, "anomaly", predictions, [(1, A)]) or ""
        assert "outline the labels" not in found
        assert "--epochs" not in found
        assert ("annotate propose" if predictions else "--alarms") in found


def test_image_types(bench: Any, tmp_path: Any) -> None:
    images = [(1, A)], [(1, A)], [(2, A)], []
    wrong = [Prediction(i, 2, (0, 0, 40, 40), 0.9) for i in (1, 2, 3)]
    found = sentence(bench, tmp_path, "cls", wrong, *images)
    assert (found or "").startswith("Fewer images of chip taken for crack would help most: 2 of 2 wrong types")
    right = [Prediction(i, k, (0, 0, 40, 40), 0.9) for i, k in ((1, 1), (2, 1), (3, 2))]
    assert sentence(bench, tmp_path / "right", "cls", right, *images) == "Every image type is right."


def test_evaluate_ends_with_it(bench: Any, tmp_path: Any, capsys: Any) -> None:
    truth = bench.truth([(1, A)], types=["chip"])
    dataset = bench.dataset(tmp_path / "d", {"test": truth})
    print_metrics(measure_run(bench.run(tmp_path, "det", dataset, {"test": []}), dataset))
    assert capsys.readouterr().out.splitlines()[-1].startswith("Fewer errors of the kind 'missed' would help most")


def test_no_sentence_without_an_annotation(bench: Any, tmp_path: Any) -> None:
    assert sentence(bench, tmp_path, "det", [], []) is None
