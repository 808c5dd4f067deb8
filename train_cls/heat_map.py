"""Which places of an image speak for a defect: the heat map of a classifier.

A trained network gets Grad-CAM of the log odds of defective against good, on its last feature map. A fitted head
gets its own patch model: the probability that a patch shows a defect.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from system.errors import OptionError
from train_cls.fitted_net import GRID_STRIDE, FittedNet, eight_views

REMEDY = "leave out --maps, or train another --arch"
SPATIAL, TOKENS = 4, 3  # dimensions of feature maps, N x C x h x w, and of the tokens of a transformer, N x T x C
Target = Callable[[Tensor], Tensor]


def defect_log_odds(logits: Tensor, *, several_types: bool) -> Tensor:
    """Log odds of a defect, N, by logits N x outputs: against good; with `several_types` of the likeliest type."""
    if several_types:
        return logits.amax(1)
    return logits[:, 1:].logsumexp(1) - logits[:, 0]


def grad_cam(network: nn.Module, rgb: Tensor, target: Target, *, channels_last: bool = False) -> Tensor:
    """Grad-CAM of one image, 1 x 3 x S x S: its last feature map, weighted by mean gradients of `target`, h x w.

    Values are at least 0, in units of `target`, a function from logits 1 x outputs to one number. The feature map
    is the last output of any module that has more than one row or column; `channels_last` is its layout.
    Raises OptionError for a network of tokens, which has none near its end.
    Source: Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    last: dict[str, Tensor] = {}

    def record(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and _is_map(output, channels_last=channels_last):
            last["map"] = output
        elif isinstance(output, Tensor) and output.ndim == TOKENS and output.shape[1] > 1:
            last.pop("map", None)

    hooks = [module.register_forward_hook(record) for module in network.modules() if module is not network]
    try:
        with torch.inference_mode(mode=False), torch.enable_grad():
            value = target(network(rgb.detach().clone().float().requires_grad_()))
            if "map" not in last:
                raise OptionError("--maps", "the network has no feature map near its end", REMEDY)
            (gradients,) = torch.autograd.grad(value.sum(), last["map"])
    finally:
        for hook in hooks:
            hook.remove()
    features = last["map"].detach()
    if channels_last:
        features, gradients = features.permute(0, 3, 1, 2), gradients.permute(0, 3, 1, 2)
    weights = gradients.mean((2, 3), keepdim=True)
    return (weights * features).sum(1)[0].clamp(min=0)


def patch_map(network: FittedNet, rgb: Tensor) -> Tensor:
    """The probability that each patch of 1 x 3 x S x S pixels shows a defect, side x side, by the patch model.

    Averaged over the symmetries of the square, as the evidence of the image is.
    """
    side = int(rgb.shape[-1]) // GRID_STRIDE
    model = network.patch_model
    found = []
    with torch.inference_mode():
        views = eight_views(rgb) if network.symmetries else [rgb]
        for view in views:
            patches, _ = network.maps(view)
            scores = model.defect((patches - model.mean) / model.std).sigmoid()
            found.append(scores.reshape(1, 1, side, side))
    return torch.stack(_turned_back(found)).mean(0)[0, 0]


def _turned_back(views: list[Tensor]) -> list[Tensor]:
    """Maps of the eight views, N x 1 x side x side each, in the geometry of the first; a single one unchanged."""
    axes = ((), (2,), (3,), (2, 3))
    flipped = [view.flip(axes[k % 4]) if axes[k % 4] else view for k, view in enumerate(views)]
    return [*flipped[:4], *(view.transpose(2, 3) for view in flipped[4:])]


def _is_map(output: Tensor, *, channels_last: bool) -> bool:
    sides = output.shape[1:3] if channels_last else output.shape[2:]
    return output.ndim == SPATIAL and max(sides) > 1
