"""Networks whose convolutions that read the input are not quantised, and what that preserves."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from training.exported_model import open_runner
from training.int8 import Plan, first_convolutions, quantise, spread_order

if TYPE_CHECKING:
    from openvino import Model

openvino = pytest.importorskip("openvino", reason="openvino is not installed, so quantisation is not tested")
pytest.importorskip("nncf", reason="nncf is not installed, so quantisation is not tested")

SIDE = 16


@pytest.fixture
def example_model() -> "Model":
    """Two convolutions read the input, one through the tone curve; a third one reads the first.

    `first` amplifies the difference of neighbouring pixels.
    """
    ops = openvino.opset13

    def convolution(data: object, weights: NDArray[np.float32], name: str) -> object:
        node = ops.convolution(data, ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1], "valid")
        node.set_friendly_name(name)
        return node

    rgb = ops.parameter([1, 3, SIDE, SIDE], np.float32, name="rgb")
    difference = np.zeros((4, 3, 1, 3), np.float32)
    difference[:, :, 0, 0], difference[:, :, 0, 1] = -100, 100
    first = convolution(ops.power(rgb, ops.constant(np.float32(0.5))), difference, "first")
    faint = np.zeros((4, 3, 1, 3), np.float32)
    faint[:, :, 0, 1] = 0.01
    other = convolution(rgb, faint, "other")
    third = convolution(ops.relu(first), np.eye(4, dtype=np.float32)[:, :, None, None], "third")
    return openvino.Model([ops.add(third, other)], [rgb])


def test_convolutions_that_read_the_input(example_model: "Model") -> None:
    assert first_convolutions(example_model.inputs) == ["first", "other"]


def quantised_names(path: Path) -> set[str]:
    operations = openvino.Core().read_model(path).get_ops()
    return {
        one.get_friendly_name()
        for one in operations
        if one.get_type_name() == "Convolution" and one.input_value(0).get_node().get_type_name() == "FakeQuantize"
    }


def test_only_the_convolutions_after_the_first_have_8_bits(example_model: "Model", tmp_path: Path) -> None:
    """The difference of two bright grey levels, half of an 8-bit step after the tone curve, is kept."""
    floats, written = tmp_path / "floats.xml", tmp_path / "written.xml"
    openvino.save_model(example_model, floats, compress_to_fp16=False)
    levels = np.random.default_rng(0).integers(240, 242, (8, 1, 3, SIDE, SIDE)).astype(np.float32) / 255
    edge = np.full((1, 3, SIDE, SIDE), 240 / 255, np.float32)
    edge[..., SIDE // 2 :] = 241 / 255
    quantise(floats, written, [*levels, edge], Plan())
    assert quantised_names(written) == {"third"}
    expected = 300 * (np.sqrt(241 / 255) - np.sqrt(240 / 255)) + 0.03 * 241 / 255
    with_first = tmp_path / "with_first.xml"
    quantise(floats, with_first, [*levels, edge], Plan(with_first=True))
    assert quantised_names(with_first) == {"first", "other", "third"}
    found = [float(open_runner(path, "openvino")(edge)[0, 0, 2, SIDE // 2 - 1]) for path in (floats, written)]
    assert found[0] == pytest.approx(expected, rel=1e-3)
    assert found[1] == pytest.approx(expected, rel=0.1)  # the third convolution has 8 bits


@pytest.mark.parametrize(("count", "taken"), [(255, 128), (300, 128), (300, 10), (5, 5)])
def test_calibration_images_are_spread_over_the_list(count: int, taken: int) -> None:
    """The list is sorted by type: of 255 images the first 128 were taken, of large ones the first 20."""
    chosen = spread_order(count)[:taken]
    quarters = np.histogram(chosen, bins=4, range=(0, count))[0]
    assert len(set(chosen)) == taken
    assert quarters.min() >= taken // 4 - taken // 16
