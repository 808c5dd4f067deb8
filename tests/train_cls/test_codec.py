"""The autoencoder of DeepSMOTE: its sizes, its loss, its seed, and that it learns what distinguishes two types."""

import numpy as np
import pytest
import torch
from torch import nn

from train_cls.codec import Codec, permuted_loss, to_network, train_codec
from train_cls.options import DeepSmoteOptions

SMALL = DeepSmoteOptions(codec_imgsz=32, codec_width=4, codec_size=8, codec_steps=2, codec_batch=4)


def squares(count: int, side: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.mark.parametrize("side", [32, 48, 64])
def test_an_image_becomes_a_code_and_a_code_an_image(side: int) -> None:
    codec = Codec(DeepSmoteOptions(codec_imgsz=side, codec_width=2, codec_size=5))
    codes = codec.encode(squares(3, side))
    assert codes.shape == (3, 5)
    assert codec.decode(codes).shape == (3, side, side, 3)
    assert codec.decode(codes).dtype == np.uint8


def test_an_image_has_the_same_code_in_any_batch() -> None:
    codec = train_codec(squares(6), np.zeros(6, np.intp), SMALL, 0)
    together, alone = codec.encode(squares(6)), codec.encode(squares(6), batch=1)
    np.testing.assert_allclose(together, alone, atol=1e-5)
    assert np.abs(codec.decode(together).astype(int) - codec.decode(together, batch=4).astype(int)).max() <= 1


class Copy(nn.Module):
    """Encodes an image as itself."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = self.decoder = nn.Identity()


def test_the_second_loss_compares_each_image_with_another_of_its_type() -> None:
    """With a perfect autoencoder it is the squared distance of the two images, not 0."""
    images = squares(4)
    random = np.random.default_rng(0)
    found = permuted_loss(Copy(), images, np.array([1, 3]), SMALL, random)  # type: ignore[arg-type]
    one, other = (images[i].astype(np.float64) / 127.5 - 1 for i in (1, 3))
    assert float(found) == pytest.approx(((one - other) ** 2).mean(), rel=1e-5)


def test_pixels_are_from_minus_one_to_one() -> None:
    both = np.stack([np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 255, np.uint8)])
    assert to_network(both).amin() == -1
    assert to_network(both).amax() == 1
    assert to_network(both).shape == (2, 3, 32, 32)


def test_it_learns_the_colour_of_two_types() -> None:
    dark = np.random.default_rng(0).integers(20, 60, (8, 32, 32, 3), dtype=np.uint8)
    bright = np.random.default_rng(1).integers(190, 230, (8, 32, 32, 3), dtype=np.uint8)
    images, types = np.concatenate([dark, bright]), np.repeat([0, 2], 8)
    options = DeepSmoteOptions(codec_imgsz=32, codec_width=8, codec_size=8, codec_steps=200, codec_batch=8)
    codec = train_codec(images, types, options, 0)
    found = codec.decode(codec.encode(images)).mean(axis=(1, 2, 3))
    assert found[:8].max() < 110
    assert found[8:].min() > 140


def test_a_seed_repeats_it_and_leaves_the_generator_alone() -> None:
    images, types = squares(6), np.array([0, 0, 0, 1, 1, 3])
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, two, other = (train_codec(images, types, SMALL, seed).encode(images) for seed in (7, 7, 8))
    assert torch.equal(torch.get_rng_state(), before)
    assert (one == two).all()
    assert (one != other).any()
