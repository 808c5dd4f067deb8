"""What a program must know to use an exported model without defectline, stored in the exported file itself.

It is one JSON text: in ONNX the entry `defectline` of metadata_props, in OpenVINO `metadata` below `defectline` in
rt_info.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from datasets.coco import Category
from datasets.images.bit_depth import IntensityRange
from evaluate.operating import operating_scores
from evaluate.run_folder import Run, read_split
from system import __version__
from system.console import print_status
from system.errors import DefectlineError, WeightsError, first_line
from system.tensors import raise_lack_of_memory
from training.exported_model import SUFFIXES, ExportFormat, exported_path, need, write_openvino

ONNX_KEY = "defectline"
OPENVINO_KEY = ["defectline", "metadata"]
PROJECT_LICENCE = "AGPL-3.0-or-later"


class NetworkInput(msgspec.Struct, frozen=True, kw_only=True):
    """The tensor that a network takes: N x `channels` x `height` x `width`, RGB.

    `dtype` is `uint8` (0 to 255) or `float32` (0 to 1). Around the image there is `padding`: a colour of R, G, B
    from 0 to 255, `border-median` (the median colour of the outermost pixels) or `edge` (the nearest pixel).
    """

    channels: int = 3
    height: int
    width: int
    dtype: Literal["uint8", "float32"] = "uint8"
    padding: tuple[int, int, int] | Literal["border-median", "edge"]


class NetworkDescription(msgspec.Struct, frozen=True, kw_only=True):
    """What the exporter of a trainer knows about its network.

    `network` is the name of its kind, such as `yolo` or `unet`. `categories` are in the order of the outputs.
    `decoding` are the numbers that turn outputs into predictions, explained in docs/deploy.md. `type_sizes` are
    median and spread of the logarithm of the areas of each category. `default_score` is the threshold of a run
    that was not measured. A larger image is cut into squares with a side of `tile` pixels; 0 never cuts.
    """

    network: str
    categories: list[Category]
    input: NetworkInput
    output: str
    default_score: float
    decoding: dict[str, float | bool | str] = {}
    type_sizes: list[tuple[float, float]] = []
    tile: int = 0
    licence: str = PROJECT_LICENCE


class ExportMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an exported file in addition to its network, see docs/deploy.md.

    `score_threshold` is the run's operating point; `type_thresholds` holds that of each category by name, if the
    run has such. `layout` is that of the input. `intensities` are the values that become black and white in images
    with more than 8 bits per channel; it is empty if the run learnt from none.
    """

    task: str
    network: str
    categories: list[Category]
    input: NetworkInput
    layout: str = "NCHW"
    output: str
    score_threshold: float
    type_thresholds: dict[str, float]
    decoding: dict[str, float | bool | str]
    type_sizes: list[tuple[float, float]]
    tile: int
    intensities: list[IntensityRange]
    precision: str
    licence: str
    version: str


def export_metadata(run: Run, description: NetworkDescription, precision: str) -> ExportMetadata:
    """The metadata of an export of `run` in `precision`. Raises InputError if a file of it cannot be read."""
    point = operating_scores(run, description.default_score)
    return ExportMetadata(
        task=run.task,
        network=description.network,
        categories=description.categories,
        input=description.input,
        output=description.output,
        score_threshold=point.score_threshold,
        type_thresholds=dict(point.types),
        decoding=description.decoding,
        type_sizes=description.type_sizes,
        tile=description.tile,
        intensities=read_split(run).intensities,
        precision=precision,
        licence=description.licence,
        version=__version__,
    )


def write_metadata(path: Path, export_format: ExportFormat, metadata: ExportMetadata) -> None:
    """Add `metadata` to the exported file `path`, which is overwritten in place. Raises OptionError."""
    text = msgspec.json.encode(metadata).decode()
    if export_format == "onnx":
        onnx = need(export_format, "onnx")
        model = onnx.load(path)
        entry = model.metadata_props.add()
        entry.key, entry.value = ONNX_KEY, text
        onnx.save(model, path)
        return
    openvino = need(export_format, "openvino")
    core = openvino.Core()
    core.set_property({"ENABLE_MMAP": False})  # a mapped file cannot be overwritten
    model = core.read_model(path)
    model.set_rt_info(text, OPENVINO_KEY)
    write_openvino(model, path)


def read_metadata(path: Path, export_format: ExportFormat) -> ExportMetadata:
    """The metadata in the exported file `path`. Raises OptionError, WeightsError if there is none."""
    runtime = need(export_format, "onnx" if export_format == "onnx" else "openvino")
    try:
        text = _onnx_text(runtime, path) if export_format == "onnx" else _openvino_text(runtime, path)
        return msgspec.json.decode(text, type=ExportMetadata)
    except Exception as error:  # noqa: BLE001  both libraries raise errors of many types
        raise_lack_of_memory(path, error)
        problem = f"has no metadata of defectline ({first_line(error, 80)})"
        raise WeightsError(path, problem, "export it again") from None


def report_other_thresholds(run: Run) -> None:
    """Print a line for each exported file of `run` whose thresholds are no longer those of the run.

    `predict --exported` takes those of the run, and other programs those in the file.
    """
    for export_format in SUFFIXES:
        path = exported_path(run.weights / "best.pt", export_format)
        if not path.is_file():
            continue
        try:
            metadata = read_metadata(path, export_format)
        except DefectlineError:  # predict --exported reports it
            continue
        point = operating_scores(run, metadata.score_threshold)
        if (metadata.score_threshold, metadata.type_thresholds) != (point.score_threshold, dict(point.types)):
            again = f"train_{run.task} export {run.root} --format {export_format}"
            print_status(f"{path} still has the former score threshold {metadata.score_threshold:g}: {again}")


def _onnx_text(onnx: Any, path: Path) -> str:
    entries = {entry.key: entry.value for entry in onnx.load(path, load_external_data=False).metadata_props}
    return str(entries[ONNX_KEY])


def _openvino_text(openvino: Any, path: Path) -> str:
    return str(openvino.Core().read_model(path).get_rt_info(OPENVINO_KEY).astype(str))
