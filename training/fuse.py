"""From several trained runs to one measured run that uses them together."""

from pathlib import Path

from datasets.formats.dataset_folder import Dataset
from evaluate.metrics import Metrics
from evaluate.run_folder import Run
from training.fused_run import Fusion, new_fused_run
from training.measure import evaluate_run
from training.new_run import removed_on_failure
from training.options import OptionsT
from training.trainer import Trainer


def fuse_runs(
    trainer: Trainer[OptionsT],
    fusion: Fusion[Run],
    data: Dataset,
    *,
    runs: Path,
    name: str | None,
    operating_point: str | None,
    device: str,
    tta: bool,
) -> tuple[Run, Metrics | None]:
    """Make a run of the runs in `fusion`, predict val and test of their dataset with it, and measure.

    The other arguments are those of evaluate_run.
    Its splits and folds are those of the first run. Raises InputError,
    OptionError, WeightsError; no run is left then.
    """
    trainer.learner().check_fused(fusion.members, fusion.refine)
    run = new_fused_run(trainer.task, fusion, data, runs, name or f"{data.name}-fused")
    with removed_on_failure(run):
        metrics = evaluate_run(
            trainer, run, data, split="test", operating_point=operating_point, device=device, tta=tta
        )
    return run, metrics
