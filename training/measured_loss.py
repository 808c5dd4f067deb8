"""What an export in fewer bits loses on images that did not train it, and whether it may be kept.

Differences of scores and boxes do not decide: in bfloat16 a single score of a detector may differ by 0.1 without
any change of AP, while smaller ones may move a box across a limit.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluate.run_folder import Run
from system.errors import OutputError
from system.working_folder import working_folder
from training.exported_model import LOSS_KEY, exported_path, need, open_runner, save_openvino
from training.held_out import HeldOut, losses
from training.quantisable import Quantisable

if TYPE_CHECKING:
    from datasets.formats.dataset_folder import Dataset

NAMES = {"bf16": "bfloat16 loses", "int8": "8-bit integers lose"}


@dataclass(frozen=True, slots=True)
class MeasuredLoss:
    """What the export loses, by number (more than 0 is worse), on `images` held-out images, and what it had."""

    images: int
    original: dict[str, float]
    lost: dict[str, float]
    max_loss: float

    def within_tolerance(self) -> bool:
        """No image missed more, false alarms of at most `max_loss` of the images more, and no value lost more."""
        return all(self._within(name, loss) for name, loss in self.lost.items())

    def describe(self) -> str:
        """Every number before, and its change."""
        shown = [
            f"{name} {self.original[name]:.4g} {-loss:+.4f}" if self._rate(name) else
            f"{name} {self.original[name]:g} {loss:+g}"
            for name, loss in self.lost.items()
        ]  # fmt: skip
        return f"on {self.images} held-out images {', '.join(shown)}"

    def refusal(self, weights: Path, precision: str) -> OutputError:
        """The error for an export of `weights` that is not within the tolerance."""
        path = exported_path(weights, "openvino")
        problem = f"{NAMES[precision]} more than --max-loss {self.max_loss:g} {self.describe()}"
        return OutputError(path, problem, f"export without --precision {precision}, or allow more by --max-loss")

    def _within(self, name: str, loss: float) -> bool:
        if name == "missed":
            return loss <= 0
        return loss <= (self.max_loss if self._rate(name) else self.max_loss * self.images)

    @staticmethod
    def _rate(name: str) -> bool:
        return name not in {"missed", "false alarms"}


class LossMeasurement:
    """Measures networks of `exporter` against its original, which is measured first.

    Raises InputError without a val or test image.
    """

    def __init__(self, exporter: Quantisable, held_out: HeldOut, max_loss: float) -> None:
        self._exporter = exporter
        self._held_out = held_out
        self._max_loss = max_loss
        self._original = held_out.numbers(exporter.original(), "with the original")

    def of(self, network: Path, label: str) -> MeasuredLoss:
        """What the OpenVINO file `network` loses; `label` is for the progress."""
        found = self._held_out.numbers(self._exporter.exported(open_runner(network, "openvino")), label)
        images = len(self._held_out.truth.images)
        return MeasuredLoss(images, self._original, losses(self._original, found), self._max_loss)


def write_bf16(exporter: Quantisable, run: Run, dataset: "Dataset", path: Path, max_loss: float) -> MeasuredLoss:
    """Write the OpenVINO file `path` and its .bin, to be computed in bfloat16, and measure it.

    Raises OptionError if a package is missing, InputError without an image to measure on, OutputError if it loses
    more than `max_loss`.
    """
    need("openvino", "openvino")
    measurement = LossMeasurement(exporter, HeldOut(run, dataset), max_loss)
    with working_folder(path) as folder:
        network = folder / "network.xml"
        exporter.write(network, "openvino", "bf16")
        loss = measurement.of(network, "with bfloat16")
        if not loss.within_tolerance():
            raise loss.refusal(exporter.weights, "bf16")
        save_with_loss(network, path, loss, "bf16")
    return loss


def save_with_loss(network: Path, path: Path, loss: MeasuredLoss, precision: str) -> None:
    """Write the OpenVINO file `network` to `path`, with what it loses in its metadata."""
    model = need("openvino", "openvino").Core().read_model(network)
    content = {"images": loss.images, "original": loss.original, "lost": loss.lost}
    model.set_rt_info(json.dumps(content), LOSS_KEY)
    save_openvino(model, path, precision)
