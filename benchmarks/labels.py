"""How many labelled defects are enough: accuracy after 5, 10, 20 and 40 of them, and which to label first.

    python -m benchmarks.labels --bottle mvtec/bottle --weights resnet18.pt --work FOLDER [--seeds 3]
    python -m benchmarks.labels --quick --work FOLDER      # whether it runs: synthetic bottles of 64 px, one epoch

A third of the defective images and of the good images next to them is tested; the labels come from the others. A
row is one training of the segmenter, all with the same options:

* plain: images in random order, encoder pretrained;
* queue: each further image is the one that `annotate queue` names first, by the model of the fewer labels;
* paste: as plain, with as many pasted images as 4 times the labelled ones;
* random-weights: as plain, but the encoder starts from random weights;
* good-map: as plain, with the map of `--good-map` as a further input channel; only with this option.

Rows are appended to rows.jsonl in `--work` when they are finished, and not trained again. The results are written
to benchmarks/results/labels.json, the chart to docs/images/labels.svg; with --quick both to `--work`.
"""

import argparse
import sys
from pathlib import Path

import msgspec
import numpy as np

from annotate.queueing import rank, uncertainty
from benchmarks.bottle import measured
from benchmarks.labels_chart import draw_chart
from benchmarks.labels_data import Pool, make_pool, write_labelled
from benchmarks.labels_options import options_parser, parse
from evaluate.metrics import read_metrics
from evaluate.new_predictions import predict_images
from evaluate.operating import operating_score
from evaluate.run_folder import load_run
from system.console import print_status, print_table
from system.json_file import write_json

BUDGETS = (5, 10, 20, 40)
VARIANTS = ("plain", "queue", "paste", "random-weights", "good-map")
PASTED_PER_LABEL = 4
RESULT = Path(__file__).with_name("results") / "labels.json"
CHART = Path(__file__).parents[1] / "docs" / "images" / "labels.svg"


class Row(msgspec.Struct, frozen=True):
    """A training: `labels` images with defects, and what its model reaches on the tested images."""

    variant: str
    labels: int
    seed: int
    ap_masks: float | None
    ap_boxes: float | None
    dice: float | None
    missed: int
    defective: int
    false_alarms: int
    good: int
    processor_seconds: float


def main() -> None:
    """Train what is missing, write the results and draw the chart."""
    parser = options_parser(__doc__ or "", imgsz=160, out=RESULT)
    parser.add_argument("--only", default=",".join(VARIANTS))
    parser.add_argument("--labels", default=",".join(map(str, BUDGETS)), help="Numbers of labelled images.")
    parser.add_argument("--good-map", type=Path, help="A run of train_anomaly on good images of this size.")
    parser.add_argument("--chart", type=Path, default=CHART)
    given = parse(parser)
    if given.quick:
        given.labels, given.only, given.chart = "2,3", "plain,queue,paste", given.work / "labels.svg"
    if unknown := set(given.only.split(",")) - set(VARIANTS):
        sys.exit(f"--only {', '.join(sorted(unknown))}: unknown, known are {', '.join(VARIANTS)}")
    given.work.mkdir(parents=True, exist_ok=True)
    for seed in range(given.seeds):
        pool = make_pool(given.bottle, given.work, given.size, seed)
        for variant in given.only.split(","):
            for labels in map(int, given.labels.split(",")):
                if labels <= len(pool.defective) and (variant != "good-map" or given.good_map):
                    train(given, pool, variant, labels, seed)
    rows = read_rows(given.work)
    settings = {"size": given.size, "imgsz": given.imgsz, "epochs": given.epochs}
    write_json(given.out, {"settings": settings, "rows": rows})
    draw_chart(rows, given.chart)
    print_table(str(given.out), Row.__struct_fields__, [msgspec.structs.astuple(row) for row in rows])


def read_rows(work: Path) -> list[Row]:
    """The finished rows."""
    path = work / "rows.jsonl"
    lines = path.read_bytes().splitlines() if path.is_file() else []
    return [msgspec.json.decode(line, type=Row) for line in lines]


def train(given: argparse.Namespace, pool: Pool, variant: str, labels: int, seed: int) -> None:
    """Train a row, unless it is finished."""
    if any((row.variant, row.labels, row.seed) == (variant, labels, seed) for row in read_rows(given.work)):
        return
    print_status(f"{variant}, {labels} labels, seed {seed}")
    name = f"{variant}-{labels}-{seed}"
    chosen = choose(given, pool, variant, labels, seed)
    data = write_labelled(pool, given.work / "data" / name, chosen)
    write_json(given.work / "data" / f"{name}.json", chosen)
    runs = given.work / "runs" / name
    number = 2
    while runs.exists():
        runs, number = given.work / "runs" / f"{name}-{number}", number + 1
    weights = "none" if variant == "random-weights" else given.weights
    paste = PASTED_PER_LABEL * labels if variant == "paste" else 0
    good_map = ["--good-map", given.good_map] if variant == "good-map" else []
    spent = measured(
        "train_seg", "fit", data, "--runs", runs, "--name", name, "--encoder-weights", weights,
        "--device", given.device, "--imgsz", given.imgsz, "--epochs", given.epochs,
        "--seed", seed, "--paste", paste, *good_map,
    )  # fmt: skip
    metrics = read_metrics(runs / "seg" / name / "metrics.json")
    write_json(given.work / "data" / f"{name}.run.json", str(runs / "seg" / name))
    images = metrics.images  # type: ignore[attr-defined]
    row = Row(
        variant, labels, seed,
        ap_masks=metrics.masks.AP, ap_boxes=metrics.boxes.AP,  # type: ignore[attr-defined]
        dice=metrics.pixels.defect.dice,  # type: ignore[attr-defined]
        missed=images.missed, defective=images.defective, false_alarms=images.false_alarms, good=images.good,
        processor_seconds=round(spent.cpu_s, 1),
    )  # fmt: skip
    with (given.work / "rows.jsonl").open("ab") as file:
        file.write(msgspec.json.encode(row) + b"\n")


def choose(given: argparse.Namespace, pool: Pool, variant: str, labels: int, seed: int) -> list[str]:
    """The defective images to label: in random order, or those of before and what the queue names first."""
    order = np.random.default_rng([seed, 1]).permutation(pool.defective).tolist()
    fewer = [n for n in map(int, given.labels.split(",")) if n < labels]
    if variant != "queue" or not fewer:
        return order[:labels]
    before = f"queue-{fewer[-1]}-{seed}"
    known = msgspec.json.decode((given.work / "data" / f"{before}.json").read_bytes(), type=list[str])
    root = Path(msgspec.json.decode((given.work / "data" / f"{before}.run.json").read_bytes(), type=str))
    waiting = [name for name in pool.defective if name not in known]
    predictions = predict_images(root, pool.images, waiting)
    limit = operating_score(load_run(root))
    values = {name: uncertainty(predictions.get(name, []), limit) for name in waiting}
    return [*known, *(queued.name for queued in rank(values, labels - len(known)))]


if __name__ == "__main__":
    main()
