"""Train the head that weights distances, on defects made on good images."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from features.defect_head import DefectHead
from features.good_distance import GoodDistance
from features.input_frame import to_tensor
from system.console import progress
from train_anomaly.made_defects import MadeDefect

STEPS, BATCH, LR = 400, 16, 2e-3


def train_head(network: GoodDistance, made: Iterable[MadeDefect], count: int, seed: int) -> None:
    """Train the head of `network` on `count` made defects.

    Patches of the image itself are left out of the memory, so its good places look like those of a new image.
    """
    assert network.head is not None
    differences, distances, shares = [], [], []
    with torch.inference_mode():
        for one in progress(made, "making defects", count):
            found = network.features(to_tensor(one.rgb[None]))
            difference, distance = network.nearest.differences(found, without=one.owner)
            region = torch.from_numpy(one.region)[None, None].float()
            differences.append(difference)
            distances.append(distance)
            shares.append(functional.adaptive_avg_pool2d(region, found.shape[2:])[:, 0])
    _optimise(network.head, *(torch.cat(each).clone() for each in (differences, distances, shares)), seed=seed)


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
