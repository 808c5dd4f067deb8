"""Which classes a checkpoint of Ultralytics may contain, by their names alone, without importing PyTorch."""

import os
import re
from pathlib import Path

from features.stored_tensors import ACCEPTED_PACKAGES, is_plain_class, pickled_classes
from system.errors import WeightsError
from system.tensors import check_stored, is_archive
from train_det.options import WEIGHTS_REMEDY as REMEDY

TRUST = "DEFECTLINE_TRUST_WEIGHTS"  # set by --trust-weights, inherited by the trainings of folds
LAYERS = re.compile(r"torch\.nn\.modules\.\w+\.\w+|ultralytics\.nn\.(modules\.\w+|modules|tasks)\.\w+")
RENAMED = {
    "train_det.gamma.TonedConv": "train_det.gamma.TonedConv",
    "train_det.tone.TonedConv": "train_det.gamma.TonedConv",
    "ultralytics.nn.modules.block.Silence": "torch.nn.modules.linear.Identity",
    "ultralytics.nn.tasks.YOLOv10DetectionModel": "ultralytics.nn.tasks.DetectionModel",
}
UNUSED = re.compile(
    r"ultralytics\.(yolo\.)?utils(\.loss|\.tal)?\.\w+|pathlib(\._local)?\.\w+Path|numpy\.dtype"
    r"|numpy\.(_core|core)\.multiarray\.scalar|numpy\.dtypes\.\w+DType"
)


def check_checkpoint(path: Path) -> None:
    """Raise WeightsError for a file that is not a checkpoint of Ultralytics, as far as its names of classes show.

    The rest is checked by `train_det.safe_checkpoint`, which needs PyTorch.
    """
    check_is_checkpoint(path)
    classes = pickled_classes(path)
    if classes is None:
        return
    unknown = [name for name in sorted(classes) if not _may_be_known(name)]
    if unknown and os.environ.get(TRUST) != "1":
        raise unknown_class(path, unknown[0])
    if all(is_plain_class(name) for name in classes):
        raise WeightsError(path, "contains no Ultralytics model", REMEDY)


def check_is_checkpoint(path: Path) -> None:
    """Raise WeightsError for a missing file, and for one that is not a PyTorch archive or unpacks to too much."""
    if not path.is_file():
        raise WeightsError(path, "no such file", REMEDY)
    if path.suffix != ".pt" or not is_archive(path):
        raise WeightsError(path, "not a PyTorch checkpoint, or a damaged one", REMEDY)
    check_stored(path, REMEDY, archive=True)


def unknown_class(path: Path, name: str) -> WeightsError:
    """The error for a checkpoint with something that is not part of an Ultralytics model."""
    remedy = "give another, or if you know who made it (it can run any code) fit with --trust-weights"
    return WeightsError(path, f"contains {name!a}, which is not part of an Ultralytics model", remedy)


def _may_be_known(name: str) -> bool:
    """PyTorch itself accepts some names of a few packages."""
    in_lists = name in RENAMED or LAYERS.fullmatch(name) or UNUSED.fullmatch(name)
    return bool(in_lists) or name.split(".", 1)[0] in ACCEPTED_PACKAGES
