"""What can be known about CUDA without importing PyTorch, which takes seconds."""

import os
import re
import sys
from importlib.util import find_spec
from pathlib import Path

CPU_BUILD = re.compile(r"^cuda.*= None$", re.MULTILINE)  # in torch/version.py
DRIVERS = ("/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/nvmap", "/dev/dxg", "/dev/kfd")


def has_driver() -> bool:
    """Whether a driver of a CUDA or ROCm device is loaded; True where that is unknown: outside Linux."""
    return sys.platform != "linux" or any(map(os.path.exists, DRIVERS))


def is_cpu_build() -> bool:
    """Whether the installed PyTorch has no CUDA, by its version file; False if it is not installed."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return False
    version = Path(spec.origin).with_name("version.py")
    return version.is_file() and bool(CPU_BUILD.search(version.read_text(encoding="utf-8")))
