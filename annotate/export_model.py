"""A run's model for the annotation program X-AnyLabeling: an ONNX file and its YAML configuration.

Source of the keys: https://github.com/CVHub520/X-AnyLabeling, docs/en/custom_model.md and
services/auto_labeling/__base__/yolo.py. It shrinks an image into a square, gives the network RGB values of 0 to
1, and reads B x (4 + classes) x anchors from it, which is what train_det exports.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from datasets.formats.dataset_folder import Dataset
from evaluate.new_predictions import PredictError, run_name
from evaluate.one_type import run_categories
from evaluate.operating import operating_score
from evaluate.run_folder import Run, read_config
from system.child_process import module_command, module_environment
from system.errors import OptionError, OutputError
from system.files import link_or_copy, new_folder

MODEL_TYPE = "yolov8"  # X-AnyLabeling's name for networks with this output
NMS_IOU = 0.5
MARKER = "model.yaml"
UNSUPPORTED = "X-AnyLabeling has no type of model for it"


class ExportedModel(msgspec.Struct, frozen=True):
    """The folder written, the YAML file to load, and the classes in the order of the network."""

    folder: Path
    config: Path
    classes: list[str]


def export_for_x_anylabeling(run: Run, dataset: Dataset, dest: Path) -> ExportedModel:
    """Write model.yaml and model.onnx of a run of train_det into the new folder `dest`.

    The confidence threshold is the operating point of the run. Raises OptionError for a run whose model
    X-AnyLabeling cannot use, PredictError if the trainer cannot export it, OutputError for `dest`.
    """
    if not run.provides.boxes or run.provides.masks:
        remedy = "export a run of train_det; proposals of this run: annotate propose --from RUN"
        raise OptionError(f"--for x-anylabeling {run.root}", f"a run of train_{run.task}; {UNSUPPORTED}", remedy)
    classes = [category.name for category in run_categories(run, dataset)]
    model = _export(run)
    _check_output(run, model, len(classes))
    config = model_config(run, classes)
    with new_folder(dest, overwrite=True, marker=MARKER) as partial:
        link_or_copy(model, partial / "model.onnx")
        (partial / MARKER).write_bytes(msgspec.yaml.encode(config))
    return ExportedModel(dest, dest / MARKER, classes)


def model_config(run: Run, classes: list[str]) -> dict[str, object]:
    """The content of the YAML file; the thresholds have the names of X-AnyLabeling 2 and of later versions."""
    score, side = operating_score(run), read_config(run.root).options.get("imgsz")
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", run_name(run))
    return {
        "type": MODEL_TYPE,
        "name": f"defectline-{name}",
        "provider": "defectline",
        "display_name": f"defectline {run_name(run)}",
        "model_path": "model.onnx",
        "input_width": side,
        "input_height": side,
        "conf_threshold": score,
        "iou_threshold": NMS_IOU,
        "confidence_threshold": score,
        "nms_threshold": NMS_IOU,
        "classes": classes,
    }


def _export(run: Run) -> Path:
    """The ONNX file of the run, made by its trainer, which compares it with the original."""
    command = module_command(f"train_{run.task}", "export", str(run.root), "--format", "onnx", "--json")
    done = subprocess.run(command, env=module_environment(), capture_output=True, text=True, check=False)  # noqa: S603
    try:
        document: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise PredictError(run.root, f"cannot be exported ({last[:200]})", "run train_det export") from None
    for error in document["errors"]:
        raise PredictError(error["where"], error["problem"], error["remedy"])
    return Path(document["result"]["file"])


def _check_output(run: Run, model: Path, classes: int) -> None:
    """Raise OptionError if the network gives something else than boxes with a score of each class."""
    import onnx

    graph = onnx.load(str(model)).graph
    inputs = [[dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in graph.input]
    if any(given[1:2] == [4] for given in inputs):
        problem = "its network needs the map of good images as a fourth channel"
        raise OptionError(f"--for x-anylabeling {run.root}", problem, "train one without --good-map")
    shape = [[dim.dim_value for dim in one.type.tensor_type.shape.dim] for one in graph.output]
    if len(shape) != 1 or len(shape[0]) != 3 or shape[0][1] != 4 + classes:
        problem = f"its network gives {shape} and not boxes; {UNSUPPORTED}"
        raise OptionError(
            f"--for x-anylabeling {run.root}", problem, "train a YOLO without masks, such as yolo11n.pt"
        )


def check_is_new(dest: Path) -> None:
    """Raise OutputError if `dest` is a folder that this command did not write."""
    if dest.is_dir() and any(dest.iterdir()) and not (dest / MARKER).is_file():
        raise OutputError(dest, "exists and is not empty", "name another folder with --out")
