"""The dataset folder that a run was made on."""

from pathlib import Path

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import Run, read_config
from system.errors import InputError


def open_run_dataset(run: Run, moved: Path | None = None, *, option: str = "--dataset DIR") -> Dataset:
    """Load the dataset of `run` from the folder `moved`, or from where its config.yaml locates it.

    Raises InputError if the run's dataset is no longer there or is a URL, which is not followed in a received run
    (the remedy names `option`), and where the folder is not a dataset.
    """
    if moved is not None:
        return load_dataset(moved)
    recorded = read_config(run.root).dataset
    if "://" in recorded:
        problem = f"its dataset is {recorded}, which a run does not open by itself"
        raise InputError(run.config, problem, f"give it with {option}")
    path = Path(recorded)
    if not path.is_dir():
        raise InputError(run.config, f"its dataset {path} does not exist", f"give its new location with {option}")
    return load_dataset(path)
