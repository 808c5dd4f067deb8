"""Options: checked one by one, and the same after they were saved."""

from pathlib import Path

import msgspec
import pytest

from system.errors import OptionError
from train_det.options import FitOptions, fit_options, with_learning_rate
from training.options import options_in_file

GIVEN = {"weights": "yolo11n.pt", "epochs": 3, "imgsz": 96, "batch": 2}


def test_saved_options_are_read_back() -> None:
    options = fit_options(**GIVEN, lr=0.003)
    assert options.optimisation.lr == 0.003
    saved = msgspec.yaml.decode(msgspec.yaml.encode(msgspec.to_builtins(options)))
    assert options_in_file(FitOptions, saved, Path("config.yaml")) == options


def test_random_weights_are_moved_faster_unless_told_otherwise() -> None:
    pretrained, random = (
        float(with_learning_rate(fit_options(**{**GIVEN, "weights": w})).optimisation.lr)
        for w in ("yolo11n.pt", "none")
    )
    assert random > pretrained
    told = fit_options(**{**GIVEN, "weights": "none"}, lr=0.0001)
    assert with_learning_rate(told) == told


def test_the_command_line_and_the_options_agree_on_defaults() -> None:
    assert fit_options(weights="yolo11n.pt") == FitOptions()


@pytest.mark.parametrize(
    ("option", "value"),
    [("epochs", 0), ("batch", 0), ("imgsz", 100), ("imgsz", 32), ("imgsz", 8192), ("workers", -1), ("seed", -1),
     ("seed", 2**32),
     ("patience", -1), ("logger", "comet"), ("monitor", "mAP50"), ("precision", "16"), ("lr", 0.0), ("lr", 2.0)],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_option(option: str, value: object) -> None:
    with pytest.raises(OptionError) as error:
        fit_options(**{**GIVEN, option: value})  # type: ignore[arg-type]
    assert str(error.value).startswith(f"--{option} {value}: ")
