"""The state that a training of the classifier continues from, in last.ckpt."""

import io
from dataclasses import dataclass
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from system.errors import WeightsError
from system.tensors import check_stored, check_tensors, raise_lack_of_memory
from train_cls.model import ClassifierSpec
from training.early_stopping import Best, stored_best


@dataclass(frozen=True, slots=True)
class TrainingState:
    """Everything after `epoch`; `pretrained` are the names of the parameters that were not random at the start."""

    epoch: int
    best: Best
    spec: ClassifierSpec
    pretrained: frozenset[str]
    network: dict[str, Tensor]
    optimizer: dict[str, object]

    def to_dict(self) -> dict[str, object]:
        """Plain values and tensors, which can be read without running code."""
        return {
            "epoch": self.epoch,
            "best": msgspec.to_builtins(self.best),
            "spec": msgspec.json.encode(self.spec).decode(),
            "pretrained": sorted(self.pretrained),
            "network": self.network,
            "optimizer": self.optimizer,
        }


def read_state(path: Path) -> TrainingState:
    """Read last.ckpt. Raises WeightsError if it is damaged."""
    try:
        check_stored(path, "start again without --resume", archive=True)
        stored = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        check_tensors(path, stored["network"], "start again without --resume")
        return TrainingState(
            int(stored["epoch"]),
            stored_best(stored),
            msgspec.json.decode(stored["spec"], type=ClassifierSpec),
            frozenset(stored["pretrained"]),
            stored["network"],
            stored["optimizer"],
        )
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files can raise any error
        raise_lack_of_memory(path, error)
        raise WeightsError(path, "damaged, the run cannot be resumed", "start again without --resume") from None
