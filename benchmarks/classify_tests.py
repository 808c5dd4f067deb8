"""Which differences between settings are real: paired tests over images."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import load_run
from evaluate.truth import checked_predictions, run_truth
from evaluate.type_of_image import type_probabilities, types_of_images

DRAWS = 100_000
LEVEL = 0.05


class PairedTest(msgspec.Struct, frozen=True):
    """The mean difference of two accuracies, its p value, and whether it is real after Holm's correction."""

    first: str
    second: str
    seeds: int
    difference: float
    p: float
    real: bool


def image_outcomes(run: Path, dataset: Path) -> dict[str, bool]:
    """Whether the most probable type of each tested image of a cross-validation is right, by file name."""
    outcomes = {}
    data = load_dataset(dataset)
    for root in sorted(run.glob("fold-*")):
        fold = load_run(root)
        truth = run_truth(fold, data)["test"]
        images, types = types_of_images(truth)
        predictions = checked_predictions(fold.predictions("test"), truth, fold.provides)
        predicted = type_probabilities(images, list(truth.names()), predictions).argmax(axis=1)
        outcomes |= {i.file_name: bool(r) for i, r in zip(images, predicted == types, strict=True)}
    return outcomes


def paired_tests(outcomes: Mapping[str, Sequence[Mapping[str, bool]]]) -> list[PairedTest]:
    """Each pair of settings, by the seeds that both have; Holm's correction over all pairs.

    The outcomes of an image are averaged over the seeds, because they are not independent, and the signs of the
    differences of the images are drawn at random: with equal settings each sign is as probable as the other.
    """
    found = []
    for first, second in combinations(outcomes, 2):
        seeds = min(len(outcomes[first]), len(outcomes[second]))
        names = sorted(outcomes[first][0])
        mean = [
            np.mean([[one[name] for name in names] for one in outcomes[key][:seeds]], axis=0)
            for key in (first, second)
        ]
        found.append((first, second, seeds, float((mean[0] - mean[1]).mean()), sign_test(mean[0] - mean[1])))
    order = sorted(range(len(found)), key=lambda k: found[k][4])
    real: set[int] = set()
    for rank, k in enumerate(order):
        if found[k][4] > LEVEL / (len(found) - rank):
            break
        real.add(k)
    return [PairedTest(*one, real=k in real) for k, one in enumerate(found)]


def sign_test(differences: "np.ndarray[tuple[int], np.dtype[np.float64]]", seed: int = 0) -> float:
    """Two-sided p value of a mean difference by random signs of the images' differences."""
    signs = np.random.default_rng(seed).integers(0, 2, (DRAWS, len(differences)), dtype=np.int8) * 2 - 1
    drawn = np.abs(signs @ differences)
    return float((1 + np.count_nonzero(drawn >= abs(differences.sum()) - 1e-9)) / (1 + DRAWS))
