"""Export with 8-bit integers: quantised by NNCF, measured on images that did not train, refused if it loses much.

NNCF (Neural Network Compression Framework of OpenVINO) chooses the range of each tensor from what it sees on
training images, without training. Where that loses too much, a second attempt keeps the first convolution in
floating point, which caused most of what a detector lost (docs/benchmarks.md). A third one also rescales
channels, so that small values lose less beside large ones (SmoothQuant), and a fourth one also keeps the head and
everything but convolutions in floating point.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from evaluate.run_folder import Run
from system.console import print_status
from system.working_folder import working_folder
from training.exported_model import need, open_runner, save_openvino, silent_exporters
from training.held_out import HeldOut
from training.measured_loss import LossMeasurement, MeasuredLoss, save_with_loss
from training.quantisable import Quantisable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from datasets.formats.dataset_folder import Dataset

    class Operation(Protocol):
        """An openvino.Node."""

        def get_friendly_name(self) -> str: ...  # noqa: D102

        def get_type_name(self) -> str: ...  # noqa: D102

        def outputs(self) -> "list[Output]": ...  # noqa: D102

    class Reader(Protocol):
        """An openvino.Input."""

        def get_node(self) -> Operation: ...  # noqa: D102

    class Output(Protocol):
        """An openvino.Output."""

        def get_target_inputs(self) -> set[Reader]: ...  # noqa: D102


MAX_CALIBRATION_IMAGES = 128
MAX_CALIBRATION_BYTES = 256 * 2**20
SMOOTHING = 0.5  # half of the difference between channels is moved into the weights
CONVOLUTIONS = {"Convolution", "GroupConvolution"}
# Everything that a network of ours computes apart from convolutions, by the names of NNCF.
NOT_CONVOLUTIONS = (
    "Add", "AvgPool", "Concat", "Divide", "Gather", "Interpolate", "MatMul", "MaxPool", "Multiply", "Power",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "Sigmoid", "Softmax", "Split", "Sqrt", "Subtract",
    "Swish",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to quantise.

    `float_layers` (patterns of names) and `float_types` (of NNCF) stay in floating point, and unless
    `with_first` the convolutions that read the input. With `smooth`, the channels are rescaled first.
    """

    float_layers: Sequence[str] = ()
    float_types: Sequence[str] = ()
    with_first: bool = False
    smooth: bool = False


def write_int8(exporter: Quantisable, run: Run, dataset: "Dataset", path: Path, max_loss: float) -> MeasuredLoss:
    """Write the OpenVINO file `path` and its .bin in 8-bit integers, and measure it.

    Raises OptionError if a package is missing, InputError without a training image or one to measure on,
    OutputError if every attempt loses more than `max_loss`.
    """
    need("openvino", "openvino")
    need("openvino", "nncf")
    held_out = HeldOut(run, dataset)
    # A file that OpenVINO has read stays mapped into memory, so each attempt has a file of its own.
    with working_folder(path) as folder:
        floats = folder / "floats.xml"
        exporter.write(floats, "openvino", "32")
        inputs = calibration_inputs(exporter, held_out.dataset, floats)
        measurement = LossMeasurement(exporter, held_out, max_loss)
        plans = attempts(exporter)
        for k, plan in enumerate(plans, 1):
            attempt = folder / f"attempt-{k}.xml"
            quantise(floats, attempt, inputs, plan)
            loss = measurement.of(attempt, "with 8-bit integers")
            if loss.within_tolerance():
                save_with_loss(attempt, path, loss, "int8")
                return loss
            print_status(f"attempt {k} of {len(plans)} loses too much: {loss.describe()}")
    raise loss.refusal(exporter.weights, "int8")


def attempts(exporter: Quantisable) -> list[Plan]:
    """The quickest network first."""
    layers, with_head = tuple(exporter.float_layers), (*exporter.float_layers, *exporter.head_layers)
    return [
        Plan(layers, with_first=True),
        Plan(layers),
        Plan(layers, smooth=True),
        Plan(with_head, NOT_CONVOLUTIONS, smooth=True),
    ]


def calibration_inputs(exporter: Quantisable, dataset: "Dataset", path: Path) -> "list[NDArray[np.generic]]":
    """What the network gets for training images, spread over the list, as `predict` prepares them.

    The list is sorted by defect type, and large inputs fill the memory before all images were used.
    """
    images = dataset.images("train")
    run, inputs = open_runner(path, "openvino"), []

    def recorded(pixels: "NDArray[np.generic]") -> "NDArray[np.float32]":
        inputs.append(pixels.copy())
        return run(pixels)

    predictor = exporter.exported(recorded)
    chosen = [images[k] for k in spread_order(len(images))[:MAX_CALIBRATION_IMAGES]]
    for _ in predictor.predict((image.id, dataset.read_image(image)) for image in chosen):
        if sum(one.nbytes for one in inputs) > MAX_CALIBRATION_BYTES:
            break
    return inputs


def spread_order(count: int) -> list[int]:
    """The numbers from 0 to `count` - 1 in an order of which every start is spread over all of them.

    >>> spread_order(6)
    [0, 4, 2, 1, 5, 3]
    """
    digits = max(count - 1, 0).bit_length()
    return sorted(range(count), key=lambda k: f"{k:0{digits}b}"[::-1])


def quantise(floats: Path, path: Path, inputs: "Sequence[NDArray[np.generic]]", plan: Plan) -> None:
    """Write the quantised form of the OpenVINO file `floats` to `path`."""
    nncf, openvino = need("openvino", "nncf"), need("openvino", "openvino")
    model = openvino.Core().read_model(floats)
    scope = nncf.IgnoredScope(
        names=[] if plan.with_first else first_convolutions(model.inputs),
        types=list(plan.float_types), patterns=list(plan.float_layers), validate=False,
    )  # fmt: skip
    smoothing: dict[str, object] = {}
    if plan.smooth:  # NNCF rescales only in networks that are declared as transformers
        alphas = need("openvino", "nncf.quantization.advanced_parameters").AdvancedSmoothQuantParameters
        advanced = nncf.AdvancedQuantizationParameters(smooth_quant_alphas=alphas(convolution=SMOOTHING))
        smoothing = {"model_type": nncf.ModelType.TRANSFORMER, "advanced_parameters": advanced}
    with silent_exporters():
        quantised = nncf.quantize(
            model,
            nncf.Dataset(inputs),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(inputs),
            ignored_scope=scope,
            **smoothing,
        )
        save_openvino(quantised, path, "int8")


def first_convolutions(inputs: "Iterable[Output]") -> list[str]:
    """The names of the convolutions that read the inputs of an OpenVINO model before any other convolution does.

    Names cannot be given instead: folding batch normalisation gives convolutions the name of a multiplication.
    """
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [reader.get_node() for one in inputs for reader in one.get_target_inputs()]
    while waiting:
        operation = waiting.pop()
        name = operation.get_friendly_name()
        if name in seen:
            continue
        seen.add(name)
        if operation.get_type_name() in CONVOLUTIONS:
            found.add(name)
        else:
            waiting += [reader.get_node() for one in operation.outputs() for reader in one.get_target_inputs()]
    return sorted(found)
