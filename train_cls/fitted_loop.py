"""A training with a fitted head: one pass over the images instead of epochs."""

import io
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch

from features.encoder import load_encoder
from system.errors import OptionError
from system.files import write_atomic
from train_cls.data import TypedImages
from train_cls.fitted_net import GRID_STRIDE, FittedNet
from train_cls.head_fit import fit_head
from train_cls.loop import BEST, STATE
from train_cls.model import ClassifierSpec, libraries, save_classifier
from train_cls.options import ClassifierOptions
from train_cls.scores import logits_of, type_loss, validation_row
from train_cls.state import TrainingState
from training.early_stopping import Best
from training.epoch_recorder import EpochRecorder
from training.trainer import Loop, Work

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from datasets.coco import Category

REMEDY = "give --weights PATH (a state dict of torchvision or timm) or --weights none"


def new_fitted(categories: "list[Category]", options: ClassifierOptions) -> tuple[FittedNet, list[str]]:
    """The network that `options` ask for, before its head is fitted, and lines to report about the weights.

    Raises OptionError for an unknown name, layer or size, WeightsError.
    """
    libraries(options.arch)
    try:
        encoder, lines = load_encoder(options.arch, options.weights, options.layer_names, REMEDY)
    except OptionError as error:
        where = str(error.where).replace("--encoder", f"--arch {options.arch}", 1)
        raise OptionError(where, error.problem, error.remedy) from None
    if len(encoder.spec.layers) < 2:
        raise OptionError(f"--layers {options.layers}", "are the same layer", "give two or more, such as 8,16")
    spec = ClassifierSpec(
        options.arch, encoder.spec.library, options.imgsz, categories, encoder.spec.mean, encoder.spec.std,
        gamma=options.gamma, encoder=encoder.spec, symmetries=options.augmentation.symmetries,
        several_types=options.several == "multi",
    )  # fmt: skip
    try:
        torch.manual_seed(options.seed)
        return FittedNet(spec, encoder), lines
    except (RuntimeError, ValueError) as error:
        line = str(error).splitlines()[0][:80]
        raise OptionError(f"--imgsz {options.imgsz}", f"cannot be used ({line})", "give such as 224") from None


class FittedLoop(Loop):
    """One epoch, in which the head is fitted."""

    def __init__(
        self,
        work: Work[ClassifierOptions],
        network: FittedNet,
        images: TypedImages,
        covers: "NDArray[np.float32]",
        val: TypedImages,
        done: int = 0,
    ) -> None:
        self.done = done
        self.best = Best(epoch=done)
        self._work = work
        self._network = network.to(work.device)
        self._images = images
        self._covers = covers
        self._val = val

    def train(self, recorder: EpochRecorder) -> None:
        """Fit patch model and head; the epoch is kept, whatever val thinks of it."""
        options, folder, started = self._work.options, self._work.run.weights, time.monotonic()
        weighted = options.balance == "weights"
        logits = fit_head(self._network, self._images, self._covers, seed=options.seed, weighted=weighted)
        several = self._network.several_types
        row = {"epoch": 1, "train_loss": type_loss(logits, self._images, several=several)}
        if len(self._val):
            found = logits_of(self._network, self._val, 1, self._work.device)
            row |= validation_row(found, self._val, several=several)
        row["seconds"] = time.monotonic() - started
        spec = msgspec.structs.replace(self._network.spec, epoch=1)

        def save_state() -> None:
            state = TrainingState(1, Best(epoch=1), spec, frozenset(), self._network.state_dict(), {})
            buffer = io.BytesIO()
            torch.save(state.to_dict(), buffer)
            write_atomic(folder / STATE, buffer.getvalue())

        recorder.batch()
        recorder.epoch(
            row, None, lambda: save_classifier(folder / BEST, self._network.state_dict(), spec), save_state
        )


def grid_side(imgsz: int) -> int:
    """Patches along a side of the square."""
    return imgsz // GRID_STRIDE
