"""Which differences between two settings are real, as the benchmark of the classifier decides."""

import numpy as np
import pytest

from benchmarks.classify_tests import paired_tests, sign_test


def outcomes(right: str) -> dict[str, bool]:
    return {f"{i}.png": letter == "1" for i, letter in enumerate(right)}


def test_the_p_value_is_the_share_of_signs_that_are_as_extreme() -> None:
    """Five equal differences: 2 of the 32 sign patterns."""
    assert sign_test(np.ones(5)) == pytest.approx(2 / 32, abs=0.005)
    assert sign_test(np.array([1.0, -1.0])) == 1
    assert sign_test(np.zeros(4)) == 1


def test_seeds_of_an_image_count_once() -> None:
    """The same outcomes for three seeds are no more evidence than for one."""
    one = {"a": [outcomes("111110")], "b": [outcomes("000000")]}
    three = {name: runs * 3 for name, runs in one.items()}
    (first,), (second,) = paired_tests(one), paired_tests(three)
    assert first.p == second.p == pytest.approx(2 / 32, abs=0.005)
    assert (first.seeds, second.seeds) == (1, 3)
    assert first.difference == pytest.approx(5 / 6)
    assert not first.real


def test_holm_compares_the_smallest_p_with_the_strictest_level() -> None:
    good, bad, other = outcomes("1" * 12), outcomes("0" * 12), outcomes("1" * 6 + "0" * 6)
    found = {(t.first, t.second): t for t in paired_tests({"good": [good], "bad": [bad], "other": [other]})}
    assert found["good", "bad"].real  # 2 / 4096
    assert found["good", "other"].p == pytest.approx(2 / 64, abs=0.005)
    assert not found["good", "other"].real  # above 0.05 / 2
