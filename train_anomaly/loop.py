"""The trainings: one pass over the good images, or epochs by gradients."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from torch import Tensor

from train_anomaly.options import AnomalyOptions
from train_anomaly.scorer import LeaveOneOutScorer, OnePassScorer, Scorer, TrainedScorer
from train_anomaly.spec import AnomalySpec, save_anomaly
from train_anomaly.state import AnomalyState, save_state
from train_anomaly.threshold import with_threshold
from training.device import out_of_memory
from training.epoch_recorder import EpochRecorder
from training.trainer import Loop, Work

BEST, STATE = "best.safetensors", "last.ckpt"


@dataclass(frozen=True, slots=True)
class GoodInputs:
    """Good images as inputs, N x 3 x rows x columns uint8: to learn from, and held out for the threshold.

    `sizes` are the heights and widths of the images that the threshold comes from.
    """

    learnt: Tensor
    held_out: Tensor
    sizes: list[tuple[int, int]]


class OnePassLoop(Loop):
    """A single epoch in which the method learns from all good images."""

    def __init__(
        self, work: Work[AnomalyOptions], scorer: OnePassScorer, spec: AnomalySpec, images: GoodInputs, done: int
    ) -> None:
        self.done = done
        self._work = work
        self._scorer = scorer
        self._spec = spec
        self._images = images

    def train(self, recorder: EpochRecorder) -> None:
        """Learn; if no image is held out, set the threshold by leaving each image out in turn."""
        started, folder = time.monotonic(), self._work.run.weights
        self._scorer.eval()
        self._scorer.learn(self._images.learnt)
        recorder.batch()
        spec = msgspec.structs.replace(self._spec, epoch=1)
        if not len(self._images.held_out):
            assert isinstance(self._scorer, LeaveOneOutScorer)
            maps = [one.numpy() for one in self._scorer.leave_one_out(self._images.learnt)]
            spec = with_threshold(spec, maps, self._images.sizes, left_out_in_turn=True)
            loss = float(np.mean([one.mean() for one in maps]))
        else:
            loss = mean_distance(self._scorer, self._images.held_out)
        row = {"epoch": 1.0, "train_loss": loss, "seconds": time.monotonic() - started}
        state = self._scorer.state_dict()
        recorder.epoch(
            row,
            None,
            lambda: save_anomaly(folder / BEST, state, spec),
            lambda: save_state(folder / STATE, AnomalyState(1)),
        )


class EpochLoop(Loop):
    """Epochs of a method trained by gradients; the best has the lowest loss on held-out good images."""

    def __init__(
        self,
        work: Work[AnomalyOptions],
        scorer: TrainedScorer,
        spec: AnomalySpec,
        images: GoodInputs,
        state: AnomalyState,
    ) -> None:
        options = work.options
        self.done = state.epoch
        self.best = state.best
        self.batches = -(-len(images.learnt) // options.batch)
        self._work = work
        self._scorer = scorer
        self._spec = spec
        self._images = images
        if state.network:
            scorer.restore(state.network)
            for optimizer, stored in zip(scorer.optimizers(), state.optimizers, strict=True):
                optimizer.load_state_dict(stored)

    def train(self, recorder: EpochRecorder) -> None:
        """Raises OptionError if there is not enough memory or the network collapses."""
        options, scorer = self._work.options, self._scorer
        scorer.to(self._work.device)
        if not self.done:
            scorer.eval()
            scorer.start(self._images.learnt.to(self._work.device))
        scorer.eval()
        learnt, held_out = (
            scorer.inputs(images.to(self._work.device)) if len(images) else images
            for images in (self._images.learnt, self._images.held_out)
        )
        try:
            for epoch in range(self.done + 1, options.epochs + 1):
                if self._epoch(epoch, options, recorder, learnt, held_out):
                    break
        except torch.OutOfMemoryError:
            raise out_of_memory(options.batch, options.imgsz) from None
        scorer.check_trained(self._images.learnt.to(self._work.device))

    def _epoch(
        self, epoch: int, options: AnomalyOptions, recorder: EpochRecorder, learnt: Tensor, held_out: Tensor
    ) -> bool:
        folder, started, scorer = self._work.run.weights, time.monotonic(), self._scorer
        torch.manual_seed(int(np.random.SeedSequence((options.seed, epoch)).generate_state(1)[0]))
        order = np.random.default_rng((options.seed, epoch)).permutation(len(learnt))
        scorer.train()
        losses = []
        for part in np.array_split(order, self.batches):
            losses.append(scorer.step(learnt[torch.from_numpy(part)]))
            recorder.batch()
        scorer.eval()
        left = [scorer.loss(batch) for batch in batches(held_out, options.batch)]
        row = {
            "epoch": float(epoch),
            "train_loss": float(np.mean(losses)),
            "val_loss": float(np.mean(left)),
            "seconds": time.monotonic() - started,
        }
        spec = msgspec.structs.replace(self._spec, epoch=epoch)

        def save_best() -> None:
            scorer.settle(self._images.learnt.to(self._work.device))
            save_anomaly(folder / BEST, scorer.state_dict(), spec)

        def save_all() -> None:
            optimizers = [optimizer.state_dict() for optimizer in scorer.optimizers()]
            save_state(folder / STATE, AnomalyState(epoch, recorder.best, scorer.state_dict(), optimizers))

        return recorder.epoch(row, -row["val_loss"], save_best, save_all)


def batches(images: Tensor, size: int) -> Iterator[Tensor]:
    """Parts of `size` images, the last one smaller."""
    for start in range(0, len(images), size):
        yield images[start : start + size]


def mean_distance(scorer: Scorer, images: Tensor) -> float:
    """The mean distance of all places of images."""
    with torch.inference_mode():
        return float(np.mean([float(scorer(image[None]).mean()) for image in images]))
