"""Logits of images, and the numbers of an epoch that are computed from them."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluate.type_measures import confusions, type_measures
from train_cls.data import TypedImages, pixels_to_tensor


def logits_of(network: nn.Module, images: TypedImages, batch: int, device: torch.device) -> Tensor:
    """Logits of all images, N x outputs float32 on the CPU; leaves the network in evaluation mode."""
    network.eval()

    def parts() -> Iterator[Tensor]:
        for start in range(0, len(images), batch):
            pixels = torch.stack([pixels_to_tensor(square) for square in images.squares[start : start + batch]])
            yield network(pixels.to(device)).float().cpu()

    with torch.inference_mode():
        return torch.cat(list(parts()))


def type_loss(logits: Tensor, images: TypedImages, *, several: bool) -> float:
    """Mean cross entropy; with `several` types the mean of the binary cross entropy of each type."""
    if several:
        wanted = torch.from_numpy(images.labels).float()
        return float(functional.binary_cross_entropy_with_logits(logits, wanted))
    return float(functional.cross_entropy(logits, torch.from_numpy(images.types)))


def validation_row(logits: Tensor, images: TypedImages, *, several: bool) -> dict[str, float]:
    """Loss, accuracy and balanced accuracy by logits N x outputs.

    With `several` types, an image is right if the answer for each type is right, and the balanced accuracy is the
    mean over the types of the mean recall of images with and without the type.
    """
    row = {"val_loss": type_loss(logits, images, several=several)}
    if several:
        predicted = (logits > 0).numpy()
        right = predicted == images.labels
        recalls = [
            right[images.labels[:, k] == state, k].mean()
            for k in range(right.shape[1])
            for state in (True, False)
            if (images.labels[:, k] == state).any()
        ]
        return row | {
            "val_accuracy": float(right.all(1).mean()),
            "val_balanced_accuracy": float(np.mean(recalls)) if recalls else 0.0,
        }
    once = np.ones((1, len(images)), np.int64)
    matrix = confusions(images.types, logits.argmax(1).numpy(), logits.shape[1], once)[0]
    return row | {
        "val_accuracy": float(np.trace(matrix) / len(images)),
        "val_balanced_accuracy": type_measures(matrix).balanced_accuracy or 0.0,
    }
