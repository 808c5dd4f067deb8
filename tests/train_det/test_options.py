"""Options: checked one by one, and the same after they were saved."""

from pathlib import Path

import msgspec
import pytest

from system.errors import OptionError
from train_det.options import DetectorOptions, with_learning_rate
from training.options import options_from_flags, options_in_file

GIVEN = {"weights": "yolo11n.pt", "epochs": 3, "imgsz": 96, "batch": 2}


def options(**flags: object) -> DetectorOptions:
    return options_from_flags(DetectorOptions, {}, flags)


def test_saved_options_are_read_back() -> None:
    given = options(**GIVEN, lr=0.003)
    assert given.optimisation.lr == 0.003
    saved = msgspec.yaml.decode(msgspec.yaml.encode(msgspec.to_builtins(given)))
    assert options_in_file(DetectorOptions, saved, Path("config.yaml")) == given


def test_random_weights_are_moved_faster_unless_set_otherwise() -> None:
    pretrained, random = (
        float(with_learning_rate(options(**{**GIVEN, "weights": w})).optimisation.lr)
        for w in ("yolo11n.pt", "none")
    )
    assert random > pretrained
    reported = options(**{**GIVEN, "weights": "none"}, lr=0.0001)
    assert with_learning_rate(reported) == reported


def test_the_command_line_and_the_options_agree_on_defaults() -> None:
    assert options(weights="yolo11n.pt") == DetectorOptions()


@pytest.mark.parametrize(
    ("option", "value"),
    [("epochs", -1), ("batch", 0), ("imgsz", 100), ("imgsz", 32), ("imgsz", 8192), ("workers", -1), ("seed", -1),
     ("seed", 2**32),
     ("patience", -1), ("logger", "comet"), ("monitor", "mAP50"), ("precision", "16"), ("lr", 0.0), ("lr", 2.0)],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_option(option: str, value: object) -> None:
    with pytest.raises(OptionError) as error:
        options(**{**GIVEN, option: value})
    assert str(error.value).startswith(f"--{option} {value}: ")
