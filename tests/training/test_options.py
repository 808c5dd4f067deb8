"""Typed options: what is wrong with a value is reported with its place and what to give instead."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from system.errors import OptionError
from training.options import allowed, flag_paths, option_types, options_from_flags, options_in_file

FILE = Path("my.yaml")


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    scale: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.5
    rotation: Literal["any", "none"] = "any"
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] | Literal["auto"] = "auto"
    window: tuple[int, int] = (1, 2)


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    epochs: Annotated[int, msgspec.Meta(ge=1)] = 3
    side: Annotated[int, msgspec.Meta(ge=64, le=4096, multiple_of=32)] = 64
    device: str = "auto"
    flip: bool = True
    inner: Inner = Inner()

    def __post_init__(self) -> None:
        if self.epochs == 13:
            raise OptionError("epochs", "unlucky", "give 12")


def test_options_are_known_by_their_path_and_their_last_part() -> None:
    assert list(option_types(Outer)) == [
        "epochs", "side", "device", "flip", "inner.scale", "inner.rotation", "inner.rate", "inner.window",
    ]  # fmt: skip
    assert flag_paths(Outer)["scale"] == "inner.scale"


@pytest.mark.parametrize(
    ("values", "reported"),
    [
        ({"epochs": 0}, "my.yaml: epochs = 0: not a value it takes; give a whole number of at least 1"),
        ({"epochs": "many"}, "my.yaml: epochs = many: not a value it takes; give a whole number of at least 1"),
        ({"epochs": 2.5}, "my.yaml: epochs = 2.5: "),
        ({"epochs": True}, "my.yaml: epochs = True: "),
        ({"side": 100}, "my.yaml: side = 100: not a value it takes; give a whole number of at least 64 and of at"),
        ({"flip": "maybe"}, "my.yaml: flip = maybe: not a value it takes; give true or false"),
        ({"device": None}, "my.yaml: device = None: not a value it takes; give a text"),
        ({"inner": {"scale": 1.0}}, "my.yaml: inner.scale = 1.0: not a value it takes; give a number of at least"),
        ({"inner": {"rotation": "some"}}, "my.yaml: inner.rotation = some: not a value it takes; give one of any"),
        ({"inner": {"rate": 2}}, "my.yaml: inner.rate = 2: not a value it takes; give a number above 0 and of at"),
        ({"inner": {"window": [1, "x"]}}, "my.yaml: inner.window = [1, 'x']: not a value it takes; give a"),
        ({"inner": 3}, "my.yaml: inner = 3: not a value it takes; give a block of options (scale, rotation,"),
        ({"epoch": 3}, "my.yaml: epoch: no such option; did you mean epochs?"),
        ({"scale": 3}, "my.yaml: scale: no such option; did you mean inner.scale?"),
        ({"inner": {"rotatoin": 3}}, "my.yaml: inner.rotatoin: no such option; did you mean inner.rotation?"),
        ({"iner": {"scale": 3}}, "my.yaml: iner: no such option; did you mean inner?"),
        ({"xyzzy": 3}, "my.yaml: xyzzy: no such option; the options are epochs, side, device, flip, inner.scale,"),
        ([1], "my.yaml: not a list of options; write lines of NAME: VALUE"),
        ({"epochs": 13}, "my.yaml: epochs = 13: unlucky; give 12"),
    ],
)  # fmt: skip
def test_what_does_not_do_is_named_with_its_file_and_a_remedy(values: object, reported: str) -> None:
    with pytest.raises(OptionError) as error:
        options_in_file(Outer, values, FILE)
    assert str(error.value).startswith(reported)
    assert "\n" not in str(error.value)


def test_what_is_allowed_is_listed_completely() -> None:
    types = option_types(Outer)
    assert allowed(types["side"]) == "a whole number of at least 64 and of at most 4096, a multiple of 32"
    assert allowed(types["inner.scale"]) == "a number of at least 0 and below 1"
    assert allowed(types["inner.rate"]) == "a number above 0 and of at most 1 or auto"


def test_a_flag_wins_over_the_file_and_is_named_as_a_flag() -> None:
    values = {"epochs": 5, "inner": {"rate": 0.1, "rotation": "none"}}
    options = options_from_flags(Outer, values, {"scale": 0.25, "rate": 0.2})
    assert options == Outer(epochs=5, inner=Inner(scale=0.25, rate=0.2, rotation="none"))
    assert values == {"epochs": 5, "inner": {"rate": 0.1, "rotation": "none"}}
    with pytest.raises(OptionError, match=r"^--scale 7: not a value it takes"):
        options_from_flags(Outer, values, {"scale": 7})
    with pytest.raises(OptionError, match=r"^--epochs 13: unlucky"):
        options_from_flags(Outer, values, {"epochs": 13})


def test_a_number_where_a_text_is_wanted_is_a_text() -> None:
    assert options_in_file(Outer, {"device": 0}, FILE).device == "0"
    assert options_in_file(Outer, {"device": 0.5}, FILE).device == "0.5"
