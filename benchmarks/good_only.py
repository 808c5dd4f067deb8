"""`train_anomaly` on an MVTec category by its own protocol: what each method finds, misses and costs.

    convert mvtec2coco data/bottle bottle-good --split original
    python -m benchmarks.good_only bottle-good --weights tf_efficientnet_lite0.safetensors --resnet resnet18.pt

Each method is a `train_anomaly fit` of its own process, so that its time and memory are those a user has. Then
every fourth test image is predicted again, one by one, to measure the time an image. Existing runs are kept.
"""

import argparse
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import torch

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import load_run
from system.console import print_table, progress
from system.json_file import write_json
from train_anomaly.learner import AnomalyLearner
from training.trainer import PredictOptions

RESULT = Path(__file__).with_name("results") / "good_only.json"
LITE, RESNET = "tf_efficientnet_lite0", "resnet18"
Flags = tuple[str, ...]
# Name -> method, encoder (None: without pretrained features) and further flags.
METHODS: dict[str, tuple[str, str | None, Flags]] = {
    "features": ("features", LITE, ()),
    "features, anywhere": ("features", LITE, ("--search", "anywhere", "--patches", "4000")),
    "features, ResNet-18": ("features", RESNET, ("--layers", "4,8,16")),
    "padim": ("padim", LITE, ()),
    "padim, ResNet-18": ("padim", RESNET, ("--layers", "4,8,16")),
    "ocsvm, patches": ("ocsvm", LITE, ()),
    "ocsvm, pooled": ("ocsvm", LITE, ("--pooled",)),
    "deepsvdd": ("deepsvdd", LITE, ()),
    "deepsvdd, autoencoder": ("deepsvdd", None, ("--begin", "autoencoder", "--imgsz", "128")),
    "autoencoder, SSIM": ("autoencoder", None, ("--imgsz", "128")),
    "autoencoder, L2": ("autoencoder", None, ("--imgsz", "128", "--compare", "l2")),
    "gan": ("gan", None, ("--imgsz", "128")),
}


def main() -> None:
    """Train what is missing, measure, print a table and write benchmarks/results/good_only.json."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("--weights", type=Path, required=True, help="EfficientNet-Lite0")
    arguments.add_argument("--resnet", type=Path, required=True, help="ResNet-18")
    arguments.add_argument("--runs", type=Path, default=Path("runs"))
    arguments.add_argument("--only", nargs="*", default=list(METHODS))
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=RESULT)
    options = arguments.parse_args()
    files = {LITE: options.weights, RESNET: options.resnet}
    results = msgspec.json.decode(options.out.read_bytes()) if options.out.is_file() else {}
    for name in options.only:
        root = options.runs / "anomaly" / f"{name.replace(', ', '-').replace(' ', '-')}-{options.seed}"
        if not (root / "metrics.json").is_file() or name not in results:
            results[name] = trained(name, options.dataset, files, root, options.seed)
            options.out.parent.mkdir(exist_ok=True)
            write_json(options.out, results)
    print_table(str(options.out), COLUMNS, [row(name, of) for name, of in results.items()])


def trained(name: str, dataset: Path, files: dict[str, Path], root: Path, seed: int) -> dict[str, object]:
    """Train one method and return its numbers and costs."""
    method, encoder, flags = METHODS[name]
    pretrained = ["--encoder", encoder, "--encoder-weights", str(files[encoder])] if encoder else []
    command = [
        sys.executable, "-m", "train_anomaly", "fit", str(dataset), "--method", method, *pretrained, *flags,
        "--seed", str(seed), "--name", root.name, "--runs", str(root.parent.parent),
    ]  # fmt: skip
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    metrics = msgspec.json.decode((root / "metrics.json").read_bytes())
    history = (root / "history.csv").read_text().splitlines()
    return {
        "method": method,
        "flags": list(flags),
        "seed": seed,
        "images": {k: metrics["images"][k] for k in KEPT},
        "per_type": metrics["images"]["per_type"],
        "score_maps": metrics["score_maps"],
        "operating_point": metrics["operating_point"],
        "learning_seconds": round(sum(float(line.split(",")[-1]) for line in history[1:]), 1),
        "command_seconds": round(wall, 1),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_memory_mb": round(after.ru_maxrss / 1024),
        "weights_mb": round((root / "weights/best.safetensors").stat().st_size / 1e6, 1),
        "seconds_per_image": seconds_per_image(root, load_dataset(dataset)),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
    }


def seconds_per_image(root: Path, dataset: Dataset) -> dict[str, float]:
    """Wall and processor seconds of the prediction of a decoded test image, medians."""
    detector = AnomalyLearner().load(load_run(root), torch.device("cpu"), PredictOptions())
    wall, processor = [], []
    for image in progress(dataset.images("test")[::4], "timing", len(dataset.images("test")[::4])):
        rgb = dataset.read_image(image)
        started = time.perf_counter(), time.process_time()
        list(detector.predict([(image.id, rgb)], 0.5))
        wall.append(time.perf_counter() - started[0])
        processor.append(time.process_time() - started[1])
    return {
        "wall": round(sorted(wall)[len(wall) // 2], 3),
        "processor": round(sorted(processor)[len(wall) // 2], 3),
    }


KEPT = ("auroc", "average_precision", "f1_max", "missed", "defective", "false_alarms", "good", "intervals")
COLUMNS = (
    "method", "image AUROC", "pixel AP", "pixel F1", "AUPRO 0.3", "AUPRO 0.05", "missed", "false alarms",
    "fit (processor s)", "s an image", "MB",
)  # fmt: skip


def row(name: str, of: dict[str, dict[str, float]]) -> tuple[object, ...]:
    """The line of a method in the table."""
    images, maps = of["images"], of["score_maps"]
    measured = [maps[key] for key in ("pixel_ap", "pixel_f1_max", "aupro_30", "aupro_05")]
    return (
        name,
        *(f"{value:.3f}" for value in (images["auroc"], *measured)),
        f"{images['missed']} of {images['defective']}",
        f"{images['false_alarms']} of {images['good']}",
        of["processor_seconds"],
        of["seconds_per_image"]["processor"],
        of["peak_memory_mb"],
    )


if __name__ == "__main__":
    main()
