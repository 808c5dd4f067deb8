"""Methods for few examples on the 83 images of the bottle's test folder, its rarest defect type cut to a few.

Five folds for each seed; in each, the training images of the rarest type are cut and the fold's images are tested,
so that each of the 83 images is tested once. The classifier is a linear layer on the features of a frozen
EfficientNet-Lite0 at 224 pixels, without augmentation.
"""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from benchmarks.classify import images_of
from benchmarks.longtail_steps import train_steps
from datasets.coco import CocoFile, Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.paste.compose import paste_images
from datasets.paste.source import list_paste_images
from datasets.splits import stratified_folds
from evaluate.type_of_image import GOOD_INDEX, types_of_images
from train_cls.data import to_square
from train_cls.options import ClassifierOptions, DeepSmoteOptions
from train_cls.pretrained import new_classifier
from train_cls.smote import choose_parents
from train_cls.synthetic import images_to_make, make_synthetic

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOLDS, SIZE = 5, 224
STEPS, BATCH, LR = 400, 16, 3e-3
CODEC = DeepSmoteOptions(codec_imgsz=32, codec_steps=300)
METHODS = ("plain", "class weights", "balanced sampler", "logit adjustment", "SMOTE on features",
           "SMOTE on pixels", "DeepSMOTE", "pasting")  # fmt: skip
BALANCES = {"class weights": "weights", "balanced sampler": "sampler", "logit adjustment": "logit-adjust"}


class Features(NamedTuple):
    """Features, N x D, and the index of the type of each image."""

    values: "NDArray[np.float32]"
    types: "NDArray[np.intp]"


class Bottle:
    """The 83 images: their dataset, types, pixels in the network's square, and features."""

    def __init__(self, category: Path, weights: Path, folder: Path) -> None:
        self.dataset: Dataset = load_dataset(images_of(category, folder, every=False))
        self.coco: CocoFile = self.dataset.split("train")
        self.images, self.types = types_of_images(self.coco)
        options = ClassifierOptions(arch="tf_efficientnet_lite0", weights=str(weights), imgsz=SIZE)
        self.network = new_classifier(self.dataset.categories, options).network.eval()
        self.squares = np.stack([to_square(self.dataset.read_image(image), SIZE) for image in self.images])
        self.features = self.features_of(self.squares)

    def features_of(self, squares: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        """The features, N x 1280, of images N x S x S x 3 of any size."""
        net, parts = self.network.net, []
        resized = np.stack([to_square(square, SIZE) for square in squares])
        with torch.inference_mode():
            for start in range(0, len(resized), 16):
                pixels = torch.from_numpy(resized[start : start + 16].transpose(0, 3, 1, 2).copy()).float() / 255
                normal = (pixels - self.network.mean) / self.network.std
                parts.append(net.forward_head(net.forward_features(normal), pre_logits=True))  # type: ignore[operator]
        return torch.cat(parts).numpy()

    def rarest(self) -> int:
        """The defect type with the fewest images."""
        counts = Counter(self.types[self.types != GOOD_INDEX].tolist())
        return min(counts, key=lambda k: (counts[k], k))


def row(bottle: Bottle, kept: int, method: str, seed: int) -> "NDArray[np.intp]":
    """The types predicted for the 83 images, each by the fold that tests it."""
    strata = {str(i): str(k) for i, k in enumerate(bottle.types)}
    folds = stratified_folds(strata, FOLDS, seed)
    fold_of = np.array([folds[str(i)] for i in range(len(bottle.types))])
    found = np.zeros(len(bottle.types), np.intp)
    for fold in range(FOLDS):
        train = cut(bottle, np.flatnonzero(fold_of != fold), kept, (seed, fold))
        found[fold_of == fold] = predict(bottle, method, train, bottle.features[fold_of == fold], seed)
    return found


def cut(bottle: Bottle, train: "NDArray[np.intp]", kept: int, seed: tuple[int, int]) -> "NDArray[np.intp]":
    """The training images without all but `kept` of the rarest type, drawn by `seed`."""
    rare = train[bottle.types[train] == bottle.rarest()]
    chosen = np.random.default_rng(seed).choice(rare, kept, replace=False)
    return np.sort(np.concatenate([np.setdiff1d(train, rare), chosen]))


def predict(
    bottle: Bottle, method: str, train: "NDArray[np.intp]", tested: "NDArray[np.float32]", seed: int
) -> "NDArray[np.intp]":
    """The types of test images by their features, from the training images numbered `train`."""
    given = Features(bottle.features[train], bottle.types[train])
    wanted = images_to_make(given.types, int(np.bincount(given.types).max()))
    if method == "SMOTE on features":
        for k, count in wanted.items():
            own = given.values[given.types == k]
            given = joined(given, choose_parents(own, count, seed).mix(own), np.full(count, k))
    elif method in {"SMOTE on pixels", "DeepSMOTE"}:
        deep = method == "DeepSMOTE"
        side = CODEC.codec_imgsz if deep else SIZE
        squares = np.stack([to_square(square, side) for square in bottle.squares[train]])
        made = make_synthetic(squares, given.types, wanted, "deepsmote" if deep else "smote", CODEC, seed)
        given = joined(given, bottle.features_of(made.squares), made.types)
    elif method == "pasting":
        for k, count in wanted.items():
            if k != GOOD_INDEX:
                pasted = paste(bottle, train, k, count, seed)
                given = joined(given, bottle.features_of(pasted), np.full(count, k))
    options = ClassifierOptions(batch=BATCH, seed=seed, balance=BALANCES.get(method, "none"))  # type: ignore[arg-type]
    return linear(given, tested, options)


def paste(bottle: Bottle, train: "NDArray[np.intp]", k: int, count: int, seed: int) -> "NDArray[np.uint8]":
    """New images of type `k`: its defects on good images, both from the training images."""
    images: list[Image] = [bottle.images[i] for i in train if bottle.types[i] in {GOOD_INDEX, k}]
    made = paste_images(list_paste_images(bottle.dataset, images), count, seed)
    return np.stack([to_square(one.rgb, SIZE) for one in made])


def joined(given: Features, values: "NDArray[np.float32]", types: "NDArray[np.intp]") -> Features:
    """`given` and more."""
    return Features(np.concatenate([given.values, values]), np.concatenate([given.types, types]))


def linear(given: Features, tested: "NDArray[np.float32]", options: ClassifierOptions) -> "NDArray[np.intp]":
    """Types by a linear layer on standardised features, trained with Adam for a fixed number of steps."""
    mean, deviation = given.values.mean(axis=0), given.values.std(axis=0) + 1e-3
    scaled = partial(_scaled, mean=mean, deviation=deviation)
    count = 1 + int(given.types.max())
    torch.manual_seed(options.seed)
    layer = torch.nn.Linear(given.values.shape[1], count)
    optimizer = torch.optim.AdamW(layer.parameters(), LR, weight_decay=0.01)
    train_steps(layer, optimizer, scaled(given.values), given.types, count=count, steps=STEPS, options=options)
    with torch.inference_mode():
        return layer(scaled(tested)).argmax(1).numpy()


def _scaled(
    values: "NDArray[np.float32]", *, mean: "NDArray[np.float32]", deviation: "NDArray[np.float32]"
) -> torch.Tensor:
    return torch.from_numpy((values - mean) / deviation)
