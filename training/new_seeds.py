"""The folders of several trainings that differ only in their seed.

runs/<task>/<name>/                             `seeds` in the configuration
  config.yaml  environment.json  split.json     test: the images that every seed tests
  seed-0/ ... seed-<N-1>/                       each a run, or a cross-validation with its folds
  metrics.json                                  the numbers of all seeds together
"""

from pathlib import Path

import msgspec

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run, RunConfig, read_config, read_split
from system.json_file import write_json
from training.negatives import DEFECTS_AND_NEGATIVES, ImageChoice
from training.new_run import create_run, new_folds, new_run, removed_on_failure, run_split, write_config
from training.options import SharedOptions


def new_seeds(
    task: str,
    dataset: Dataset,
    options: SharedOptions,
    runs: Path,
    name: str | None,
    seeds: int,
    folds: int = 0,
    val: float = 0.0,
    images: ImageChoice = DEFECTS_AND_NEGATIVES,
) -> Run:
    """Make the parent run and a run for each of `seeds` seeds from `options.seed` on, each with its own folds.

    Raises OptionError, InputError; nothing is left then.
    """
    numbers = [options.seed + k for k in range(seeds)]
    asked = msgspec.to_builtins(options)
    config = RunConfig(task=task, dataset=str(dataset.root.resolve()), options=asked, folds=0, seeds=numbers)
    place = dataset.name if name is None else name
    run = create_run(runs, task, place, config, run_split(dataset, {}))
    with removed_on_failure(run):
        for number in numbers:
            one = msgspec.structs.replace(options, seed=number)
            folder = f"seed-{number}"
            if folds:
                member = new_folds(task, dataset, one, run.root, folder, folds, val, images, member=True)
            else:
                member = new_run(task, dataset, one, run.root, folder, images, member=True)
        write_json(run.root / "split.json", read_split(member))
        decided = {**asked, "epochs": read_config(member.root).options["epochs"]}
        write_config(run, msgspec.structs.replace(config, options=decided))
    return run
