import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluate.operating import choose_operating_point, parse_rule
from evaluate.values import DEFAULT_SCORE_THRESHOLD
from system.errors import OptionError


def _choose(text: str, bad: list[float], good: list[float]) -> tuple[float, str, bool]:
    point = choose_operating_point(parse_rule(text), bad + good, [True] * len(bad) + [False] * len(good))
    assert point.rule == text
    return point.score_threshold, point.chosen_on, point.met


@pytest.mark.parametrize(
    ("text", "bad", "good", "threshold"),
    [
        ("max-f1", [0.9, 0.8], [0.2, 0.0], 0.5),  # all right from 0.8 down to just above 0.2: the middle
        ("max-f1", [0.9, 0.8], [0.0, 0.0], 0.4),  # nothing below 0.8: the middle to 0
        ("max-f1", [0.9, 0.3], [0.6], 0.15),  # 2 of 2 with 1 alarm (0.8) beats 1 of 2 with none (0.67)
        ("max-f1", [0.9, 0.1], [0.5, 0.4], 0.7),  # 2/3 at 0.9, 2 * 2 / (4 + 2) = 2/3 at 0.1: the highest
        ("miss<=0", [0.9, 0.3], [0.6, 0.1], 0.2),
        ("miss<=1", [0.9, 0.3], [0.6, 0.1], 0.75),
        ("miss<=50%", [0.9, 0.3], [0.6, 0.1], 0.75),
        ("miss<=49%", [0.9, 0.3], [0.6, 0.1], 0.2),
        ("alarms<=0", [0.9, 0.3], [0.6, 0.1], 0.75),
        ("alarms<=1", [0.9, 0.3], [0.6, 0.1], 0.2),
        ("alarms<=2", [0.9, 0.3], [0.6, 0.1], 0.05),
        ("alarms<=99%", [0.9, 0.3], [0.6, 0.1], 0.2),
        ("alarms<=0", [0.3], [0.8], 0.9),  # above everything seen
        ("alarms <= 0", [0.3], [0.8], 0.9),
    ],
)
def test_hand_worked(text: str, bad: list[float], good: list[float], threshold: float) -> None:
    assert _choose(text, bad, good) == (pytest.approx(threshold), "val", True)


@pytest.mark.parametrize(
    ("text", "bad", "good"),
    [
        ("max-f1", [], []),
        ("max-f1", [0.0, 0.0], [0.0]),  # no prediction
        ("max-f1", [0.0], [0.7]),  # nothing found on any defective image
        ("max-f1", [], [0.4]),
        ("miss<=0", [], [0.4]),
        ("alarms<=0", [0.4], []),
    ],
)
def test_the_default_if_val_cannot_decide(text: str, bad: list[float], good: list[float]) -> None:
    assert _choose(text, bad, good) == (DEFAULT_SCORE_THRESHOLD, "default", True)


def test_a_rule_that_cannot_be_kept_is_reported() -> None:
    assert _choose("miss<=0", [0.9, 0.0], [0.4]) == (pytest.approx(0.2), "val", False)


def test_scores_of_one_and_next_to_each_other() -> None:
    above, _, _ = _choose("alarms<=0", [0.5], [1.0])
    assert above > 1
    between, _, _ = _choose("alarms<=0", [0.5000001], [0.5])
    assert 0.5 < between <= 0.5000001


SCORES = st.lists(st.sampled_from([0.0, 0.1, 0.11, 0.5, 0.50000001, 0.9, 1.0]), min_size=1, max_size=8)


@given(SCORES, SCORES, st.integers(0, 4))
def test_rules_keep_their_promise_on_val(bad: list[float], good: list[float], limit: int) -> None:
    threshold, chosen_on, _ = _choose(f"alarms<={limit}", bad, good)
    if chosen_on == "val":
        assert sum(s >= threshold for s in good) <= limit
    threshold, chosen_on, met = _choose(f"miss<={limit}", bad, good)
    if chosen_on == "val":
        assert (sum(s < threshold for s in bad) <= limit) == met
    assert threshold > 0


@given(SCORES, SCORES)
def test_no_other_threshold_has_a_better_f1(bad: list[float], good: list[float]) -> None:
    def f1(threshold: float) -> float:
        found = sum(s >= threshold for s in bad)
        return 2 * found / (found + sum(s >= threshold for s in good) + len(bad))

    threshold, chosen_on, _ = _choose("max-f1", bad, good)
    if chosen_on == "val":
        assert f1(threshold) == max(f1(s) for s in bad + good if s > 0)


@pytest.mark.parametrize(
    "text",
    ["", "f1", "max_f1", "miss<5", "miss<=", "miss<=-1", "miss<=1.5", "alarms<=5%%", "alarms<=101%", "x<=1"],
)
def test_wrong_text_names_the_forms(text: str) -> None:
    with pytest.raises(OptionError, match="give max-f1, miss<=X, alarms<=Y or good") as caught:
        parse_rule(text)
    assert f"--operating-point {text}:" in str(caught.value)
