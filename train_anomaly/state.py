"""The state that a training of the anomaly detector continues from, in last.ckpt."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from system.errors import WeightsError
from system.files import write_atomic
from system.tensors import check_stored, check_tensors, raise_lack_of_memory
from training.early_stopping import Best, stored_best

REMEDY = "start again without --resume"


@dataclass(frozen=True, slots=True)
class AnomalyState:
    """Everything after `epoch`; a method of one pass has neither network nor optimizers to continue."""

    epoch: int = 0
    best: Best = field(default_factory=Best)
    network: Mapping[str, Tensor] = field(default_factory=dict)
    optimizers: Sequence[dict[str, object]] = ()


def save_state(path: Path, state: AnomalyState) -> None:
    """Write `state` as plain values and tensors, which can be read without running code."""
    buffer = io.BytesIO()
    stored = {
        "epoch": state.epoch,
        "best": msgspec.to_builtins(state.best),
        "network": dict(state.network),
        "optimizers": list(state.optimizers),
    }
    torch.save(stored, buffer)
    write_atomic(path, buffer.getvalue())


def read_state(path: Path) -> AnomalyState:
    """Read last.ckpt. Raises WeightsError if it is damaged."""
    try:
        check_stored(path, REMEDY, archive=True)
        stored = torch.load(io.BytesIO(path.read_bytes()), map_location="cpu", weights_only=True)
        check_tensors(path, stored["network"], REMEDY)
        return AnomalyState(int(stored["epoch"]), stored_best(stored), stored["network"], stored["optimizers"])
    except WeightsError:
        raise
    except Exception as error:  # noqa: BLE001  damaged files can raise any error
        raise_lack_of_memory(path, error)
        raise WeightsError(path, "damaged, the run cannot be resumed", REMEDY) from None
