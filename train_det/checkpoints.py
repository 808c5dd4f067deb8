"""best.pt and last.pt: checkpoints that Ultralytics can open. A training can also be continued from last.pt."""

import io
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import nn

from datasets.coco import Category
from system.errors import WeightsError
from system.files import write_atomic
from train_det import ultralytics_api

BEST, LAST = "best.pt", "last.pt"
STATE, CATEGORIES = "defectline_state", "defectline_categories"
LICENSE = "AGPL-3.0-or-later"
State = dict[str, object]


def save_checkpoint(
    path: Path, model: nn.Module, categories: list[Category], side: int, state: State | None
) -> None:
    """Write `model` atomically in full precision, with the `state` to continue training."""
    checkpoint = {
        "model": portable(model),
        "train_args": {"task": ultralytics_api.ultralytics_task(model), "imgsz": side},
        "version": ultralytics_api.version,
        "license": LICENSE,
        CATEGORIES: msgspec.to_builtins(categories),
        STATE: state,
    }
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    write_atomic(path, buffer.getvalue())


def load_detector(path: Path, device: torch.device) -> tuple[nn.Module, list[Category]]:
    """The model of a checkpoint in eval mode on `device`, and the category of each class. Raises WeightsError."""
    model, checkpoint = ultralytics_api.load_model(path)
    try:
        categories = msgspec.convert(checkpoint.get(CATEGORIES), list[Category])
    except msgspec.ValidationError:
        raise WeightsError(path, "was not written by train_det", "name a run made by train_det fit") from None
    return model.to(device).to(memory_format=torch.channels_last), categories


def load_state(path: Path) -> tuple[nn.Module, State]:
    """The model of a last.pt and the state to continue it. Raises WeightsError."""
    model, checkpoint = ultralytics_api.load_model(path)
    state = checkpoint.get(STATE)
    if not isinstance(state, dict) or not isinstance(state.get("epoch"), int):
        raise WeightsError(path, "contains no state to resume from", "start again without --resume")
    return model, state


def epochs_of(state: State) -> int:
    """The number of finished epochs in a state that `load_state` returned."""
    epoch = state["epoch"]
    assert isinstance(epoch, int)
    return epoch


def portable(model: nn.Module) -> nn.Module:
    """A copy of `model` on the CPU without attributes added by training and inference."""
    bare: Any = model
    criterion, bare.criterion = getattr(bare, "criterion", None), None
    head = bare.model[-1]
    head.anchors, head.strides, head.shape = torch.empty(0), torch.empty(0), None
    if hasattr(head, "valid_mask"):  # RT-DETR
        head.valid_mask, head.shapes = torch.empty(0), []
    copy = deepcopy(bare)
    bare.criterion = criterion
    copy.args = {}
    copied: nn.Module = copy.cpu().float().to(memory_format=torch.contiguous_format).eval()
    return copied
