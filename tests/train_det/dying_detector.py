"""`train_det`; a process that does not lead is killed in the middle of its second epoch."""

import dataclasses
import os
import signal

from train_det.cli import TRAINER
from training.commands import run_trainer

DYING = dataclasses.replace(TRAINER, module="tests.train_det.dying_detector")

if __name__ == "__main__":
    from train_det.ultralytics_loop import UltralyticsLoop

    whole = UltralyticsLoop.optimizer_step

    def step(loop: UltralyticsLoop) -> None:
        if loop.epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        whole(loop)

    UltralyticsLoop.optimizer_step = step
    run_trainer(DYING)
