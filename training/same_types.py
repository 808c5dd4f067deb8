"""Whether a model finds the types of a dataset, by the same ids."""

from datasets.formats.dataset_folder import Dataset
from evaluate.run_folder import Run
from system.errors import InputError
from training.trainer import Predictor


def check_same_types(run: Run, dataset: Dataset, predictor: Predictor) -> None:
    """Raise InputError if the types of the weights of `run` have other names or ids than those of `dataset`.

    As after an edit of the dataset or the weights. A run that does not distinguish types is not checked.
    """
    if not run.provides.types:
        return
    theirs = sorted((category.id, category.name) for category in predictor.categories)
    own = sorted((category.id, category.name) for category in dataset.categories)
    if theirs != own:
        stated = ", ".join(f"{number} {name}" for number, name in theirs)
        real = ", ".join(f"{number} {name}" for number, name in own)
        problem = f"the weights find {stated}, and the types of {dataset.root} are {real}"
        raise InputError(run.root, problem, "name the dataset on which the run was made, or fit again")
