"""Runs that consist of several trainings, folds or seeds or both: train what is missing, measure all together."""

from collections.abc import Sequence

from datasets.formats.dataset_folder import Dataset
from evaluate.folds import measure_folds
from evaluate.history_file import read_history
from evaluate.metrics import Metrics
from evaluate.run_folder import Run, is_fused, read_config, read_split, seeds_of
from evaluate.seeds import measure_seeds
from system.errors import InputError
from system.workers import Pool
from training.cross_validation import folds_of, train_members


def train_several(
    run: Run, dataset: Dataset, command: Sequence[str], jobs: int, rule: str, pool: Pool | None = None
) -> Metrics:
    """Train every fold and seed of `run` that has no metrics yet, `jobs` at a time, and measure all of them.

    With `pool`, the workers of a cluster train them. `rule` chooses the operating point. Raises InputError,
    OptionError as train_members and measure_folds do.
    """
    train_members(run, trainings_of(run), command, jobs, pool)
    return measure_several(run, dataset, rule)


def trainings_of(run: Run) -> list[Run]:
    """The trainings in a run folder: its folds, its seeds or their folds; else the run itself."""
    members = seeds_of(run) or folds_of(run)
    return [training for member in members for training in trainings_of(member)] if members else [run]


def check_trained_to_the_end(run: Run) -> None:
    """Raise InputError if a training of `run` is not finished: measured, it would be taken for a finished one.

    Nothing is trained in a fused run, and a training without test images is never measured.
    """
    for one in trainings_of(run):
        if is_fused(one) or one.metrics.is_file() or not read_split(one).images.get("test"):
            continue
        history, epochs = read_history(one.history), read_config(one.root).options.get("epochs")
        done = int(history[-1]["epoch"]) if history else 0
        if isinstance(epochs, int) and done < epochs:
            problem = f"its training is not finished (epoch {done} of {epochs})"
            raise InputError(one.root, problem, f"finish it by train_{run.task} fit --resume {run.root}")


def measure_several(run: Run, dataset: Dataset, rule: str) -> Metrics:
    """The numbers of the folds or seeds of `run` together, whose trainings are measured. Raises InputError."""
    seeds = seeds_of(run)
    for seed in seeds:
        if read_config(seed.root).folds:
            measure_folds(seed, folds_of(seed), dataset, operating_point=rule)
    if seeds:
        return measure_seeds(run, seeds, dataset)
    return measure_folds(run, folds_of(run), dataset, operating_point=rule)
