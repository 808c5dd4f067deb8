"""Which good patches the method `features` remembers: a coreset, random ones or half of each.

A greedy coreset takes the rarest patches, random ones are where good patches are dense. docs/results.md compares
them.
"""

import torch
from torch import Tensor
from torch.nn import functional

from features.coreset import choose_coreset
from system.console import progress

CANDIDATES = 100_000  # patches from which those of all places are chosen; the time of a coreset is proportional


def remember_anywhere(features: Tensor, size: int, sample: str, seed: int) -> tuple[Tensor, Tensor]:
    """About `size` patches of N x C x h x w features, 1 x C x M, and the number of the image of each, 1 x M."""
    random = torch.Generator().manual_seed(seed)
    count = len(features)
    each = max(1, (size if sample == "random" else CANDIDATES) // count)
    patches, owners = [], []
    for number, one in enumerate(features.flatten(2).permute(0, 2, 1)):
        chosen = torch.randperm(len(one), generator=random)[:each]
        patches.append(one[chosen])
        owners.append(torch.full((len(chosen),), number))
    bank, of_image = torch.cat(patches), torch.cat(owners)
    if sample != "random":
        chosen = choose_patches(bank[None], size, sample, seed)[0]
        bank, of_image = bank[chosen], of_image[chosen]
    return bank.T[None].contiguous(), of_image[None]


def remember_places(features: Tensor, radius: int, size: int, sample: str, seed: int) -> tuple[Tensor, Tensor]:
    """`size` patches for each of the P places of N x C x h x w features, P x C x M, and their images, P x M.

    Candidates for a place are the patches within `radius` rows and columns; at the edge they repeat.
    """
    count, channels, height, width = features.shape
    side = 2 * radius + 1
    padded = functional.pad(features, (radius,) * 4, mode="replicate")
    owner = torch.arange(count).repeat_interleave(side * side)
    banks, owners = [], []
    for row in progress(range(height), "choosing good patches", height):
        windows = padded[:, :, row : row + side].unfold(3, side, 1)  # N x C x side x width x side
        candidates = windows.permute(3, 0, 2, 4, 1).reshape(width, -1, channels)
        chosen = of_two_images(choose_patches(candidates, size, sample, seed + row), owner)
        index = chosen[:, :, None].expand(-1, -1, channels)
        banks.append(candidates.gather(1, index).transpose(1, 2))
        owners.append(owner[chosen])
    return torch.cat(banks).contiguous(), torch.cat(owners)


def of_two_images(chosen: Tensor, owner: Tensor) -> Tensor:
    """Chosen indices G x M; if all M of a group are of one image, the last is replaced by one of another image.

    Otherwise an image that is left out in turn has nothing to be compared with. `owner`, N, are the images.
    """
    alone = (owner[chosen] == owner[chosen[:, :1]]).all(1).nonzero()[:, 0].tolist()
    if chosen.shape[1] < 2 or not alone:
        return chosen
    chosen = chosen.clone()
    for group in alone:
        others = (owner != owner[chosen[group, 0]]).nonzero()[:, 0]
        if len(others):
            chosen[group, -1] = others[group % len(others)]
    return chosen


def choose_patches(patches: Tensor, size: int, sample: str, seed: int) -> Tensor:
    """Indices of `size` patches of each of G groups G x N x C: G x size, or G x N if there are fewer patches.

    `sample` is `coreset`, `random` or `mixed`: the first half by a coreset, the others at random from the rest.
    """
    groups, count, _ = patches.shape
    first = {"coreset": size, "mixed": size // 2}.get(sample, 0)
    if count <= size or first == size:
        return choose_coreset(patches, size, seed)
    random = torch.Generator().manual_seed(seed)
    order = torch.stack([torch.randperm(count, generator=random) for _ in range(groups)])
    if not first:
        return order[:, :size]
    greedy = choose_coreset(patches, first, seed)
    taken = torch.zeros(groups, count, dtype=torch.bool).scatter(1, greedy, value=True)
    others = [line[~left_out[line]][: size - first] for line, left_out in zip(order, taken, strict=True)]
    return torch.cat([greedy, torch.stack(others)], 1)
