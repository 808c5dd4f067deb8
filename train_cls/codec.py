"""The encoder and decoder of DeepSMOTE: an image to a code, a code to an image, and their training.

Source: Dablain, Krawczyk and Chawla, DeepSMOTE: Fusing Deep Learning and SMOTE for Imbalanced Data, 2021 (arXiv
2105.02340), algorithm 1.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from system.console import progress
from train_cls.options import HALVINGS, DeepSmoteOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAK = 0.2


class Codec(nn.Module):
    """An encoder and a decoder of images of one size, built like a DCGAN."""

    def __init__(self, options: DeepSmoteOptions) -> None:
        super().__init__()
        widths = [options.codec_width * 2**k for k in range(HALVINGS)]
        small = options.codec_imgsz // 2**HALVINGS
        flat, size = widths[-1] * small**2, options.codec_size
        self.encoder = nn.Sequential(*_encoding_layers([3, *widths]), nn.Flatten(), nn.Linear(flat, size))
        self.decoder = nn.Sequential(
            nn.Linear(size, flat),
            nn.ReLU(),
            nn.Unflatten(1, (widths[-1], small, small)),
            *_decoding_layers([*reversed(widths), 3]),
            nn.Tanh(),
        )

    def encode(self, squares: "NDArray[np.uint8]", batch: int = 64) -> "NDArray[np.float32]":
        """The codes, N x size, of images N x S x S x 3; leaves the network in evaluation mode."""
        self.eval()
        with torch.inference_mode():
            parts = [self.encoder(to_network(squares[part])) for part in _slices(len(squares), batch)]
        codes: NDArray[np.float32] = torch.cat(parts).numpy()
        return codes

    def decode(self, codes: "NDArray[np.float32]", batch: int = 64) -> "NDArray[np.uint8]":
        """The images, N x S x S x 3, of codes N x size; leaves the network in evaluation mode."""
        self.eval()
        with torch.inference_mode():
            parts = [self.decoder(torch.from_numpy(codes[part])) for part in _slices(len(codes), batch)]
        pixels = ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1)
        squares: NDArray[np.uint8] = pixels.to(torch.uint8).contiguous().numpy()
        return squares


def train_codec(
    squares: "NDArray[np.uint8]", types: "NDArray[np.intp]", options: DeepSmoteOptions, seed: int
) -> Codec:
    """Train an encoder and decoder on images N x S x S x 3 with the index of the type of each.

    A step minimises the squared error of a batch of all images, decoded from their codes, plus that of a batch of
    one type, drawn at random, in which each image is decoded from the code of another image of that batch. The
    second term makes the decoder sensible between the codes of a type.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        codec = Codec(options)
        optimizer = torch.optim.Adam(codec.parameters(), options.codec_lr)
        random = np.random.default_rng((seed, 1))
        members = [found for found in (np.flatnonzero(types == k) for k in np.unique(types)) if len(found) > 1]
        batches = _shuffled_batches(len(squares), options.codec_batch, random)
        codec.train()
        for _ in progress(range(options.codec_steps), "training DeepSMOTE", options.codec_steps):
            pixels = to_network(squares[next(batches)])
            one_type = members[int(random.integers(len(members)))]
            loss = mse_loss(codec.decoder(codec.encoder(pixels)), pixels)
            loss = loss + permuted_loss(codec, squares, one_type, options, random)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return codec.eval()


def permuted_loss(
    codec: Codec,
    squares: "NDArray[np.uint8]",
    members: "NDArray[np.intp]",
    options: DeepSmoteOptions,
    random: np.random.Generator,
) -> Tensor:
    """Squared error of images of one type, each decoded from the code of the next one in a random order.

    `members` are the numbers of the images of the type, two or more.
    """
    chosen = random.permutation(members)[: options.codec_batch]
    pixels = to_network(squares[chosen])
    return mse_loss(codec.decoder(codec.encoder(pixels).roll(1, 0)), pixels)


def to_network(squares: "NDArray[np.uint8]") -> Tensor:
    """N x S x S x 3 pixels as N x 3 x S x S from -1 to 1."""
    return torch.from_numpy(np.ascontiguousarray(squares.transpose(0, 3, 1, 2))).float() / 127.5 - 1


def _encoding_layers(widths: list[int]) -> Iterator[nn.Module]:
    for k, (before, after) in enumerate(pairwise(widths)):
        yield nn.Conv2d(before, after, 4, 2, 1, bias=k == 0)
        if k:
            yield nn.BatchNorm2d(after)
        yield nn.LeakyReLU(LEAK)


def _decoding_layers(widths: list[int]) -> Iterator[nn.Module]:
    last = len(widths) - 2
    for k, (before, after) in enumerate(pairwise(widths)):
        yield nn.ConvTranspose2d(before, after, 4, 2, 1, bias=k == last)
        if k < last:
            yield nn.BatchNorm2d(after)
            yield nn.ReLU()


def _shuffled_batches(count: int, batch: int, random: np.random.Generator) -> Iterator["NDArray[np.intp]"]:
    """Endless batches of numbers below `count`; every number is drawn once before any is drawn again."""
    size = min(batch, count)
    while True:
        order = random.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def _slices(count: int, batch: int) -> Iterator[slice]:
    return (slice(start, start + batch) for start in range(0, count, batch))
