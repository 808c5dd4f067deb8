"""The device, processors, memory and free space."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from doctor.check import GB, Check, gigabytes
from doctor.packages import installed
from system.cuda import has_driver, is_cpu_build

AREA = "Machine"
SECONDS_TO_ANSWER = 5
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  shared by processes, nothing is written
MEMORY = Path("/proc/meminfo")
FEATURES = Path("/proc/cpuinfo")
MIN_DISK, MIN_TEMPORARY, MIN_SHARED, MIN_MEMORY = 5 * GB, 1 * GB, 0.25 * GB, 4 * GB


def check_machine() -> Iterator[Check]:
    """Device, processors, memory, and free space here, for temporary files and for processes that share memory."""
    yield _device()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    features = FEATURES.read_text(encoding="utf-8", errors="replace") if FEATURES.is_file() else ""
    bf16 = ", bfloat16 in hardware" if "avx512_bf16" in features else ""
    yield Check(AREA, "processors", "ok", f"{cores} usable, {platform.machine()}{bf16}")
    if (available := _available_memory()) is not None:
        few = available < MIN_MEMORY
        remedy = "close other programs; give --workers 0 and a smaller --batch" if few else ""
        yield Check(AREA, "memory", "note" if few else "ok", f"{gigabytes(available)} available", remedy)
    here = Path.cwd()
    yield _space("free space here", here, MIN_DISK, "free some; runs and datasets go here")
    temporary = Path(tempfile.gettempdir())
    yield _space("temporary files", temporary, MIN_TEMPORARY, "set TMPDIR to a folder with more space")
    if sys.platform == "linux":
        remedy = "give --workers 0, or in a container more of it: docker run --shm-size 2g"
        yield _space("shared memory", SHARED_MEMORY, MIN_SHARED, remedy)


def _device() -> Check:
    torch = installed("torch")
    if torch is None:
        return Check(AREA, "device", "problem", "PyTorch is not installed", "run make .venv")
    if sys.platform == "darwin":
        return Check(AREA, "device", "ok", f"cpu, or mps with --device mps (torch {torch})")
    cards = _cards() if has_driver() else []
    if cards and is_cpu_build():
        found = f"cpu: torch {torch} has no CUDA, but there is {cards[0]}"
        return Check(AREA, "device", "note", found, "install PyTorch with CUDA: https://pytorch.org/get-started")
    if cards:
        return Check(AREA, "device", "ok", f"cuda: {'; '.join(cards)} (torch {torch})")
    return Check(AREA, "device", "ok", f"cpu: no GPU with a driver (torch {torch})")


def _cards() -> list[str]:
    """Name and memory of the NVIDIA cards, as their own program lists them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()] if done.returncode == 0 else []


def _available_memory() -> float | None:
    """Bytes that programs can still get, None where the system does not state it."""
    if not MEMORY.is_file():
        return None
    for line in MEMORY.read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _space(name: str, folder: Path, minimum: float, remedy: str) -> Check:
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return Check(AREA, name, "problem", f"{folder} does not exist", remedy)
    writable = os.access(folder, os.W_OK)
    if not writable:
        return Check(AREA, name, "note", f"no permission to write in {folder}", "work in another folder")
    return Check(AREA, name, "ok" if free >= minimum else "note", f"{gigabytes(free)} in {folder}",
                 "" if free >= minimum else remedy)  # fmt: skip
