"""`datasets check` of categories: skewed splits and similar names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from datasets.check.categories import MAX_COMPARED_NAMES, _chance, check_skew, similar_names
from datasets.check.facts import AnnotationFacts, Facts, ImageFacts


def split_dataset(dents: dict[str, int], sizes: dict[str, int]) -> Facts:
    """A dataset with `sizes` images per split, of which `dents` have a dent."""
    images = []
    for split, size in sizes.items():
        for i in range(size):
            instances = [AnnotationFacts("", "dent", (1, 1, 9, 9), 81)] if i < dents[split] else []
            images.append(ImageFacts(f"{split}/{i}", split, False, instances, []))
    return Facts(["dent"], images, is_split=True)


def test_split_skew_is_reported_and_chance_is_not() -> None:
    sizes = {"train": 70, "val": 10, "test": 20}
    assert check_skew(split_dataset({"train": 14, "val": 2, "test": 4}, sizes)) == []
    assert check_skew(split_dataset({"train": 11, "val": 2, "test": 7}, sizes)) == []
    (test, train) = check_skew(split_dataset({"train": 4, "val": 2, "test": 14}, sizes))
    assert (train.where, train.value) == ("train", "dent: 4 images where 14 are expected")
    assert (test.where, test.value) == ("test", "dent: 14 images where 4 are expected")


@settings(deadline=None)
@given(st.integers(1, 400), st.data())
def test_the_probability_of_a_share_equals_that_of_scipy(total: int, data: st.DataObject) -> None:
    marked, drawn = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    count = data.draw(st.integers(max(0, marked + drawn - total), min(marked, drawn)))
    law = hypergeom(total, marked, drawn)
    expected = 2 * min(law.cdf(count), law.sf(count - 1))
    assert _chance(count, total, marked, drawn) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("scratch", "Scratch", True),
        ("scratch", "scrach", True),
        ("broken large", "broken_large", True),
        ("Prüfung", "prufung", True),
        ("broken_large", "broken_small", False),
        ("dent", "bent", False),
        ("type1", "type2", False),
        ("cut_inner", "cut_outer", False),
        ("thread_side", "thread_top", False),
    ],
)
def test_names_that_look_alike(one: str, other: str, alike: bool) -> None:
    assert bool(similar_names([one, other])) is alike


def test_many_names_are_compared_in_little_time() -> None:
    """50,000 names have 1.25 thousand million pairs; each was compared by its letters."""
    names = [f"{'abcdefghij'[k % 10]}{k}" for k in range(50_000)]
    assert similar_names([*names, "A 0", "scratch", "scratsh"]) == [("a0", "A 0")]


def test_of_a_thousand_names_those_that_differ_by_a_letter_are_found() -> None:
    names = [f"{chr(97 + k % 26)}{chr(97 + k // 26)}{k:05}" for k in range(MAX_COMPARED_NAMES - 2)]
    assert similar_names([*names, "scratch", "scratsh"]) == [("scratch", "scratsh")]
    assert similar_names([*names, "scratch", "scratsh", "dent"]) == []
