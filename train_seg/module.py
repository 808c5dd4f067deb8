"""The Lightning module: a training step, a validation step, and an optimiser with its schedule."""

import math
from functools import partial
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from train_seg.box_lines import line_loss
from train_seg.loss import coverage_to_target, segmentation_loss
from train_seg.model import SegmentationModel
from train_seg.options import SegmenterOptimisation
from training.device_group import DeviceGroup


class SegmenterModule(pl.LightningModule):  # type: ignore[misc]  # Lightning is untyped here
    """Trains a network on batches of (RGB, coverage); `sums` contains the counts of the current validation.

    `group`: each process has a part of every batch. `val_group`: each has a part of val.
    """

    def __init__(
        self,
        model: SegmentationModel,
        optimisation: SegmenterOptimisation,
        total_steps: int,
        *,
        pretrained: bool = False,
        group: DeviceGroup | None = None,
        val_group: DeviceGroup | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.optimisation = optimisation
        self.encoder_lr_share = optimisation.encoder_lr_share if pretrained else 1.0
        self.total_steps = total_steps
        self.group = group
        self.val_group = val_group
        self.sums: dict[str, Any] = {}
        self.losses: list[Tensor] = []

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """Loss of one batch; channels after those of the coverage are bands of boxes."""
        rgb, coverage = batch
        logits = self.model(rgb)
        if self.group:
            logits, coverage = self.group.whole(logits.float()), self.group.whole(coverage)
        channels = logits.shape[1]
        target, weight = coverage_to_target(coverage[:, :channels])
        loss = segmentation_loss(logits, target, weight, self.optimisation.type_weight)
        if coverage.shape[1] > channels:
            defect = 1 - logits.float().softmax(1)[:, 0]
            loss = loss + self.optimisation.box_weight * line_loss(defect, coverage[:, channels:])
        self.losses.append(loss.detach())
        return loss * self.group.size if self.group else loss

    def on_validation_epoch_start(self) -> None:
        """Reset the counts."""
        self.sums = {}

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Add one batch to the counts: loss, overlap and size of defect pixels in total and of each type.

        Pixels of ignore regions are not counted.
        """
        rgb, coverage = batch
        logits, (target, weight) = self.model(rgb).float(), coverage_to_target(coverage)
        counted = weight >= 0.5
        shares = logits.softmax(1)
        types = 1 + shares[:, 1:].argmax(1)
        predicted = ((1 - shares[:, 0]) >= 0.5) & counted
        real, real_types = ((1 - target[:, 0]) >= 0.5) & counted, 1 + target[:, 1:].argmax(1)
        kinds = torch.arange(1, logits.shape[1], device=logits.device).view(-1, 1, 1, 1)
        painted, drawn = predicted & (types == kinds), real & (real_types == kinds)
        counts = {
            "loss": segmentation_loss(logits, target, weight, self.optimisation.type_weight) * len(rgb),
            "images": torch.tensor(float(len(rgb))),
            "overlap": (predicted & real).sum(),
            "total": predicted.sum() + real.sum(),
            "type_overlap": (painted & drawn).flatten(1).sum(1),
            "type_union": (painted | drawn).flatten(1).sum(1),
            "type_real": drawn.flatten(1).sum(1),
        }
        for name, value in counts.items():
            self.sums[name] = self.sums.get(name, 0) + value.double().cpu()

    def on_validation_epoch_end(self) -> None:
        """Add the counts of the processes on other devices."""
        if self.val_group:
            self.sums = {name: self.val_group.total(value) for name, value in self.sums.items()}

    def validation_metrics(self) -> dict[str, float]:
        """Loss, pooled defect Dice and mean IoU of the existing types, of the last validation; empty before it."""
        if not self.sums:
            return {}
        metrics = {"val_loss": float(self.sums["loss"] / self.sums["images"])}
        present = self.sums["type_real"] > 0
        if present.any():
            metrics["val_dice"] = float(2 * self.sums["overlap"] / self.sums["total"])
            metrics["val_iou"] = float((self.sums["type_overlap"] / self.sums["type_union"])[present].mean())
        return metrics

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW without weight decay of biases and norms; linear warm-up, then a cosine."""
        encoder = {id(p) for p in self.model.net.encoder.parameters()}
        groups = [
            {
                "params": [
                    p for p in self.model.parameters() if (id(p) in encoder) == inside and (p.ndim > 1) == decays
                ],
                "lr": self.optimisation.lr * (self.encoder_lr_share if inside else 1),
                "weight_decay": self.optimisation.weight_decay if decays else 0.0,
            }
            for inside in (False, True)
            for decays in (True, False)
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.optimisation.lr)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: lr_share(step, self.total_steps, self.optimisation)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def lr_share(step: int, total_steps: int, optimisation: SegmenterOptimisation) -> float:
    """The learning rate at `step` (from 0), as a share of the highest learning rate."""
    warmup = max(1, round(optimisation.warmup_share * total_steps))
    if step < warmup:
        return (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, total_steps - warmup))
    return optimisation.final_lr + (1 - optimisation.final_lr) * 0.5 * (1 + math.cos(math.pi * done))


class WeightEma(WeightAveraging):  # type: ignore[misc]  # Lightning is untyped here
    """Exponential moving average of weights and norm statistics, validated and stored instead of the raw values.

    The decay rises from 0.1 to its final value, so the random initial weights do not dominate a short training.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(use_buffers=True, avg_fn=partial(ema_average, decay=decay))

    def averaged(self) -> dict[str, Tensor]:
        """State dict of the averaged network."""
        module = self._average_model.module if isinstance(self._average_model, AveragedModel) else None
        if not isinstance(module, SegmenterModule):
            raise TypeError("the average exists only while training a SegmenterModule")
        return module.model.state_dict()


def ema_average(average: Tensor, current: Tensor, updates: Tensor | int, decay: float) -> Tensor:
    """The new average after `updates` earlier updates."""
    decay = min(decay, (1 + int(updates)) / (10 + int(updates)))
    return current.lerp(average, decay) if average.is_floating_point() else current
