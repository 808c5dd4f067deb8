"""The versions of everything that can change a result, to compare two machines."""

import hashlib
import sys
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from system import __version__

PACKAGES = (
    "annotate", "convert", "datasets", "doctor", "evaluate", "features", "recipes", "system", "train_anomaly",
    "train_cls", "train_det", "train_seg", "training", "view",
)  # fmt: skip
LIBRARIES = (
    "albumentations", "distributed", "imbalanced-learn", "isal", "lightning", "msgspec", "numpy", "onnxruntime",
    "opencv-python-headless", "openvino", "pillow", "pycocotools", "safetensors", "scikit-learn", "scipy",
    "segmentation-models-pytorch", "shapely", "timm", "torch", "torchvision", "ultralytics",
)  # fmt: skip


@lru_cache(1)
def versions() -> dict[str, str]:
    """The versions of defectline, Python and the libraries that results depend on; of defectline also its code.

    Local parts are left out: torch 2.6.0+cpu counts as torch 2.6.0.
    """
    libraries = {name: _version(name) for name in LIBRARIES}
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {"defectline": f"{__version__} (code {code_hash()})", "Python": python, **libraries}


def code_hash() -> str:
    """A short hash of all source files of the project: two checkouts of one version may differ."""
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:8]


def first_difference(here: dict[str, str], there: dict[str, str]) -> str | None:
    """`NAME THERE, here HERE` for the first version that differs; None if all are the same."""
    for name, ours in here.items():
        theirs = there.get(name, "missing")
        if theirs != ours:
            return f"{name} {theirs}, here {ours}"
    return None


def _version(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return "missing"
