"""The trainer of another task, found by its name: no trainer is imported here, so none is needed to be known."""

import importlib

from system.errors import OptionError
from training.options import SharedOptions
from training.trainer import Trainer


def trainer_of(task: str) -> Trainer[SharedOptions]:
    """The TRAINER of the command `train_<task>`. Raises OptionError if there is none."""
    try:
        found = importlib.import_module(f"train_{task}.cli").TRAINER
    except (ModuleNotFoundError, AttributeError):
        raise OptionError(f"train_{task}", "no such trainer", "name a run of another trainer") from None
    assert isinstance(found, Trainer)
    return found
