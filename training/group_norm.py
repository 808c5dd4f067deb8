"""Batch normalisation by the statistics of the whole batch, of which each process has a part.

PyTorch has this for GPUs only (SyncBatchNorm).
"""

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm

from system.errors import OptionError

EXACT = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class GroupBatchNorm(_BatchNorm):
    """A batch normalisation in training mode over all processes; in evaluation mode like any other."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Any number of dimensions: N x C x ..."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """N x C x ... normalised, in its type; the running statistics are updated."""
        if not self.training or self.running_mean is None or self.running_var is None:
            return super().forward(input)
        values = input.float()
        dims, shape = [0, *range(2, input.ndim)], [1, -1, *[1] * (input.ndim - 2)]
        own = values.new_tensor([values.numel() / values.shape[1]])
        summed = _SumOverGroup.apply(torch.cat([values.sum(dims), own]))
        count = float(summed[-1].detach())
        mean = summed[:-1] / count
        centred = values - mean.view(shape)
        variance = _SumOverGroup.apply((centred * centred).sum(dims)) / count
        with torch.no_grad():
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), weight)
            self.running_var.lerp_(variance.detach() * (count / max(1.0, count - 1)), weight)
        normal = centred * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        result: Tensor = normal.to(input.dtype)
        return result


class _SumOverGroup(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_context: Any, values: Tensor) -> Tensor:
        """The sum."""
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed

    @staticmethod
    def backward(_context: Any, gradient: Tensor) -> Tensor:
        """The sum of the gradients."""
        summed = gradient.contiguous().clone()
        distributed.all_reduce(summed)
        return summed


def use_group_norm(network: nn.Module, device: torch.device) -> None:
    """Replace every batch normalisation in `network`; names of parameters and buffers stay.

    Raises OptionError for a variant of batch normalisation that cannot be replaced.
    """
    for path, module in list(network.named_modules()):
        if not isinstance(module, _BatchNorm):
            continue
        if type(module) not in EXACT:
            problem = f"the layer {path} ({type(module).__name__}) cannot use the statistics of several devices"
            raise OptionError("--devices", problem, "train on one device, or choose another network")
        parent, _, name = path.rpartition(".")
        layer = nn.SyncBatchNorm if device.type == "cuda" else GroupBatchNorm
        setattr(network.get_submodule(parent), name, _copy(module, layer))


def _copy(module: _BatchNorm, kind: type[_BatchNorm]) -> _BatchNorm:
    """A layer of `kind` with the parameters and buffers of `module`."""
    layer = kind(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
    layer.train(module.training)
    for name, parameter in module.named_parameters(recurse=False):
        setattr(layer, name, parameter)
    for name, buffer in module.named_buffers(recurse=False):
        setattr(layer, name, buffer)
    return layer
