"""The training loop of the segmenter for the shared commands: a Lightning trainer with our recorder."""

import logging
import warnings
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins.environments import TorchElasticEnvironment
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.strategies import DDPStrategy
from torch.utils.data import DataLoader

from train_seg.data import PlainSet, TrainingSet
from train_seg.model import ModelSpec, SegmentationModel
from train_seg.module import SegmenterModule, WeightEma
from train_seg.options import SegmenterOptions
from train_seg.record import AtomicCheckpoints, Recorder
from training.batches import EpochBatches
from training.device import out_of_memory
from training.device_group import DeviceGroup
from training.early_stopping import Best
from training.epoch_recorder import EpochRecorder
from training.group_norm import use_group_norm
from training.trainer import Loop, Work


class SegmenterLoop(Loop):
    """The remaining epochs of a segmenter."""

    def __init__(
        self,
        work: Work[SegmenterOptions],
        spec: ModelSpec,
        model: SegmentationModel,
        images: TrainingSet,
        val: PlainSet,
        *,
        done: int,
        best: Best,
    ) -> None:
        self.done = done
        self.best = best
        self._work = work
        self._spec = spec
        self._model = model
        self._images = images
        self._val = val
        self._order = EpochBatches(len(images.cached), work.options.batch, work.options.seed, work.group)
        self.batches = len(self._order)

    def missing_in_val(self) -> str | None:
        """The loss needs an image in val; Dice, IoU and crops (`tile`) need an annotation."""
        if not len(self._val):
            return "annotation" if self._work.dataset.images("val") else "image"
        annotated = any(item.coverage[..., :-1].any() for item in self._val.cached)  # without ignore regions
        return None if annotated or self._work.options.monitor == "loss" else "annotation"

    def train(self, recorder: EpochRecorder) -> None:
        """Run Lightning. Raises OptionError if memory does not suffice."""
        options = self._work.options
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._run_lightning(recorder)
        except torch.OutOfMemoryError:
            raise out_of_memory(options.batch, options.imgsz) from None
        except SystemExit as stop:
            if stop.code == 1:  # Lightning's reaction to Ctrl-C
                raise KeyboardInterrupt from None
            raise

    def _run_lightning(self, recorder: EpochRecorder) -> None:
        work, options, optimisation = self._work, self._work.options, self._work.options.optimisation
        ema = WeightEma(optimisation.average_decay)
        workers = options.workers
        loader = DataLoader(
            self._images, batch_sampler=self._order, num_workers=workers, persistent_workers=workers > 0
        )
        val = DataLoader(self._val, batch_sampler=self._val_batches()) if len(self._val) else None
        steps, pretrained = options.epochs * self.batches, options.encoder_weights != "none"
        group = work.group
        if group:
            use_group_norm(self._model, work.device)
        module = SegmenterModule(
            self._model, optimisation, steps, pretrained=pretrained, group=group, val_group=self._val_group
        )
        for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
            logging.getLogger(name).setLevel(logging.ERROR)
        keep = Recorder(work.run, self._spec, options, ema, recorder)
        trainer = pl.Trainer(
            accelerator={"cuda": "gpu"}.get(work.device.type, work.device.type),
            **_placed(work.device, group),
            precision="bf16-mixed" if options.precision == "bf16" else "32-true",
            max_epochs=options.epochs,
            plugins=[AtomicCheckpoints(), *([TorchElasticEnvironment()] if group else [])],
            callbacks=[ema, keep, LambdaCallback(on_train_batch_end=lambda *_: recorder.batch())],
            gradient_clip_val=optimisation.gradient_clip,
            default_root_dir=work.run.root,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
        )
        trainer.fit(module, loader, val, ckpt_path=work.state, weights_only=True)

    def _val_batches(self) -> list[list[int]]:
        """The batches of val that this process measures."""
        count, size = len(self._val), self._work.options.batch
        batches = [list(range(start, min(start + size, count))) for start in range(0, count, size)]
        group = self._val_group
        return batches[group.rank :: group.size] if group else batches

    @property
    def _val_group(self) -> DeviceGroup | None:
        """The processes that divide val; None if each measures all of it, because there are too few batches."""
        group = self._work.group
        return group if group and -(-len(self._val) // self._work.options.batch) >= group.size else None


def _placed(device: torch.device, group: DeviceGroup | None) -> dict[str, Any]:
    """The arguments of a Lightning trainer for its devices."""
    if group:
        strategy = DDPStrategy(static_graph=True)
        return {"devices": group.local_size, "num_nodes": group.nodes, "strategy": strategy}
    return {"devices": [device.index or 0] if device.type == "cuda" else 1}
