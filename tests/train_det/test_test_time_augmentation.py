"""Averaging over flips and turns: each of the eight is undone exactly."""

import pytest
import torch

from train_det.test_time_augmentation import SYMMETRIES, average_over_symmetries, turn_back

SIDE, STRIDES = 64, [8, 16, 32]


def marker_model(pixels: torch.Tensor) -> torch.Tensor:
    """Raw output that depends on what each cell shows: a box at its middle, as wide as red, as high as green.

    Width and height follow the axes of the image it is shown, as those of a real detector do.
    """
    levels = []
    for stride in STRIDES:
        cells = torch.nn.functional.avg_pool2d(pixels, stride)
        count = cells.shape[-1]
        middle = (torch.arange(count) + 0.5) * stride
        y, x = torch.meshgrid(middle, middle, indexing="ij")
        position = torch.stack([x, y])[None].expand(len(pixels), -1, -1, -1)
        levels.append(torch.cat([position, cells], 1).flatten(2))
    return torch.cat(levels, 2)


def test_there_are_eight_different_views() -> None:
    example_image = torch.arange(16.0).reshape(1, 1, 4, 4)
    views = {
        tuple(torch.rot90(example_image.flip(3) if mirror else example_image, turns, (2, 3)).flatten().tolist())
        for turns, mirror in SYMMETRIES
    }
    assert len(views) == 8


@pytest.mark.parametrize(("turns", "mirror"), SYMMETRIES)
def test_turning_back_undoes_the_view(turns: int, mirror: bool) -> None:
    pixels = torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    seen = torch.rot90(pixels.flip(3) if mirror else pixels, turns, (2, 3))
    raw = marker_model(seen)
    if turns % 2:  # what the view shows as wide is high in the image
        raw[:, [2, 3]] = raw[:, [3, 2]]
    assert torch.allclose(turn_back(raw, turns, mirror, SIDE, STRIDES), marker_model(pixels), atol=1e-4)


def test_the_average_of_one_answer_is_that_answer() -> None:
    pixels = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))
    pixels[:, 1] = pixels[:, 0]
    averaged = average_over_symmetries(marker_model, pixels, STRIDES)
    assert torch.allclose(averaged, marker_model(pixels), atol=1e-4)


def test_the_average_stays_on_the_device_of_the_pixels() -> None:
    """The device meta is used in place of a CUDA device: it mixes as little with tensors of the CPU."""
    pixels = torch.zeros(1, 3, SIDE, SIDE, device="meta")
    anchors = sum((SIDE // stride) ** 2 for stride in STRIDES)
    averaged = average_over_symmetries(lambda seen: seen.new_zeros(1, 6, anchors), pixels, STRIDES)
    assert averaged.shape == (1, 6, anchors)
    assert averaged.device.type == "meta"
