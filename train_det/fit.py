"""The training loop of the detector for the shared commands: Ultralytics' loop, and the files of an epoch."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
from torch import nn

from train_det.checkpoints import BEST, LAST, State, save_checkpoint
from train_det.data import TrainingImages
from train_det.options import DetectorOptions
from train_det.ultralytics_loop import Epoch, UltralyticsLoop
from train_det.validation import Validation
from training.batches import EpochBatches
from training.early_stopping import Best
from training.epoch_recorder import EpochRecorder
from training.trainer import Loop, Work


class DetectorLoop(Loop):
    """The remaining epochs of a detector. `state` is the content of last.pt without the model."""

    def __init__(
        self,
        work: Work[DetectorOptions],
        model: nn.Module,
        images: TrainingImages,
        validation: Validation,
        state: State | None,
        *,
        done: int,
        best: Best,
    ) -> None:
        self.done = done
        self.best = best
        self.validation = validation
        self._work = work
        self._model = model
        self._images = images
        self._state = state
        self._order = EpochBatches(len(images), work.options.batch, work.options.seed, work.group)
        self.batches = len(self._order)

    def missing_in_val(self) -> str | None:
        """Without an annotation in val, there is no value to monitor."""
        return None if self.validation.can_choose or self._work.options.monitor == "last" else "annotation"

    def train(self, recorder: EpochRecorder) -> None:
        """Run the loop of Ultralytics in a temporary folder, which is removed at the end."""
        with tempfile.TemporaryDirectory() as scratch:
            UltralyticsLoop(
                self._model,
                self._images,
                self._order,
                self._work.options,
                self._work.device,
                Path(scratch),
                self.validation if self._work.leads else _not_measured,
                self._keeper(recorder),
                recorder.batch,
                self._state,
                self._work.group,
            ).train()

    def _keeper(self, recorder: EpochRecorder) -> Callable[[Epoch], bool]:
        weights, side = self._work.run.weights, self._work.options.imgsz
        categories = self._work.dataset.categories

        def keep(epoch: Epoch) -> bool:
            def save_state() -> None:
                if not self._work.leads:
                    return
                state = {**epoch.take_state(), "best": msgspec.to_builtins(recorder.best)}
                save_checkpoint(weights / LAST, epoch.model, categories, side, state)

            return recorder.epoch(
                epoch.row,
                epoch.monitored,
                lambda: save_checkpoint(weights / BEST, epoch.model, categories, side, None),
                save_state,
            )

        return keep


def _not_measured(_model: nn.Module) -> tuple[dict[str, float], float | None]:
    """What a process that does not lead knows of val."""
    return {}, None
