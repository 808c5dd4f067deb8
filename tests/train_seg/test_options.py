"""Options: checked one by one and together, and the same after they were saved."""

from pathlib import Path

import msgspec
import pytest

from system.errors import OptionError
from train_seg.options import SegmenterOptimisation, SegmenterOptions, check_imgsz
from training.options import options_from_flags, options_in_file

CONFIG = Path("config.yaml")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"epochs": -1}, "--epochs -1: not a value it takes; give a whole number of at least 0"),
        ({"batch": 0}, "--batch 0: "),
        ({"workers": -1}, "--workers -1: "),
        ({"patience": -1}, "--patience -1: "),
        ({"seed": -1}, "--seed -1: "),
        ({"seed": 2**32}, "--seed 4294967296: "),
        ({"encoder_depth": 6}, "--encoder-depth 6: not a value it takes; give a whole number of at least 3 and"),
        ({"imgsz": 250}, "--imgsz 250: not a multiple of 16 of at least 32, as --encoder-depth 4 needs; give 240"),
        ({"monitor": "accuracy"}, "--monitor accuracy: not a value it takes; give one of dice, iou, loss"),
        ({"precision": "16"}, "--precision 16: "),
        ({"logger": "comet"}, "--logger comet: "),
        ({"lr": 0.0}, "--lr 0.0: not a value it takes; give a number above 0 and of at most 1"),
        ({"lr": float("nan")}, "--lr nan: "),
    ],
)
def test_a_bad_value_is_named_with_its_option(flags: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError) as error:
        options_from_flags(SegmenterOptions, {}, flags)
    assert str(error.value).startswith(named)


@pytest.mark.parametrize(
    ("imgsz", "depth", "remedy"),
    [(250, 4, "240 or 256"), (16, 4, "32 or 48"), (0, 5, "64 or 96"), (272, 5, "256 or 288")],
)
def test_the_remedy_for_a_size_names_sizes_that_do(imgsz: int, depth: int, remedy: str) -> None:
    with pytest.raises(OptionError, match=remedy):
        check_imgsz(imgsz, depth)
    for size in remedy.split(" or "):
        check_imgsz(int(size), depth)


def test_options_survive_the_configuration_file() -> None:
    how = SegmenterOptimisation(lr=0.01, warmup_share=0.1)
    options = SegmenterOptions(epochs=3, encoder_weights="some/where.pt", negatives="all", optimisation=how)
    stored = msgspec.yaml.decode(msgspec.yaml.encode(msgspec.to_builtins(options)))
    assert options_in_file(SegmenterOptions, stored, CONFIG) == options
