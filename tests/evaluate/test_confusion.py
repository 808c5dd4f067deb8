from typing import Any

from evaluate.confusion import instance_counts, type_confusion

A, B, C = (0, 0, 10, 10), (20, 0, 10, 10), (0, 20, 10, 10)


def test_rows_are_truth_and_columns_predictions(bench: Any) -> None:
    truth = bench.truth([(1, A), (2, B), (3, C)], [(1, A)], [])
    predictions = [
        bench.prediction(1, 1, A, 0.9),  # chip as chip
        bench.prediction(1, 3, B, 0.9),  # crack as stain
        bench.prediction(2, 1, A, 0.6),  # chip as chip ...
        bench.prediction(2, 2, A, 0.5),  # ... found twice
        bench.prediction(3, 2, A, 0.9),  # on a negative
    ]
    confusion = type_confusion(truth, predictions)
    assert confusion.names == ["chip", "crack", "stain", "background"]
    assert confusion.matrix == [
        [2, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 0, 0, 1],
        [0, 2, 0, 0],
    ]
    counts = instance_counts(truth, predictions)
    assert (counts.found, counts.false, counts.missed) == (2, 3, 2)
    assert (counts.precision, counts.recall) == (0.4, 0.5)


def test_nothing_anywhere(bench: Any) -> None:
    truth = bench.truth([], [], types=["only"])
    assert type_confusion(truth, []).matrix == [[0, 0], [0, 0]]
    counts = instance_counts(truth, [])
    assert (counts.precision, counts.recall) == (None, None)
