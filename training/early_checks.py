"""Checks of options before PyTorch is imported, so that a mistake is reported at once."""

import re
from importlib.util import find_spec
from pathlib import Path

from datasets.formats.dataset_folder import Dataset
from datasets.images.image_file import is_image
from datasets.images.no_image import no_image
from evaluate.run_folder import Run, check_own_predictions, is_fused, load_run_of
from system.cuda import has_driver, is_cpu_build
from system.errors import InputError, OptionError
from training.negatives import ImageChoice, check_negatives
from training.options import SharedOptions

MAX_SEEDS = 1000
DEVICE_REMEDY = "give auto, cpu, cuda, mps or a number"


def check_shared_options(options: SharedOptions) -> None:
    """Raise OptionError for a device, a logger or a number of negatives that cannot be used."""
    check_device(options.device)
    check_logger_installed(options.logger)
    check_negatives(options.negatives)


def check_device(name: str) -> None:
    """Raise OptionError if `name` is not a device, or one of CUDA and PyTorch is installed without CUDA."""
    if name in {"auto", "cpu", "mps"}:
        return
    if not re.fullmatch(r"cuda(:\d+)?|\d+|cpu:\d+|mps:\d+", name):
        raise OptionError(f"--device {name}", "not a device", DEVICE_REMEDY)
    if not name.startswith(("cpu", "mps")) and (is_cpu_build() or not has_driver()):
        raise OptionError(f"--device {name}", "this machine has 0 CUDA devices", "give cpu or auto")


def check_logger_installed(name: str) -> None:
    """Raise OptionError if the package of `--logger name` is not installed."""
    if name != "none" and find_spec(name) is None:
        remedy = f'install it: pip install "defectline[{name}]"'
        raise OptionError(f"--logger {name}", f"needs the package {name}", remedy)


def check_new_run(name: str | None, runs: Path, folds: int, val: float, seeds: int = 1) -> None:
    """Raise OptionError for a name or folder of runs that cannot be made, and for wrong folds or seeds."""
    if name is not None and (not name or Path(name).name != name or name.startswith(".")):
        raise OptionError(f"--name {name}", "not a plain folder name", "use letters, digits, - and _")
    if runs.exists() and not runs.is_dir():
        raise OptionError(f"--runs {runs}", "is a file", "name a folder")
    if folds < 0 or folds == 1:
        raise OptionError(f"--folds {folds}", "not a number of folds", "give 2 or more, or 0 for none")
    if not 1 <= seeds <= MAX_SEEDS:
        raise OptionError(f"--seeds {seeds}", "not a number of seeds", f"give 1 to {MAX_SEEDS}")
    if not 0 <= val < 1:
        raise OptionError(f"--val {val}", "not a share", "give 0 or more and less than 1")


def check_dataset(
    dataset: Dataset, options: SharedOptions, images: ImageChoice, *, several: bool, folds: int = 0
) -> None:
    """Raise InputError if a run, or a run of `several` trainings, cannot learn from any image, or seeds test none.

    Raises OptionError if the dataset cannot be split into so many `folds`.
    """
    from datasets.splits import strata_by_type, stratified_folds
    from training.new_run import check_learnable, training_images

    if folds:
        stratified_folds(strata_by_type(dataset.splits.values()), folds, options.seed)
    if several:
        check_learnable(dataset, options, images)
        if not folds and not dataset.images("test"):
            problem = "the split test has no image, so seeds cannot be measured"
            raise InputError(dataset.root, problem, "add --folds, or convert with another split")
    else:
        training_images(dataset, options, images)


def check_named_runs(task: str, good_map: str, teacher: str, unlabelled: str = "") -> None:
    """Raise InputError for a good map that is not a run of train_anomaly, and a teacher that is not one of `task`.

    Also for a run of several seeds or of other runs, and for `unlabelled` without an image. Each may be empty.
    """
    for named, of_task in ((good_map, "anomaly"), (teacher, task)):
        if named:
            run = load_run_of(Path(named), of_task)
            check_own_predictions(run)
            if is_fused(run):
                raise InputError(run.root, "made of other runs, without weights of its own", "name one of these")
    if unlabelled:
        check_has_image(Path(unlabelled))


def check_has_image(path: Path) -> None:
    """Raise InputError unless `path` is an image file or a folder with one."""
    if not path.exists():
        raise InputError(path, "no such folder", "name a folder of images")
    if path.is_dir() and not any(is_image(one) and not one.is_dir() for one in path.rglob("*")):
        raise no_image(path)


def check_rule(rule: str | None) -> None:
    """Raise OptionError if `rule` is not a rule for the operating point."""
    from evaluate.operating import parse_rule

    if rule is not None:
        parse_rule(rule)


def check_split(run: Run, dataset: Dataset, split: str) -> None:
    """Raise InputError if the run, or a training of it, has no images in `split`, or another dataset."""
    from training.run_dataset import run_dataset
    from training.several_trainings import trainings_of

    for one in trainings_of(run):
        run_dataset(one, dataset).split(split)
