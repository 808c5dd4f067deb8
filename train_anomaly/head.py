"""A small network that learns from synthetic defects which differences from the nearest good patch are defects."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from features.nearest import NearestPatches
from features.patches import PatchFeatures
from system.console import progress
from train_anomaly.good_images import to_tensor
from train_anomaly.synthetic import make_defect

if TYPE_CHECKING:
    from collections.abc import Iterable

STEPS, BATCH, LR = 400, 16, 2e-3
HIDDEN = 64
GROUND = 0.1  # factor of the distance if the network sees no defect; unknown defects still have a large distance


class DefectHead(nn.Module):
    """Differences from the nearest good patch N x C x h x w and their lengths to distances N x h x w.

    A distance is multiplied by 0.1 where the network sees no defect, and by 1.1 where it is sure of one.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels + 1, HIDDEN, 1), nn.ReLU(), nn.Conv2d(HIDDEN, HIDDEN, 3, 1, 1), nn.ReLU(),
            nn.Conv2d(HIDDEN, 1, 1),
        )  # fmt: skip

    def forward(self, difference: Tensor, distance: Tensor) -> Tensor:
        """The weighted distances."""
        return distance * (GROUND + self.logits(difference, distance).sigmoid())

    def logits(self, difference: Tensor, distance: Tensor) -> Tensor:
        """Log odds of a defect, N x h x w."""
        found: Tensor = self.net(torch.cat([difference.abs(), distance[:, None]], 1))[:, 0]
        return found


def train_head(
    head: DefectHead, features: PatchFeatures, nearest: NearestPatches, images: Tensor, count: int, seed: int
) -> None:
    """Train `head` on `count` made defects on good images N x 3 x rows x columns uint8.

    Patches of the image itself are left out of the memory, so its good places look like those of a new image.
    """
    random = np.random.default_rng((seed, 1))
    differences, distances, shares = [], [], []
    with torch.inference_mode():
        for number in progress(range(count), "making defects", count):
            owner = number % len(images)
            good, other = (images[i].permute(1, 2, 0).numpy() for i in (owner, int(random.integers(len(images)))))
            made, region = make_defect(good, other, random)
            found = features(to_tensor(made[None]))
            difference, distance = nearest.differences(found, without=owner)
            share = functional.adaptive_avg_pool2d(torch.from_numpy(region)[None, None].float(), found.shape[2:])
            differences.append(difference)
            distances.append(distance)
            shares.append(share[:, 0])
    _optimise(head, *(torch.cat(each).clone() for each in (differences, distances, shares)), seed=seed)


def _optimise(head: DefectHead, differences: Tensor, distances: Tensor, shares: Tensor, *, seed: int) -> None:
    torch.manual_seed(seed)
    for module in head.net:
        if isinstance(module, nn.Conv2d):
            module.reset_parameters()
    optimizer = torch.optim.AdamW(head.parameters(), lr=LR, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    head.train()
    steps: Iterable[int] = progress(range(STEPS), "learning made defects", STEPS)
    for _ in steps:
        batch = torch.randint(len(shares), (BATCH,))
        logits = head.logits(differences[batch], distances[batch])
        loss = functional.binary_cross_entropy_with_logits(logits, shares[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    head.eval()
