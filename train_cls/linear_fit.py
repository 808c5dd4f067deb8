"""Logistic regression with a quadratic penalty, solved to its end: for patches and for images."""

import torch
from torch import Tensor, nn
from torch.nn import functional

MAX_ITERATIONS = 500
BIAS_PENALTY = 1e-4  # keeps the bias finite where only one class occurs


def fit_logistic(
    features: Tensor,
    targets: Tensor,
    penalty: float,
    *,
    softmax: bool = False,
    weights: Tensor | None = None,
    iterations: int = MAX_ITERATIONS,
) -> tuple[Tensor, Tensor]:
    """Weight (K x F) and bias (K) with the smallest loss plus penalty / 2 times the squared length of the weight.

    `features` is N x F. `targets`, N x K, are probabilities: independent ones, or with `softmax` those of one of K
    classes. The loss is the cross entropy summed over the images, weighted by `weights` (N).
    It is minimised with at most `iterations` of L-BFGS in float64; the result is float32. Solved to the end, this
    is scikit-learn's LogisticRegression with C = 1 / penalty.
    """
    x, wanted = features.double(), targets.double()
    share = torch.ones(len(x), dtype=torch.float64) if weights is None else weights.double()
    weight = torch.zeros(wanted.shape[1], x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(wanted.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, tolerance_grad=1e-6, tolerance_change=1e-10, history_size=20,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = x @ weight.T + bias
        if softmax:
            each = functional.cross_entropy(logits, wanted, reduction="none")
        else:
            each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(1)
        total = (each * share).sum() + penalty / 2 * weight.square().sum() + BIAS_PENALTY / 2 * bias.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    with torch.enable_grad():
        optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach().float(), bias.detach().float()


def fit_standardised(
    layer: nn.Linear,
    features: Tensor,
    blocks: dict[tuple[int, int], float],
    targets: Tensor,
    penalty: float,
    *,
    softmax: bool = False,
    weights: Tensor | None = None,
) -> None:
    """Fit `layer` on N x F features of which the columns of each block (start, end) count with a weight together.

    Columns are standardised and divided by the root of the block's size, so that many columns do not outweigh few.
    The scale becomes part of the weights. Columns outside of all blocks are not used.
    """
    mean, std = features.mean(0), features.std(0, correction=0)
    scale = torch.zeros_like(std)
    for (start, end), share in blocks.items():
        known = std[start:end] > 1e-6
        scale[start:end] = torch.where(known, share / (end - start) ** 0.5 / std[start:end].clamp(min=1e-6), 0.0)
    weight, bias = fit_logistic((features - mean) * scale, targets, penalty, softmax=softmax, weights=weights)
    with torch.no_grad():
        layer.weight.copy_(weight * scale)
        layer.bias.copy_(bias - (weight * scale) @ mean)
