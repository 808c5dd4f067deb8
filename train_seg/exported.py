"""Models in the forms that a line computer runs without PyTorch's training half: ONNX and OpenVINO, on the CPU."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor

from datasets.errors import OptionError, WeightsError

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
INPUT, OUTPUT = "rgb", "logits"


def exported_path(weights: Path, form: str) -> Path:
    """Where the exported model of a weights file lies: beside it. Raises OptionError for an unknown form."""
    if form not in SUFFIXES:
        raise OptionError(f"{form}", "not a form to export to", f"give one of {', '.join(SUFFIXES)}")
    return weights.with_suffix(SUFFIXES[form])


def load_exported(weights: Path, form: str) -> Callable[[Tensor], Tensor]:
    """The exported model as a function of N x 3 x S x S uint8 RGB to logits. Raises WeightsError."""
    path = exported_path(weights, form)
    if not path.is_file():
        raise WeightsError(path, "no such file", f"make it with train_seg export RUN --format {form}")
    try:
        return _load_onnx(path) if form == "onnx" else _load_openvino(path)
    except OptionError:
        raise
    except Exception as error:  # noqa: BLE001  both libraries raise errors of their own making
        reason = str(error).strip().splitlines()[0][:100]
        raise WeightsError(path, f"cannot be loaded ({reason})", "export it anew") from None


def need(form: str, *packages: str) -> ModuleType:
    """Import the first of `packages`; they are no dependencies of defectline. Raises OptionError."""
    try:
        modules = [import_module(package) for package in packages]
    except ImportError as error:
        raise OptionError(
            f"--format {form}", f"needs {error.name}", f"install it: pip install {' '.join(packages)}"
        ) from None
    return modules[0]


def _load_onnx(path: Path) -> Callable[[Tensor], Tensor]:
    runtime = need("onnx", "onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])

    def run(rgb: Tensor) -> Tensor:
        return torch.from_numpy(session.run([OUTPUT], {INPUT: rgb.contiguous().numpy()})[0])

    return run


def _load_openvino(path: Path) -> Callable[[Tensor], Tensor]:
    openvino = need("openvino", "openvino")
    # Single precision, because half changes shares by some hundredths where the CPU has bfloat16.
    compiled = openvino.compile_model(
        path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    )

    def run(rgb: Tensor) -> Tensor:
        return torch.from_numpy(compiled(rgb.contiguous().numpy())[0].copy())

    return run
