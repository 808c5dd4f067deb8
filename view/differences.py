"""The differences of every pair of runs on a page, with the paired intervals of evaluate/compare.py."""

from collections.abc import Sequence
from itertools import combinations

import msgspec

from datasets.formats.dataset_folder import Dataset
from evaluate.compare import COMPARED_RESAMPLES, Difference, compare_runs, read_measured
from evaluate.run_folder import Run
from system.errors import InputError

FEWER_RESAMPLES = 200
MANY_IMAGES = 500
MANY_PAIRS = 3


class PairDifferences(msgspec.Struct, frozen=True):
    """Every measure of the runs numbered `a` and `b` on the page, each at its operating point on test."""

    a: int
    b: int
    images: int
    resamples: int
    measures: list[Difference]


def pair_differences(runs: Sequence[Run], dataset: Dataset) -> list[PairDifferences]:
    """The pairs in order; without those that cannot be compared (not measured, or other images or annotations)."""
    measured = {}
    for number, run in enumerate(runs):
        if run.metrics.is_file() and run.predictions("test").is_file():
            try:
                measured[number] = read_measured(run, dataset)
            except InputError:
                continue
    pairs = list(combinations(measured, 2))
    found = []
    for a, b in pairs:
        few = len(pairs) <= MANY_PAIRS and len(measured[a].truth.images) <= MANY_IMAGES
        try:
            compared = compare_runs(
                [measured[a]], [measured[b]], resamples=COMPARED_RESAMPLES if few else FEWER_RESAMPLES
            )
        except InputError:
            continue
        found.append(PairDifferences(a, b, compared.images, compared.resamples, compared.measures))
    return found
