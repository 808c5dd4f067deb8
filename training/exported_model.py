"""Exported models, ONNX and OpenVINO, run on the CPU without PyTorch: from array to array."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, is_fused
from system.errors import InputError, OptionError, OutputError, WeightsError, first_line
from system.links import check_own_folder
from system.system_fault import naming
from system.tensors import raise_lack_of_memory
from training.export_record import check_record, checksums_of, exported_files, write_record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    class OpenVinoModel(Protocol):
        """An openvino.Model."""

        def set_rt_info(self, value: str, path: list[str]) -> None: ...  # noqa: D102

        def get_ops(self) -> "list[Any]": ...  # noqa: D102

    Runner = Callable[[NDArray[np.generic]], NDArray[np.float32]]

ExportFormat = Literal["onnx", "openvino"]
SUFFIXES: dict[ExportFormat, str] = {"onnx": ".onnx", "openvino": ".xml"}
BEST_FILES = "best.*"  # the weights of every trainer, and what is exported from them
INPUT = "rgb"
OPENVINO_PRECISIONS = {"32": "f32", "bf16": "bf16", "int8": "f32"}  # what is not quantised is computed in it
PRECISION_KEY = ["defectline", "precision"]  # the key in an OpenVINO file for the precision to run it in
LOSS_KEY = ["defectline", "loss"]  # what bfloat16 or 8-bit integers lose, as JSON
MAX_COMPARED_IMAGES = 8
MAX_XML_BYTES = 4096  # of one operation in a file of OpenVINO, and more than it takes
MAX_LOSS = 0.005  # of AP, Dice, accuracy or AUROC, by fewer bits


def parse_format(text: str, flag: str = "--format") -> ExportFormat:
    """The export format that `text`, the value of `flag`, names. Raises OptionError."""
    for export_format in SUFFIXES:
        if text == export_format:
            return export_format
    raise OptionError(f"{flag} {text}", "not an export format", f"give one of {', '.join(SUFFIXES)}")


def exported_path(weights: Path, export_format: ExportFormat) -> Path:
    """The file of the exported model of a weights file, in the same folder."""
    return weights.with_suffix(SUFFIXES[export_format])


def existing_export(weights: Path, export_format: ExportFormat, trainer: str) -> Path:
    """`exported_path` if that file exists and is as it was exported. Raises WeightsError, InputError."""
    path, command = exported_path(weights, export_format), f"{trainer} export RUN --format {export_format}"
    if not path.is_file():
        raise WeightsError(path, "no such file", f"make it with {command}")
    check_record(path, command)
    return path


def check_model_file(run: Run, export_format: ExportFormat | None = None) -> None:
    """Raise WeightsError if `run` needs weights of its own, but has none, or none exported to that format."""
    if is_fused(run):
        return
    if export_format:
        existing_export(run.weights / "best.pt", export_format, f"train_{run.task}")
    elif not any(run.weights.glob(BEST_FILES)):
        problem = "no weights of a finished epoch"
        raise WeightsError(run.weights, problem, "check whether the training finished its first epoch")


@contextlib.contextmanager
def new_export(weights: Path, export_format: ExportFormat) -> Iterator[Path]:
    """The path to write an exported model to: a hidden file, renamed to `exported_path` when the block succeeds.

    OpenVINO writes a second file, .bin, which is renamed too. The record of both is written last, so that a
    kill in between leaves an export that is refused. Raises InputError if the folder is a link.
    """
    check_own_folder(weights.parent)
    path = exported_path(weights, export_format)
    partial = path.with_name(f".{path.name}")
    written = exported_files(partial)
    try:
        with naming(path, nameless=False):
            yield partial
        checksums = {name.removeprefix("."): digest for name, digest in checksums_of(written).items()}
        for file in reversed(written):
            file.replace(path.with_suffix(file.suffix))
        write_record(path, checksums | checksums_of([weights]))
    finally:
        for file in written:
            file.unlink(missing_ok=True)


def images_to_compare(dataset: Dataset) -> "list[NDArray[np.uint8]]":
    """The images on which an export is compared with its original: the first of val, then of other splits.

    Raises InputError, also where there is none.
    """
    images = [image for split in ("val", "test", "train") for image in dataset.images(split)]
    if not images:
        raise InputError(
            dataset.root, "no image to compare the exported model on", "name another dataset with --dataset"
        )
    return [dataset.read_image(image) for image in images[:MAX_COMPARED_IMAGES]]


def need(export_format: ExportFormat, *packages: str) -> ModuleType:
    """Import `packages`, which are optional, and return the first. Raises OptionError if one is missing."""
    try:
        modules = [import_module(package) for package in packages]
    except ImportError as error:
        remedy = 'install it: pip install "defectline[export]"'
        raise OptionError(f"--format {export_format}", f"needs {error.name}", remedy) from None
    return modules[0]


def check_precision(export_format: ExportFormat, precision: str) -> None:
    """Raise OptionError unless `precision` is 32, bf16 or int8 and models in `export_format` can be run in it."""
    asked = f"--precision {precision}"
    if precision not in OPENVINO_PRECISIONS:
        raise OptionError(asked, "not a precision to export for", f"give one of {', '.join(OPENVINO_PRECISIONS)}")
    if export_format == "onnx" and precision != "32":
        raise OptionError(asked, "ONNX Runtime computes with 32 bits on a CPU", "give --format openvino")


def check_max_loss(max_loss: float) -> None:
    """Raise OptionError unless `max_loss` is a difference of two values between 0 and 1."""
    if not 0 <= max_loss < 1:
        raise OptionError(f"--max-loss {max_loss}", "not a loss of AP or Dice", "give 0 or more and less than 1")


def save_openvino(converted: "OpenVinoModel", path: Path, precision: str) -> None:
    """Write the result of openvino.convert_model with 32-bit weights and the precision to run it in."""
    converted.set_rt_info(precision, PRECISION_KEY)
    write_openvino(converted, path)


def write_openvino(model: "OpenVinoModel", path: Path) -> None:
    """Write `path` and its .bin. Raises OSError with the system's reason, OutputError if there is none.

    OpenVINO states no reason for a .bin that cannot be written, and none at all for an incomplete .xml.
    """
    try:
        need("openvino", "openvino").save_model(model, path, compress_to_fp16=False)
        problem = "" if _ends_as_xml(path) else "it is not complete"
    except RuntimeError as error:
        raise_lack_of_memory(path, error)
        problem = first_line(error, 80)
    if problem:
        with path.with_suffix(".bin").open(
            "wb"
        ) as file:  # as much again, which the system refuses with its reason
            for operation in model.get_ops():
                file.write(bytes(MAX_XML_BYTES))
                file.write(operation.data.tobytes() if operation.get_type_name() == "Constant" else b"")
        raise OutputError(path, f"cannot be written ({problem})", "export again")


def _ends_as_xml(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-min(64, path.stat().st_size), 2)
        return file.read().rstrip().endswith(b"</net>")


def open_runner(path: Path, export_format: ExportFormat) -> "Runner":
    """A function from the input to the output of the exported model. Raises OptionError, WeightsError.

    The function raises WeightsError if the model cannot process its input or gives values that are not numbers.
    """
    runtime = need(export_format, "onnxruntime" if export_format == "onnx" else "openvino")
    try:
        run = _open_onnx(runtime, path) if export_format == "onnx" else _open_openvino(runtime, path)
    except Exception as error:  # noqa: BLE001  both libraries raise errors of many types
        raise_lack_of_memory(path, error)
        reason = first_line(error, 100)
        raise WeightsError(path, f"cannot be loaded ({reason})", "export it again") from None
    return _checked(path, run)


def _checked(path: Path, run: "Runner") -> "Runner":
    import numpy as np

    def checked(pixels: "NDArray[np.generic]") -> "NDArray[np.float32]":
        try:
            found = run(pixels)
        except Exception as error:  # noqa: BLE001  see open_runner
            raise_lack_of_memory(path, error, "run")
            reason = first_line(error, 100)
            raise WeightsError(path, f"cannot be run ({reason})", "export it again") from None
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or not np.isfinite(found).all():
            raise WeightsError(path, "gives values that are not numbers", "export it again")
        return found

    return checked


def check_shape(found: "NDArray[np.float32]", wanted: Sequence[int | None]) -> None:
    """Raise WeightsError if an exported model gave another shape than `wanted`, in which None is any size."""
    fits = (want in {None, size} for want, size in zip(wanted, found.shape, strict=False))
    if found.ndim != len(wanted) or not all(fits):
        sizes = " x ".join("any" if size is None else str(size) for size in wanted)
        problem = f"gives {' x '.join(map(str, found.shape))} values instead of {sizes}"
        raise WeightsError("the exported model", problem, "export it again")


@contextlib.contextmanager
def silent_exporters() -> Iterator[None]:
    """Suppress what the exporters print and warn about; errors pass."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _open_onnx(runtime: Any, path: Path) -> "Runner":
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # it would print errors, with names from the file, beside our own line
    session = runtime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {INPUT: pixels})[0]


def _open_openvino(runtime: Any, path: Path) -> "Runner":
    core = runtime.Core()
    model = core.read_model(path)
    # By default OpenVINO uses bfloat16 where the CPU has it, whatever precision the parity check used.
    precision = model.get_rt_info(PRECISION_KEY).astype(str) if model.has_rt_info(PRECISION_KEY) else "32"
    settings = {"INFERENCE_PRECISION_HINT": OPENVINO_PRECISIONS[precision], "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(model, "CPU", settings)
    return lambda pixels: compiled(pixels)[0].copy()
