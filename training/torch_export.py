"""A network that takes squares of RGB pixels, written as ONNX or OpenVINO."""

from pathlib import Path
from typing import TYPE_CHECKING

from training.exported_model import INPUT, ExportFormat, need, save_openvino, silent_exporters

if TYPE_CHECKING:
    from torch import nn


def write_exported(
    model: "nn.Module",
    size: int | tuple[int, int],
    path: Path,
    export_format: ExportFormat,
    precision: str,
    *,
    output: str,
    channels: int = 3,
) -> None:
    """Write a network from N x `channels` x H x W uint8 to a tensor that is called `output`; N is free.

    `size` is H and W, or the side of a square.

    Raises OptionError if a package is missing.
    """
    shape = (channels, size, size) if isinstance(size, int) else (channels, *size)
    if export_format == "onnx":
        _write_onnx(model, shape, path, output)
    else:
        _write_openvino(model, shape, path, precision)


def _write_onnx(model: "nn.Module", shape: tuple[int, ...], path: Path, output: str) -> None:
    import torch

    need("onnx", "onnx", "onnxscript", "onnxruntime")
    example = torch.zeros(2, *shape, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=64)
    with silent_exporters():
        torch.onnx.export(
            model, (example,), path, input_names=[INPUT], output_names=[output], dynamic_shapes=({0: batch},),
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


def _write_openvino(model: "nn.Module", shape: tuple[int, ...], path: Path, precision: str) -> None:
    import torch

    openvino = need("openvino", "openvino")
    example = torch.zeros(1, *shape, dtype=torch.uint8)
    with silent_exporters():
        converted = openvino.convert_model(model, example_input=example, input=[-1, *shape])
        save_openvino(converted, path, precision)
