"""A training on several devices: what the first process adds to it, and the whole of what the others do."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import distributed
from torch.distributed import PrefixStore  # type: ignore[attr-defined]

from evaluate.run_dataset import open_run_dataset
from evaluate.run_folder import Run
from training.asked_devices import AskedDevices
from training.device_group import DeviceGroup, group_device
from training.group_recorder import FollowingRecorder
from training.group_start import FirstProcess, OtherProcesses
from training.options import OptionsT, run_options
from training.run_dataset import check_same_annotations, run_dataset
from training.trainer import Loop, Trainer, Work

GROUP = "group"  # prefix of the keys that torch.distributed itself writes into the store


@contextmanager
def together(work: Work[OptionsT], others: OtherProcesses | None) -> Iterator[None]:
    """Connect with the other processes during the block, in which the epochs are trained.

    Raises the error of another process that fails.
    """
    if others is None or work.group is None:
        yield
        return
    try:
        with others.reported():
            others.announce(work.run.root)
            others.wait_until_ready()
            work.group.join(PrefixStore(GROUP, others.store))
            yield
            work.group.leave()
    finally:
        if distributed.is_initialized() and work.device.type == "cpu":
            distributed.destroy_process_group()


def follow(trainer: Trainer[OptionsT], dataset: Path | None, asked: AskedDevices) -> None:
    """Train as a process that does not lead: print and write nothing, report an error to the first process.

    Without `dataset` it is the one that the run was made on.
    """
    first = FirstProcess()
    _be_silent()
    with first.reporting():
        run = Run(first.run_folder(), trainer.task)
        learner, options = trainer.learner(), run_options(run, trainer.options)
        group = DeviceGroup(asked, group_device(options.device, asked))
        path = run.weights / learner.state_file
        whole = open_run_dataset(run, dataset, option="DATASET")
        check_same_annotations(run, whole)
        data = run_dataset(run, whole)
        work = Work(
            run=run, dataset=data, options=options, device=group.device,
            state=path if path.is_file() else None, group=group,
        )  # fmt: skip
        loop = learner.prepare(work)
        first.is_ready()
        group.join(PrefixStore(GROUP, first.store))
        if epochs_left(loop, work):
            loop.train(FollowingRecorder(group))
        group.leave()


def epochs_left(loop: Loop, work: Work[OptionsT]) -> bool:
    """Whether there is an epoch to train, or `patience` ended the training."""
    return loop.done < work.options.epochs and not loop.best.exhausted(loop.done, work.options.patience)


def _be_silent() -> None:
    """Discard what this process prints; under torchrun it has the terminal of the first one."""
    sys.stdout.flush()
    sys.stderr.flush()
    with Path(os.devnull).open("wb") as null:
        os.dup2(null.fileno(), 1)
        os.dup2(null.fileno(), 2)
