"""`train_anomaly` on a dataset with good images in train: what each method finds, misses and costs.

    convert mvtec2coco data/bottle bottle-good --split original
    OMP_NUM_THREADS=1 python -m benchmarks.good_only bottle-good --weights weights/ --work runs-good --seeds 3

Each method and seed is a `train_anomaly fit` of its own process, so that its time and memory are those a user
has. Then every fourth test image is predicted again, one by one, to measure the time an image. Each row is stored
when it is measured and existing rows are kept, so the command continues where it was stopped. The results of other
datasets in the file do not change.
"""

import argparse
import platform
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import torch

from benchmarks.bottle import measured
from benchmarks.good_only_table import print_methods
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.history_file import read_history
from evaluate.run_folder import load_run
from system.console import print_status, progress
from system.json_file import write_json
from train_anomaly.learner import AnomalyLearner
from training.trainer import PredictOptions

RESULT = Path(__file__).with_name("results") / "good_only.json"
LITE = ("--encoder", "tf_efficientnet_lite0", "--encoder-weights", "tf_efficientnet_lite0.safetensors")
RESNET = ("--encoder", "resnet18", "--layers", "4,8,16", "--encoder-weights", "resnet18.pt")
WEIGHT_FILES = {LITE[-1], RESNET[-1]}
# Name -> flags of train_anomaly fit; a file name of weights means a file in the folder --weights, DEFECTS the
# dataset --defects.
METHODS: dict[str, tuple[str, ...]] = {
    "features": LITE,
    "padim": ("--method", "padim", *LITE),
    "ocsvm patches": ("--method", "ocsvm", *LITE),
    "ocsvm pooled": ("--method", "ocsvm", "--pooled", *LITE),
    "autoencoder ssim": ("--method", "autoencoder", "--imgsz", "128"),
    "autoencoder l2": ("--method", "autoencoder", "--imgsz", "128", "--compare", "l2"),
    "gan": ("--method", "gan", "--imgsz", "128"),
    "deepsvdd": ("--method", "deepsvdd", *LITE),
    "deepsvdd autoencoder": ("--method", "deepsvdd", "--begin", "autoencoder", "--imgsz", "128"),
    "features ResNet-18": RESNET,
    "padim ResNet-18": ("--method", "padim", *RESNET),
    "features, a fifth held out": ("--val", "0.2", *LITE),
    "features synthetic": ("--synthetic", "400", *LITE),
    "features synthetic pasted": ("--synthetic", "400", "--synthetic-from", "DEFECTS", *LITE),
    "features 2,1,1,1": ("--layer-weights", "2,1,1,1", *LITE),
    "features 768 px": ("--imgsz", "768", *LITE),
    "features anywhere": ("--search", "anywhere", "--patches", "4000", *LITE),
}
IMAGE_KEYS = ("auroc", "average_precision", "f1_max", "missed", "defective", "false_alarms", "good", "intervals")


def main() -> None:
    """Train what is missing, measure, print a table and write benchmarks/results/good_only.json."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--weights", type=Path, required=True, help="folder of weights")
    parser.add_argument("--work", type=Path, required=True, help="folder that keeps runs and rows")
    parser.add_argument("--defects", type=Path, help="dataset whose defects --synthetic-from pastes")
    parser.add_argument("--only", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--finished", action="store_true", help="train nothing, only collect what is finished")
    parser.add_argument("--out", type=Path, default=RESULT)
    given = parser.parse_args()
    for seed in range(given.seeds):
        for name in given.only:
            stored = row_path(given.work, given.dataset, name, seed)
            if stored.is_file() or given.finished:
                continue
            print_status(f"{name}, seed {seed}")
            row = row_of(name, flags_of(name, given.weights, given.defects), given.dataset, given.work, seed)
            stored.parent.mkdir(parents=True, exist_ok=True)
            write_json(stored, row)
            collect(given.out, given.work, given.dataset)
    print_methods(given.dataset.name, collect(given.out, given.work, given.dataset))


def run_name(name: str, seed: int) -> str:
    """Name of the run folder."""
    return f"{name.replace(',', '').replace(' ', '-')}-{seed}"


def row_path(work: Path, dataset: Path, name: str, seed: int) -> Path:
    """The file of a finished row."""
    return work / dataset.name / "rows" / f"{run_name(name, seed)}.json"


def collect(out: Path, work: Path, dataset: Path) -> list[dict[str, object]]:
    """The finished rows of a dataset, which replace those in the file `out`."""
    results = msgspec.json.decode(out.read_bytes()) if out.is_file() else {}
    paths = [row_path(work, dataset, name, seed) for name in METHODS for seed in range(10)]
    paths += sorted(set((work / dataset.name / "rows").glob("*.json")) - set(paths))  # of good_only_peer
    rows = [msgspec.json.decode(path.read_bytes()) for path in paths if path.is_file()]
    if rows:
        out.parent.mkdir(exist_ok=True)
        write_json(out, {**results, dataset.name: rows})
    return rows


def flags_of(name: str, weights: Path, defects: Path | None) -> list[str]:
    """The flags of a method with its paths."""
    if "DEFECTS" in METHODS[name] and not defects:
        raise SystemExit(f"{name} needs --defects")
    paths = {"DEFECTS": str(defects), **{file: str(weights / file) for file in WEIGHT_FILES}}
    return [paths.get(word, word) for word in METHODS[name]]


def row_of(name: str, flags: list[str], dataset: Path, work: Path, seed: int) -> dict[str, object]:
    """Train one method and return its numbers and costs."""
    runs = work / dataset.name
    root = runs / "anomaly" / run_name(name, seed)
    resumed = (root / "weights/last.ckpt").is_file()
    words = [*flags, "--seed", str(seed), "--name", root.name, "--runs", str(runs)]
    if resumed:
        words = ["--resume", str(root)]
    else:
        shutil.rmtree(root, ignore_errors=True)
    spent = measured("train_anomaly", "fit", dataset, *words, stdout=subprocess.DEVNULL)
    metrics = msgspec.json.decode((root / "metrics.json").read_bytes())
    return {
        "name": name,
        "flags": " ".join(METHODS[name]),
        "seed": seed,
        "images": {key: metrics["images"][key] for key in IMAGE_KEYS},
        "per_type": metrics["images"]["per_type"],
        "score_maps": metrics["score_maps"],
        "operating_point": metrics["operating_point"],
        "learning_seconds": round(sum(row["seconds"] for row in read_history(root / "history.csv")), 1),
        "resumed": resumed,  # then the two values below are those since the last stop
        "command_seconds": round(spent.wall_s, 1),
        "processor_seconds": round(spent.cpu_s, 1),
        "peak_memory_mb": round(spent.peak_mb),
        "weights_mb": round((root / "weights/best.safetensors").stat().st_size / 1e6, 1),
        "seconds_per_image": seconds_per_image(root, load_dataset(dataset)),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }


def seconds_per_image(root: Path, dataset: Dataset) -> dict[str, float]:
    """Wall and processor seconds of the prediction of a decoded test image, medians."""
    detector = AnomalyLearner().load(load_run(root), torch.device("cpu"), PredictOptions())
    images = dataset.images("test")[::4]
    wall, processor = [], []
    for image in progress(images, "timing", len(images)):
        rgb = dataset.read_image(image)
        started = time.perf_counter(), time.process_time()
        list(detector.predict([(image.id, rgb)], 0.5))
        wall.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    middle = len(wall) // 2
    return {"wall": round(sorted(wall)[middle], 3), "processor": round(sorted(processor)[middle], 3)}


if __name__ == "__main__":
    main()
