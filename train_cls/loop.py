"""The training loop of the classifier."""

import io
import math
import time
from contextlib import AbstractContextManager

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from system.files import write_atomic
from train_cls.balance import SeveralTypesLoss, TypeLoss, epoch_batches
from train_cls.data import AugmentedImages, ClassifierSample, TypedImages, collate, stack
from train_cls.model import ClassifierNet, ClassifierSpec, save_classifier
from train_cls.options import ClassifierOptimisation, ClassifierOptions
from train_cls.scores import logits_of, validation_row
from train_cls.state import TrainingState
from training.device import out_of_memory
from training.early_stopping import Best
from training.epoch_recorder import EpochRecorder
from training.group_norm import use_group_norm
from training.trainer import Loop, Work

BEST, STATE = "best.safetensors", "last.ckpt"
Row = dict[str, float]


class ClassifierLoop(Loop):
    """The epochs of a classifier that are left."""

    def __init__(
        self,
        work: Work[ClassifierOptions],
        network: ClassifierNet,
        spec: ClassifierSpec,
        pretrained: frozenset[str],
        images: TypedImages,
        val: TypedImages,
        state: TrainingState | None = None,
    ) -> None:
        self.done = state.epoch if state else 0
        self.best = state.best if state else Best()
        self._work = work
        self._spec = spec
        self._pretrained = pretrained
        self._network = network.to(work.device)
        self._val = val
        options = work.options
        self._group = work.group
        self._order = epoch_batches(images.types, options, work.group)
        self.batches = len(self._order)
        several = spec.several_types
        self._images = AugmentedImages(images, options.seed, options.augmentation, several=several)
        self._loss = (
            SeveralTypesLoss(images.labels, options)
            if several
            else TypeLoss(images.types, 1 + len(spec.categories), options)
        )
        if options.freeze:
            freeze(self._network, pretrained)
        if work.group:
            use_group_norm(self._network, work.device)
        self._optimizer = make_optimizer(self._network, pretrained, options.optimisation)
        if state:
            self._optimizer.load_state_dict(state.optimizer)

    def missing_in_val(self) -> str | None:
        """Only that it has an image."""
        return None if len(self._val) else "image"

    def train(self, recorder: EpochRecorder) -> None:
        """Train the epochs that are left. Raises OptionError if the memory is not sufficient."""
        options = self._work.options
        workers = options.workers
        loader = DataLoader(
            self._images,
            batch_sampler=self._order,
            num_workers=workers,
            persistent_workers=workers > 0,
            collate_fn=stack if self._group else collate,
        )
        parallel = self._group.parallel(self._network) if self._group else self._network
        try:
            for epoch in range(self.done + 1, options.epochs + 1):
                if self._epoch(epoch, parallel, loader, recorder):
                    return
        except torch.OutOfMemoryError:
            raise out_of_memory(options.batch, options.imgsz) from None

    def _epoch(
        self, epoch: int, parallel: nn.Module, loader: "DataLoader[ClassifierSample]", recorder: EpochRecorder
    ) -> bool:
        options, folder, started = self._work.options, self._work.run.weights, time.monotonic()
        self._order.set_epoch(epoch - 1)
        torch.manual_seed(int(np.random.SeedSequence((options.seed, epoch)).generate_state(1)[0]))
        random = np.random.default_rng((options.seed, epoch, 1))
        losses = []
        for number, (pixels, labels) in enumerate(loader):
            losses.append(self._step(epoch, number, parallel, pixels, labels, random))
            recorder.batch()
        row: Row = {
            "epoch": epoch,
            "lr": self._optimizer.param_groups[-1]["lr"],
            "train_loss": float(np.mean(losses)),
        }
        row |= self._validate()
        row["seconds"] = time.monotonic() - started
        value = row.get(f"val_{options.monitor}")
        monitored = -value if value is not None and options.monitor == "loss" else value
        spec = msgspec.structs.replace(self._spec, epoch=epoch)

        def save_state() -> None:
            if not self._work.leads:
                return
            state = TrainingState(
                epoch,
                recorder.best,
                spec,
                self._pretrained,
                self._network.state_dict(),
                self._optimizer.state_dict(),
            )
            buffer = io.BytesIO()
            torch.save(state.to_dict(), buffer)
            write_atomic(folder / STATE, buffer.getvalue())

        return recorder.epoch(
            row, monitored, lambda: save_classifier(folder / BEST, self._network.state_dict(), spec), save_state
        )

    def _step(
        self,
        epoch: int,
        number: int,
        parallel: nn.Module,
        pixels: Tensor,
        labels: Tensor,
        random: np.random.Generator,
    ) -> float:
        options, optimisation = self._work.options, self._work.options.optimisation
        self._network.train()
        rest(self._network)
        share = learning_rate((epoch - 1) * self.batches + number, options.epochs * self.batches, optimisation)
        for group in self._optimizer.param_groups:
            group["lr"] = optimisation.lr * share * group["lr_share"]
        pixels, wanted = pixels.to(self._work.device), labels.to(self._work.device)
        devices, own = self._group, slice(None)
        if devices:
            wanted = devices.whole(wanted)
            own = slice(*devices.bounds(len(wanted)))
            pixels = devices.whole(pixels) if options.mixup else pixels
        pixels = pixels.float()
        mix = None
        if options.mixup:
            partner = torch.from_numpy(random.permutation(len(wanted))).to(wanted.device)
            mix = float(random.beta(options.mixup, options.mixup)), partner
            pixels = (mix[0] * pixels + (1 - mix[0]) * pixels[partner])[own]
        with self._autocast():
            logits = parallel(pixels)
        logits = devices.whole(logits.float()) if devices else logits.float()
        loss = self._loss(logits, wanted, mix)
        self._optimizer.zero_grad()
        torch.autograd.backward(loss * devices.size if devices else loss)
        if optimisation.gradient_clip:
            nn.utils.clip_grad_norm_(self._network.parameters(), optimisation.gradient_clip)
        self._optimizer.step()
        return float(loss.detach())

    def _validate(self) -> Row:
        """Loss, accuracy and balanced accuracy on val; empty without val."""
        if not len(self._val):
            return {}
        group = self._group if self._group and len(self._val) >= self._group.size else None
        own = slice(*group.bounds(len(self._val))) if group else slice(None)
        with self._autocast():
            logits = logits_of(self._network, self._val[own], self._work.options.batch, self._work.device)
        if group:
            logits = group.whole(logits.to(group.device)).cpu()
        return validation_row(logits, self._val, several=self._spec.several_types)

    def _autocast(self) -> AbstractContextManager[None]:
        enabled = self._work.options.precision == "bf16"
        return torch.autocast(self._work.device.type, torch.bfloat16, enabled=enabled)


