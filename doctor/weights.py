"""Pretrained weights that were downloaded before, so that a training needs no network."""

import os
from collections.abc import Iterator
from pathlib import Path

from doctor.check import Check, gigabytes
from train_det.published import weights_cache

AREA = "Cached weights"
NEXT = "is downloaded when it is needed; without a network give a file"


def check_weights() -> Iterator[Check]:
    """The files in the caches of train_det, of torchvision and of timm and segmentation-models-pytorch."""
    yield _files("train_det --weights", weights_cache(), "*.pt", f"{NEXT}: --weights PATH")
    yield _files("torchvision", torch_cache(), "*.pth", f"{NEXT}: --weights or --encoder-weights PATH")
    yield _files("timm, smp", hub_cache(), "models--*", f"{NEXT}: --weights or --encoder-weights PATH")


def torch_cache() -> Path:
    """The folder in which PyTorch keeps weights of torchvision."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("TORCH_HOME") or cache / "torch") / "hub" / "checkpoints"


def hub_cache() -> Path:
    """The folder in which the client of Hugging Face keeps weights of timm and segmentation-models-pytorch."""
    if given := os.environ.get("HF_HUB_CACHE"):
        return Path(given)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("HF_HOME") or cache / "huggingface") / "hub"


def _files(name: str, folder: Path, pattern: str, remedy: str) -> Check:
    found = sorted(folder.glob(pattern)) if folder.is_dir() else []
    if not found:
        return Check(AREA, name, "note", f"none in {folder}", remedy)
    size = sum(path.stat().st_size for path in found if path.is_file())
    names = ", ".join(path.name.removeprefix("models--").replace("--", "/") for path in found)
    return Check(AREA, name, "ok", f"{names}{f' ({gigabytes(size)})' if size else ''}")
