"""How many known label errors the list of `evaluate` finds: plant them into a dataset, train folds, compare.

    python -m benchmarks.label_errors --work FOLDER --encoder-weights resnet18.pt [--images 200] [--device cuda]
    python -m benchmarks.label_errors --work FOLDER --quick      # whether it runs: 24 images of 64 px, one epoch

Draws synthetic bottles, plants errors into a tenth of the annotations, and trains the segmenter in folds on the
wrong labels. What is finished in `--work` is not repeated. Prints recall and precision of the list, and each
planted error.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from benchmarks.bottle import measured
from benchmarks.plant_label_errors import Planted, found, is_planted, write_planted
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.dataset_folder import load_dataset
from datasets.synth.synth import synth
from evaluate.label_errors import LABEL_ERRORS
from evaluate.measure import measure
from evaluate.protocol import protocol_of
from evaluate.run_folder import load_run
from evaluate.truth import checked_predictions, run_truth
from evaluate.values import OperatingPoint
from system.console import print_table
from system.json_file import write_json

SHARE = 0.1


def main() -> None:
    """Make what is missing, and print the list against what was planted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--encoder-weights", help="State dict of the encoder; required without --quick.")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--imgsz", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        given.encoder_weights, given.images, given.imgsz, given.epochs, given.folds = "none", 24, 64, 1, 2
    if not given.encoder_weights:
        sys.exit("give --encoder-weights, or --quick")
    given.work.mkdir(parents=True, exist_ok=True)
    data, errors = given.work / "d", given.work / "planted.json"
    if not errors.is_file():
        synth(given.work / "tree", count=given.images, size=given.imgsz, seed=5)
        mvtec2coco([given.work / "tree"], given.work / "clean", MvtecOptions())
        write_json(errors, write_planted(load_dataset(given.work / "clean"), data, SHARE, 1))
    runs = given.work / "runs"
    root = runs / "seg" / "s0"
    resume = ["--resume", root] if root.is_dir() else ["--runs", runs, "--name", "s0", "--folds", given.folds]
    options = [
        "--imgsz", given.imgsz, "--epochs", given.epochs, "--encoder-weights", given.encoder_weights,
        "--encoder-depth", 4, "--device", given.device,
    ]  # fmt: skip
    if not (root / "metrics.json").is_file():
        measured("train_seg", "fit", data, *resume, *([] if root.is_dir() else options))
    report(root, msgspec.json.decode(errors.read_bytes(), type=list[Planted]))


def report(root: Path, planted: list[Planted]) -> None:
    """Print the list of the run in `root` against what was planted."""
    run = load_run(root)
    dataset = load_dataset(root.parents[2] / "d")
    truth = run_truth(run, dataset)["test"]
    predictions = checked_predictions(run.predictions("test"), truth, run.provides)
    protocol = protocol_of(run, dataset, {"test": truth}, operating_point="none", seed=0)
    point = OperatingPoint("none", 0.5, "default")
    suspects = measure(protocol, point, truth, predictions, provides=run.provides)[LABEL_ERRORS].suspects
    rows = [
        [s.image, s.kind.value, f"{s.suspicion:.2f}", "planted" if is_planted(s, planted) else "", s.reason]
        for s in suspects
    ]
    print_table("Suspected label errors", ("image", "kind", "suspicion", "", "reason"), rows)
    print_table("Planted", ("image", "kind", ""), [
        [p.image, p.kind, "found" if found(p, suspects) else "not found"] for p in planted
    ])  # fmt: skip
    right = sum(is_planted(s, planted) for s in suspects)
    recalled = sum(found(p, suspects) for p in planted)
    print(f"recall {recalled} of {len(planted)}, precision {right} of {len(suspects)}")


if __name__ == "__main__":
    main()
