"""The linear models of a FittedNet, fitted on training images in two steps: first patches, then images.

The evidence of a training image must not come from a patch model that has seen its masks, because it would look
better than that of a new image. So the patch model of each image is fitted on the other inner folds.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from system.console import progress
from train_cls.data import TypedImages, pixels_to_tensor
from train_cls.fitted_net import FittedNet, PatchModel
from train_cls.linear_fit import fit_logistic, fit_standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

INNER_FOLDS = 4
COLD_PATCHES = 8000  # background patches of all training images together
HOT = 0.02  # covered share from which a patch is not background
SURE = 0.5  # covered share from which a patch shows the type of a defect
PATCH_PENALTY = 30.0
PATCH_TYPE_PENALTY = 3000.0  # patches of one type differ more than the types do
PATCH_ITERATIONS = 60  # limit of the solver; a patch more or less right does not matter
DETECT_PENALTY = 1e-3  # good or defective: the classes are far apart
TYPE_PENALTY = 1e-2  # the type of a defective image
PRIOR_SHARE = 0.5  # how far the log odds move from the sampled background to all of it


@dataclass(frozen=True, slots=True)
class PatchSample:
    """Patches of training images: features P x C, cover P x K, and the index of the image of each."""

    features: Tensor
    cover: Tensor
    owners: Tensor
    background: int  # patches of background in all images, not only in the sample


def fit_head(
    network: FittedNet, images: TypedImages, covers: "NDArray[np.float32]", *, seed: int, weighted: bool
) -> Tensor:
    """Fit patch model and image models of `network`, and return the logits of the training images, N x outputs.

    `covers`, N x (1 + K) x P, is that of patch_covers. With `weighted` all types count as much.
    """
    sample = _sample(network, images, covers, seed)
    folds = inner_folds(images.types, seed)
    models = []
    for fold in range(folds.max() + 1) if len(folds) else ():
        outside = torch.from_numpy(folds != fold)
        models.append(_fit_patches(network, sample, outside if outside.any() else ~outside))
    network.patch_model = _fit_patches(network, sample, torch.ones(len(images), dtype=torch.bool))
    with torch.inference_mode():
        rows = [
            network.features(pixels_to_tensor(square)[None].to(network.device), models[fold]).cpu()
            for square, fold in progress(zip(images.squares, folds, strict=True), "features", len(images))
        ]
    features = torch.cat(rows).clone()
    _fit_images(network, features, images, weighted=weighted)
    with torch.inference_mode():
        return network.logits(features.to(network.device)).cpu()


def inner_folds(types: "NDArray[np.intp]", seed: int) -> "NDArray[np.intp]":
    """The inner fold of each image, 0 to INNER_FOLDS - 1, with the images of each type spread over all folds."""
    order = np.random.default_rng(seed).permutation(len(types))
    order = order[np.argsort(types[order], kind="stable")]
    folds = np.empty(len(types), np.intp)
    folds[order] = np.arange(len(types)) % INNER_FOLDS
    return folds


def _sample(network: FittedNet, images: TypedImages, covers: "NDArray[np.float32]", seed: int) -> PatchSample:
    random = np.random.default_rng(seed)
    each = max(1, COLD_PATCHES // max(1, len(images)))
    features, owners, cover, background = [], [], [], 0
    for number, square in enumerate(images.squares):
        with torch.inference_mode():
            patches = network.maps(pixels_to_tensor(square)[None].to(network.device))[0][0].cpu()
        ignored, shares = covers[number, 0] > HOT, covers[number, 1:]
        hot = (shares.max(0) > HOT) & ~ignored if len(shares) else np.zeros_like(ignored)
        cold = np.flatnonzero(~hot & ~ignored)
        chosen = np.concatenate([np.flatnonzero(hot), random.permutation(cold)[:each]])
        background += len(cold)
        features.append(patches[torch.from_numpy(chosen)])
        cover.append(torch.from_numpy(shares[:, chosen].T.copy()))
        owners.append(torch.full((len(chosen),), number))
    return PatchSample(torch.cat(features).clone(), torch.cat(cover), torch.cat(owners), background)


def _fit_patches(network: FittedNet, sample: PatchSample, chosen: Tensor) -> PatchModel:
    """The patch model by the patches of the images for which `chosen`, N bool, is true."""
    mine = chosen[sample.owners]
    features, cover = sample.features[mine], sample.cover[mine]
    model = PatchModel(features.shape[1], cover.shape[1])
    model.mean, model.std = features.mean(0), features.std(0, correction=0).clamp(min=1e-6)
    features = (features - model.mean) / model.std
    covered = cover.amax(1, keepdim=True).clamp(max=1)
    defect = fit_logistic(features, covered, PATCH_PENALTY, iterations=PATCH_ITERATIONS)
    sure = covered[:, 0] > SURE
    types = torch.nn.functional.one_hot(cover[sure].argmax(1), cover.shape[1])
    by_type = fit_logistic(features[sure], types, PATCH_TYPE_PENALTY, softmax=True, iterations=PATCH_ITERATIONS)
    drawn = (sample.cover.amax(1) <= HOT).sum().clamp(min=1)
    with torch.no_grad():
        model.defect.weight.copy_(defect[0])
        model.defect.bias.copy_(defect[1] - PRIOR_SHARE * torch.log(sample.background / drawn).clamp(min=0))
        model.types.weight.copy_(by_type[0])
        model.types.bias.copy_(by_type[1])
    return model.eval().to(network.device)


def _fit_images(network: FittedNet, features: Tensor, images: TypedImages, *, weighted: bool) -> None:
    evidence, appearance, pooled = network.sizes
    ends = np.cumsum([0, evidence, appearance, pooled]).tolist()
    every = dict.fromkeys([(ends[0], ends[1]), (ends[1], ends[2]), (ends[2], ends[3])], 1.0)
    size_and_kind = {block: 1.0 for block in every if block != (ends[1], ends[2])}
    types = torch.from_numpy(images.types)
    labels = torch.from_numpy(images.labels).float()
    weights = _balanced(types) if weighted else torch.ones(len(types))
    if network.several_types:
        fit_standardised(network.types, features, every, labels, TYPE_PENALTY, weights=weights)
        return
    bad = types > 0
    defective = bad.float()[:, None]
    fit_standardised(network.detect, features, every, defective, DETECT_PENALTY, weights=weights)
    if bad.any():
        wanted = torch.nn.functional.one_hot(types[bad] - 1, labels.shape[1])
        fit_standardised(
            network.types, features[bad], size_and_kind, wanted, TYPE_PENALTY, softmax=True, weights=weights[bad]
        )


def _balanced(types: Tensor) -> Tensor:
    counts = torch.bincount(types)
    present = int((counts > 0).sum())
    return len(types) / (present * counts[types])
