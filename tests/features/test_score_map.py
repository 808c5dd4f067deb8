import msgspec
import numpy as np
import pytest

from features.good_map import GoodMapSpec
from features.input_frame import InputFrame
from features.score_map import smoothed
from train_anomaly.spec import AnomalySpec

FRAME = InputFrame(96, 96, 96, 96)


def peak() -> np.ndarray:
    """Distances 6 x 6 with one patch that is far from good images."""
    raw = np.ones((6, 6), np.float32)
    raw[2, 3] = 5
    return raw


def test_cubic_enlarging_passes_through_the_patches_and_not_below_0():
    linear, cubic = (smoothed(peak(), FRAME, 0, enlarging) for enlarging in ("linear", "cubic"))
    centre = np.s_[39:41, 55:57]  # of the patch in row 2 and column 3: 16 pixels each
    assert cubic[centre] == pytest.approx(5, abs=0.1)
    assert linear[centre] == pytest.approx(5, abs=0.3)
    half = [(enlarged[40] > 3).sum() for enlarged in (linear, cubic)]  # width at half of the height
    assert half == [16, 18]
    assert smoothed(peak() - 1, FRAME, 0, "cubic").min() == 0
    assert smoothed(peak() - 1, FRAME, 0.02, "cubic").min() >= 0


def test_runs_from_before_there_was_a_choice_are_enlarged_linearly():
    options = {"method": "features", "stride": 16, "smoothing": 0.007}
    old = {"rows": 64, "columns": 64, "options": options, "category": {"id": 1, "name": "defect"}}
    text = msgspec.json.encode(old)
    assert msgspec.json.decode(text, type=AnomalySpec).enlarging == "linear"
    assert msgspec.json.decode(text, type=GoodMapSpec).enlarging == "linear"
    with pytest.raises(msgspec.ValidationError, match="enlarging"):
        msgspec.json.decode(msgspec.json.encode({**old, "enlarging": "square"}), type=AnomalySpec)
