"""Models in the forms that a line computer runs without PyTorch's training half: ONNX and OpenVINO, on the CPU."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from datasets.errors import OptionError, WeightsError
from train_det.checkpoints import load_detector
from train_det.infer import Network, network_of

SUFFIXES = {"onnx": ".onnx", "openvino": ".xml"}
INPUT, OUTPUT = "rgb", "raw"


def exported_path(weights: Path, form: str) -> Path:
    """Where the exported model of a weights file lies: beside it. Raises OptionError for an unknown form."""
    if form not in SUFFIXES:
        raise OptionError(form, "not a form to export to", f"give one of {', '.join(SUFFIXES)}")
    return weights.with_suffix(SUFFIXES[form])


def load_exported(weights: Path, form: str) -> Network:
    """The exported model of a weights file as a network. Raises OptionError, WeightsError."""
    path = exported_path(weights, form)
    if not path.is_file():
        raise WeightsError(path, "no such file", f"make it with train_det export RUN --format {form}")
    model, _ = load_detector(weights, torch.device("cpu"))
    return open_exported(path, form, network_of(model).strides)


def open_exported(path: Path, form: str, strides: list[int]) -> Network:
    """The exported model in `path`, which takes one image at a time. Raises OptionError, WeightsError."""
    runtime = need(form, "onnxruntime" if form == "onnx" else "openvino")
    try:
        run = _open_onnx(runtime, path) if form == "onnx" else _open_openvino(runtime, path)
    except Exception as error:  # noqa: BLE001 - both libraries raise errors of their own making
        reason = str(error).strip().splitlines()[0][:100]
        raise WeightsError(path, f"cannot be loaded ({reason})", "export it anew") from None

    def raw(pixels: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.from_numpy(run(one.contiguous().numpy())) for one in torch.split(pixels, 1)])

    return Network(raw, strides, torch.device("cpu"))


def need(form: str, package: str) -> ModuleType:
    """Import `package`, which is no dependency of defectline. Raises OptionError."""
    try:
        return import_module(package)
    except ImportError as error:
        raise OptionError(
            f"--format {form}", f"needs {error.name}", f"install it: pip install {package}"
        ) from None


def _open_onnx(runtime: Any, path: Path) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run([OUTPUT], {INPUT: pixels})[0]


def _open_openvino(runtime: Any, path: Path) -> Any:
    # Single precision, because bfloat16 moves boxes by pixels where the CPU has it.
    compiled = runtime.compile_model(
        path, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    )
    return lambda pixels: compiled(pixels)[0].copy()
