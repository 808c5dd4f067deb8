"""The loss of Ultralytics in full precision, on several devices that of the whole batch."""

from typing import TypeAlias

import torch
from torch import nn

from training.device_group import DeviceGroup

Nested: TypeAlias = "torch.Tensor | dict[str, Nested] | list[Nested] | tuple[Nested, ...] | None"
Batch = dict[str, torch.Tensor]


class FullPrecisionLoss:
    """The loss of a model, computed in float32: bfloat16 resolves a box edge to one pixel at best.

    With a `group` each process gives its part of a batch and gets the loss of the whole batch, multiplied by the
    number of processes (see DeviceGroup.whole). The losses of Ultralytics divide by sums over a batch, such as the
    sum of the target scores, so the mean of the losses of the parts would be another loss.
    """

    def __init__(self, model: nn.Module, group: DeviceGroup | None = None) -> None:
        self._loss = model.init_criterion()  # type: ignore[operator]
        self._device = next(model.parameters()).device.type
        self._group = group

    def __call__(self, output: Nested, batch: Batch, **more: Nested) -> tuple[torch.Tensor, Batch]:
        """The loss of the output of a model on a batch, and the parts of the loss.

        RT-DETR gives its targets as `batch`, and `more`: the output for its denoising queries. It gets parts only.
        """
        group = self._group
        with torch.autocast(self._device, enabled=False):
            floats = {name: in_float32(value) if name != "dn_meta" else value for name, value in more.items()}
            output = in_float32(output)
            if group:
                output, batch = whole_output(output, group), whole_targets(batch, group)
            result: tuple[torch.Tensor, Batch] = self._loss(output, batch, **floats)
        return (result[0] * group.size, result[1]) if group else result

    def set_epoch(self, epoch: int) -> None:
        """If the loss changes over the epochs (two-headed models), use the loss of `epoch` (from 0)."""
        if hasattr(self._loss, "update"):
            self._loss.updates = epoch - 1
            self._loss.update()


def in_float32(output: Nested) -> Nested:
    """The nested output of a model with every tensor in float32."""
    if output is None or isinstance(output, torch.Tensor):
        return None if output is None else output.float()
    if isinstance(output, dict):
        return {key: in_float32(value) for key, value in output.items()}
    return type(output)(in_float32(value) for value in output)


def whole_output(output: Nested, group: DeviceGroup) -> Nested:
    """The nested output, N x ... each, for the batch of all processes; gradients flow to the part of this one.

    `feats` stay those of this process: of them, a loss uses only the sizes.
    """
    if output is None or isinstance(output, torch.Tensor):
        return None if output is None else group.whole(output)
    if isinstance(output, dict):
        return {key: value if key == "feats" else whole_output(value, group) for key, value in output.items()}
    return type(output)(whole_output(value, group) for value in output)


def whole_targets(batch: Batch, group: DeviceGroup) -> Batch:
    """The targets of a collated batch for all processes; `batch_idx` counts the images, which are left out."""
    images = batch["img"]
    counts = group.whole(torch.tensor([len(images)], device=images.device))
    numbered = {**batch, "batch_idx": batch["batch_idx"] + int(counts[: group.rank].sum())}
    return {key: group.whole(value) for key, value in numbered.items() if key != "img"}
