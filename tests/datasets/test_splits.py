from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.splits import parse_ratios, stratified_split
from system.errors import OptionError
from training.negatives import choose_negatives

STRATA = st.dictionaries(st.text(min_size=1, max_size=4), st.sampled_from("abc"), max_size=60)


@given(STRATA, st.integers(0, 5))
def test_everything_is_assigned_once_in_proportion(strata: dict[str, str], seed: int) -> None:
    assigned = stratified_split(strata, (0.7, 0.1, 0.2), seed)
    assert assigned.keys() == strata.keys()
    for stratum, total in Counter(strata.values()).items():
        got = Counter(assigned[k] for k, s in strata.items() if s == stratum)
        for split, ratio in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
            assert abs(got[split] - total * ratio) <= 1.5
            assert got[split] >= (total >= 3)


def test_another_stratum_moves_nothing() -> None:
    few = {f"s{i}": "scratch" for i in range(20)}
    more = few | {f"d{i}": "dent" for i in range(9)}
    alone = stratified_split(few, (0.6, 0.2, 0.2), 3)
    assert alone == {k: v for k, v in stratified_split(more, (0.6, 0.2, 0.2), 3).items() if k in few}
    assert alone != stratified_split(few, (0.6, 0.2, 0.2), 4)


def test_a_ratio_of_zero_gets_nothing() -> None:
    assigned = stratified_split({str(i): "a" for i in range(10)}, (0.5, 0, 0.5), 0)
    assert Counter(assigned.values()) == {"train": 5, "test": 5}


def test_ratios() -> None:
    assert parse_ratios("7,1,2") == pytest.approx((0.7, 0.1, 0.2))
    for bad in ("", "1", "1,2", "a,b,c", "1,-1,1", "0,1,1", "nan,1,1", "inf,1,1"):
        with pytest.raises(OptionError):
            parse_ratios(bad)


COCO = CocoFile(
    [Image(i, f"{i}.png", 9, 9) for i in range(1, 21)],
    [
        Annotation(1, 3, 1, (0, 0, 1, 1), 1),
        Annotation(2, 3, 1, (2, 2, 1, 1), 1),
        Annotation(3, 9, 1, (0, 0, 1, 1), 1),
    ],
    [Category(1, "a")],
)


@pytest.mark.parametrize(
    ("how_many", "images"), [("all", 20), ("0", 2), ("5", 7), ("99", 20), ("0.5", 3), ("2.0", 6)]
)
def test_the_requested_number_of_negatives_is_used(how_many: str, images: int) -> None:
    chosen = choose_negatives(COCO, how_many, seed=1)
    ids = [i.id for i in chosen]
    assert len(ids) == images
    assert {3, 9} <= set(ids)
    assert ids == sorted(ids)
    assert chosen == choose_negatives(COCO, how_many, seed=1)


@pytest.mark.parametrize("bad", ["", "some", "-1", "nan", "inf"])
def test_a_wrong_number_of_negatives(bad: str) -> None:
    with pytest.raises(OptionError):
        choose_negatives(COCO, bad, seed=0)
