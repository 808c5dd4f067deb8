"""What a user may want to change before a long training begins."""

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from training.options import SharedOptions
from training.small_defects import report_small_defects
from training.usual_epochs import report_epochs


def report_before_training(run: Run, dataset: Dataset, options: SharedOptions) -> None:
    """Print a line for defects that are nearly lost in the network's square, and one for many epochs.

    `options` are those that the user gave for `run`, none of which was refused: a refusal is one line.
    """
    report_small_defects(dataset, options)
    report_epochs(run, options)
