import msgspec
import pytest

from datasets.errors import OptionError
from train_seg.options import FitOptions, check_imgsz, check_options


def test_the_defaults_are_allowed() -> None:
    check_options(FitOptions())


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epochs": 0}, "--epochs 0"),
        ({"batch": 0}, "--batch 0"),
        ({"workers": -1}, "--workers -1"),
        ({"seed": -1}, "--seed -1"),
        ({"seed": 2**32}, "--seed 4294967296"),
        ({"encoder_depth": 6}, "--encoder-depth 6"),
        ({"imgsz": 250}, "--imgsz 250"),
        ({"monitor": "accuracy"}, "--monitor accuracy"),
        ({"precision": "16"}, "--precision 16"),
        ({"lr": 0.0}, "--lr 0.0"),
        ({"lr": float("nan")}, "--lr nan"),
    ],
)
def test_a_bad_value_is_named_with_its_option(changes: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError) as error:
        check_options(msgspec.structs.replace(FitOptions(), **changes))
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
    options = FitOptions(epochs=3, encoder_weights="some/where.pt", negatives="all", lr=0.01)
    stored = msgspec.yaml.decode(msgspec.yaml.encode(options))
    assert msgspec.convert(stored, FitOptions) == options


def test_an_unknown_option_in_a_configuration_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="epoch"):
        msgspec.convert({"epoch": 3}, FitOptions)
