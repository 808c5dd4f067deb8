"""Export of a run's best weights, kept only if it predicts the same as the original."""

from pathlib import Path

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, is_fused
from system.errors import OptionError, OutputError
from system.files import check_file_destination
from training.cross_validation import single_run
from training.export_metadata import export_metadata, write_metadata
from training.exported_model import (
    MAX_LOSS,
    ExportFormat,
    check_precision,
    exported_path,
    images_to_compare,
    new_export,
)
from training.exporter import Parity
from training.options import OptionsT
from training.trainer import Trainer


def export_run(
    trainer: Trainer[OptionsT],
    run: Run,
    dataset: Dataset,
    export_format: ExportFormat,
    precision: str = "32",
    max_loss: float = MAX_LOSS,
) -> tuple[Path, Parity]:
    """Export the best weights of `run` to a file next to them and compare both on images of the dataset.

    Precisions below 32 bits are compared by what they lose on all val and test images, at most `max_loss`. Raises
    OptionError if a package is missing or the trainer exports nothing, InputError if the dataset has no image,
    OutputError and leaves no file where the two differ.
    """
    exporter = trainer.learner().exporter(run)
    if exporter is None:
        raise OptionError(
            f"--format {export_format}", f"{trainer.command} has no export", f"use {trainer.command} predict"
        )
    check_precision(export_format, precision)
    path = exported_path(exporter.weights, export_format)
    metadata = export_metadata(run, exporter.description(), precision)
    if precision != "32":
        from training.int8 import write_int8
        from training.measured_loss import write_bf16
        from training.quantisable import Quantisable

        if not isinstance(exporter, Quantisable):
            raise OptionError(
                f"--precision {precision}", f"{trainer.command} does not have it", "give --precision 32"
            )
        with new_export(exporter.weights, export_format) as partial:
            write = write_int8 if precision == "int8" else write_bf16
            parity: Parity = write(exporter, run, dataset, partial, max_loss)
            write_metadata(partial, export_format, metadata)
        return path, parity
    images = images_to_compare(dataset)
    with new_export(exporter.weights, export_format) as partial:
        exporter.write(partial, export_format, precision)
        write_metadata(partial, export_format, metadata)
        parity = exporter.compare(partial, export_format, images)
        if not parity.within_tolerance():
            raise OutputError(path, f"the exported model differs: {parity.describe()}", "use the original")
    return path, parity


def run_to_export(root: Path, task: str) -> Run:
    """The run of `task` in `root`, if it has weights of its own, and its folder of weights can be written.

    Raises InputError, OptionError, OutputError.
    """
    run = single_run(root, task)
    if is_fused(run):
        problem = "made of several runs, without weights of its own"
        raise OptionError(f"export {run.root}", problem, "export each run")
    check_file_destination(run.weights / "best")
    return run
