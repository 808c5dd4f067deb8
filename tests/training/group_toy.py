"""The toy trainer on several devices; the process that does not lead fails as the variable GROUP_TOY asks."""

import dataclasses
import os
import signal

from system.errors import InputError
from tests.training.toy_trainer import TRAINER, ToyLearner, ToyLoop, ToyOptions
from training.commands import run_trainer
from training.epoch_recorder import EpochRecorder
from training.trainer import Work


class FailingLoop(ToyLoop):
    def train(self, recorder: EpochRecorder) -> None:
        if not self.work.leads and os.environ["GROUP_TOY"] == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        super().train(recorder)


class FailingLearner(ToyLearner):
    def prepare(self, work: Work[ToyOptions]) -> FailingLoop:
        if not work.leads and os.environ["GROUP_TOY"] == "refuse":
            raise InputError("a.png", "not readable here", "copy it")
        return FailingLoop(work)


GROUP_TOY = dataclasses.replace(
    TRAINER, learner=FailingLearner, check_devices=lambda _options: None, module="tests.training.group_toy"
)

if __name__ == "__main__":
    run_trainer(GROUP_TOY)
