from typing import Any

import pytest

from evaluate.images import defective_images, fewest_misses, image_measures, image_scores, miss_alarm_curve

BOX = (0, 0, 10, 10)


def test_misses_and_false_alarms_by_name(bench: Any) -> None:
    truth = bench.truth([(1, BOX)], [(2, BOX)], [(1, BOX)], [], [], [])
    predictions = [
        bench.prediction(1, 1, BOX, 0.9),
        bench.prediction(1, 2, BOX, 0.3),
        bench.prediction(2, 1, (30, 30, 2, 2), 0.5),  # anything found on a defective image is not a miss
        bench.prediction(4, 1, BOX, 0.5),
        bench.prediction(5, 1, BOX, 0.4),
    ]
    assert image_scores(truth, predictions) == {1: 0.9, 2: 0.5, 3: 0, 4: 0.5, 5: 0.4, 6: 0}
    measured = image_measures(truth, predictions, [p for p in predictions if p.score >= 0.5], 0.5)
    assert (measured.defective, measured.missed, measured.missed_names) == (3, 1, ["003.png"])
    assert (measured.good, measured.false_alarms, measured.false_alarm_names) == (3, 1, ["004.png"])
    assert measured.curve == [(0.4, 1, 2), (0.5, 1, 1), (0.9, 2, 0)]
    low, high = measured.intervals["missed"]
    assert low < 1 / 3 < high


def test_without_good_images_there_is_no_rate_of_alarms(bench: Any) -> None:
    truth = bench.truth([(1, BOX)])
    measured = image_measures(truth, [], [], 0.25)
    assert measured.intervals["false_alarms"] is None
    assert measured.curve == []
    assert measured.missed == 1


def test_every_annotation_makes_its_image_defective(bench: Any) -> None:
    assert defective_images(bench.truth([(1, BOX), (1, BOX)], [])) == {1: True, 2: False}


@pytest.mark.parametrize(("alarms", "misses"), [(0, 2), (1, 2), (2, 1), (3, 0), (9, 0)])
def test_fewest_misses_at_a_number_of_alarms(alarms: int, misses: int) -> None:
    curve = miss_alarm_curve([0.9, 0.5, 0.1, 0.6, 0.5, 0.2], [True, True, True, False, False, False])
    assert curve == [(0.1, 0, 3), (0.2, 1, 3), (0.5, 1, 2), (0.6, 2, 1), (0.9, 2, 0)]
    assert fewest_misses(curve, alarms, 3) == misses


def test_all_are_missed_where_every_threshold_raises_an_alarm() -> None:
    assert fewest_misses([(0.9, 1, 1)], 0, 2) == 2