def freeze(network: nn.Module, pretrained: frozenset[str]) -> None:
    """Keep the pretrained parameters; what the weights lacked is trained, since random layers cannot be kept."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name not in pretrained)


def rest(network: nn.Module) -> None:
    """Put the layers whose parameters are all frozen into evaluation mode, which keeps their statistics."""
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            module.eval()


def make_optimizer(
    network: nn.Module, pretrained: frozenset[str], optimisation: ClassifierOptimisation
) -> torch.optim.Optimizer:
    """Adam or AdamW; pretrained parameters have a part of the learning rate, biases and norms no weight decay."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            share = optimisation.pretrained_lr_share if name in pretrained else 1.0
            decay = optimisation.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
    kind = torch.optim.AdamW if optimisation.optimizer == "AdamW" else torch.optim.Adam
    return kind(
        [{"params": group, "lr_share": share, "weight_decay": decay} for (share, decay), group in groups.items()],
        lr=optimisation.lr,
    )


def learning_rate(step: int, steps: int, optimisation: ClassifierOptimisation) -> float:
    """The part of `lr` at a step, from 0 to `steps` - 1: a linear rise, then a cosine down to `final_lr`."""
    rise = round(optimisation.warmup_share * steps)
    if step < rise:
        return (step + 1) / rise
    along = (step - rise) / max(1, steps - rise - 1)
    return optimisation.final_lr + (1 - optimisation.final_lr) * (1 + math.cos(math.pi * along)) / 2
