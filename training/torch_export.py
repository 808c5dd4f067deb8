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
) -> None:
    """Write a network from N x 3 x H x W uint8 to a tensor that is called `output`; N is free.

    `size` is H and W, or the side of a square.

    Raises OptionError if a package is missing.
    """
    sides = (size, size) if isinstance(size, int) else size
    if export_format == "onnx":
        _write_onnx(model, sides, path, output)
    else:
        _write_openvino(model, sides, path, precision)


def _write_onnx(model: "nn.Module", sides: tuple[int, int], path: Path, output: str) -> None:
    import torch

    need("onnx", "onnx", "onnxscript", "onnxruntime")
    example = torch.zeros(2, 3, *sides, dtype=torch.uint8)
    batch = torch.export.Dim("batch", min=1, max=64)
    with silent_exporters():
        torch.onnx.export(
            model, (example,), path, input_names=[INPUT], output_names=[output], dynamic_shapes=({0: batch},),
            dynamo=True, external_data=False, verbose=False,
        )  # fmt: skip


def _write_openvino(model: "nn.Module", sides: tuple[int, int], path: Path, precision: str) -> None:
    import torch

    openvino = need("openvino", "openvino")
    example = torch.zeros(1, 3, *sides, dtype=torch.uint8)
    with silent_exporters():
        converted = openvino.convert_model(model, example_input=example, input=[-1, 3, *sides])
        save_openvino(converted, path, precision)
