"""Latency of one image, from file to instances: the original model in eager PyTorch and its exports.

    OMP_NUM_THREADS=2 python -m benchmarks.latency DETECTOR_RUN SEGMENTER_RUN IMAGE.png [--rounds 30] [--processor]
    python -m benchmarks.latency DETECTOR_RUN SEGMENTER_RUN IMAGE.png --device cuda --out FILE

Every round runs each variant once, so other load on the machine affects all variants alike. The first rounds are
warm-up and not counted. All variants use the decoding, resizing and postprocessing of `predict`; the times of
these steps and of the networks alone are measured separately. PyTorch computes with OMP_NUM_THREADS threads, ONNX
Runtime and OpenVINO with one for each core that the process may use. Exports, with their parity checks, are made
in copies of the runs; `--copies FOLDER` keeps these for a later call. The results are written to
benchmarks/results/latency.json. With `--device` the original model on that device is compared with the processor,
without exports; images and instances are in the processor's memory for both.
"""

import argparse
import os
import platform
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch

from datasets.formats.dataset_folder import load_dataset
from datasets.images.image_file import read_info
from datasets.images.pixels import read_rgb
from evaluate.operating import operating_score
from evaluate.run_folder import Run, load_run, read_config
from features.library import IMAGENET_MEAN, padding_colour
from system.console import print_table
from system.json_file import write_json
from train_det.cli import TRAINER as DETECTOR
from train_det.data import draw_square
from train_det.infer import boxes_in_squares, detect, to_pixels
from train_det.predict import load_run_detector
from train_seg.cli import TRAINER as SEGMENTER
from train_seg.segmenter import load_segmenter
from training.device import choose_device
from training.export import export_run
from training.exported_model import ExportFormat, exported_path
from training.letterbox import Letterbox

RESULTS = Path(__file__).parent / "results" / "latency.json"


class Variant(NamedTuple):
    """What is run, and where."""

    form: ExportFormat | None
    precision: str
    device: torch.device = torch.device("cpu")


VARIANTS = {
    "eager": Variant(None, "32"),
    "onnx": Variant("onnx", "32"),
    "openvino": Variant("openvino", "32"),
    "openvino bf16": Variant("openvino", "bf16"),
    "openvino int8": Variant("openvino", "int8"),
}
WARM_UP = 5
TARGET = 0.25
PACKAGES = ("torch", "onnxruntime", "openvino", "opencv-python-headless", "ultralytics")
Way = Callable[[], object]
Variants = Mapping[str, Variant]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("detector", type=Path)
    parser.add_argument("segmenter", type=Path)
    parser.add_argument("image", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--processor", action="store_true", help="measure processor time, on a busy machine")
    parser.add_argument("--copies", type=Path, help="folder of the copies with their exports")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    clock = time.process_time if given.processor else time.perf_counter
    device = choose_device(given.device)
    variants = VARIANTS
    if device.type != "cpu":
        variants = {"eager": VARIANTS["eager"], f"eager {device.type}": Variant(None, "32", device)}
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.copies or Path(scratch)
        models = {
            "detector": detector_ways(copies(given.detector, folder / "det", variants), given.image, variants),
            "segmenter": segmenter_ways(copies(given.segmenter, folder / "seg", variants), given.image, variants),
        }
        measured = {name: compare(ways, given.rounds, clock) for name, ways in models.items()}
    result = {
        "image": describe(given.image),
        "torch_threads": torch.get_num_threads(),
        "rounds": given.rounds,
        "clock": clock.__name__,
        "cpu": cpu_name(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in (PACKAGES if variants is VARIANTS else PACKAGES[:1])},
        "load_average": os.getloadavg()[0],
        "milliseconds": measured,
        "target": TARGET,
    }
    write_json(given.out, result)
    show(measured)


def copies(run: Path, dest: Path, variants: Variants) -> dict[str, Run]:
    """Precision -> a copy of a run with its exports; the run itself stays unchanged."""
    made = {}
    for form, precision, _ in variants.values():
        if precision not in made:
            folder = dest / precision
            made[precision] = load_run(folder if folder.is_dir() else Path(shutil.copytree(run, folder)))
        if form and not exported_path(made[precision].weights / "best", form).is_file():
            trainer = next(t for t in (DETECTOR, SEGMENTER) if t.task == made[precision].task)
            data = load_dataset(Path(read_config(made[precision].root).dataset))
            # Whatever 8-bit integers lose: this measures time, `export` measures the loss.
            export_run(trainer, made[precision], data, form, precision, max_loss=1.0)
    return made


def detector_ways(runs: dict[str, Run], image: Path, variants: Variants) -> dict[str, Way]:
    """Name -> a function that reads `image` from its file, finds boxes and counts them."""
    cpu = torch.device("cpu")
    detectors = {
        name: load_run_detector(runs[v.precision], v.device, exported=v.form) for name, v in variants.items()
    }
    rgb = read_rgb(image)
    eager = detectors["eager"]
    options = msgspec.structs.replace(eager.detection, min_score=operating_score(runs["32"]))
    square = draw_square(rgb, options.side)[0]
    with torch.inference_mode():
        raw = eager.network.raw(to_pixels(square[None], cpu))

    def network(name: str) -> Way:
        def run_it() -> object:
            with torch.inference_mode():
                return waited(detectors[name].network.raw(to_pixels(square[None], variants[name].device)))

        return run_it

    return {
        **{
            name: lambda d=d: len(next(detect(d.network, [read_rgb(image)], options)))
            for name, d in detectors.items()
        },
        **{
            f"from memory {name}": lambda d=d: len(next(detect(d.network, [rgb], options)))
            for name, d in detectors.items()
        },
        "decode": lambda: len(read_rgb(image)),
        "resize": lambda: len(draw_square(rgb, options.side)[0]),
        **{f"network {name}": network(name) for name in detectors},
        "postprocess": lambda: len(boxes_in_squares(raw, options)),
    }


def segmenter_ways(runs: dict[str, Run], image: Path, variants: Variants) -> dict[str, Way]:
    """Name -> a function that reads `image` from its file, finds instance masks and counts them."""
    segmenters = {
        name: load_segmenter(runs[v.precision].weights / "best.safetensors", v.device, exported=v.form)
        for name, v in variants.items()
    }
    rgb, spec = read_rgb(image), segmenters["eager"].spec
    box = Letterbox(rgb.shape[0], rgb.shape[1], spec.imgsz)
    square = torch.from_numpy(box.image(rgb, padding_colour(IMAGENET_MEAN)).transpose(2, 0, 1).copy())[None]

    def network(name: str) -> Way:
        def run_it() -> object:
            with torch.inference_mode():
                return waited(segmenters[name].network(square.to(variants[name].device)))

        return run_it

    def whole(name: str) -> Way:
        return lambda: len(segmenters[name].predict_image(read_rgb(image), 1, spec.pixel_threshold))

    def from_memory(name: str) -> Way:
        return lambda: len(segmenters[name].predict_image(rgb, 1, spec.pixel_threshold))

    return {
        **{name: whole(name) for name in segmenters},
        **{f"from memory {name}": from_memory(name) for name in segmenters},
        "decode": lambda: len(read_rgb(image)),
        "resize": lambda: len(box.image(rgb, padding_colour(IMAGENET_MEAN))),
        **{f"network {name}": network(name) for name in segmenters},
    }


def waited(output: torch.Tensor) -> object:
    """One value of `output`: another device computes in the background until a value is asked for."""
    return output.flatten()[0].item()


def compare(ways: dict[str, Way], rounds: int, clock: Callable[[], float]) -> dict[str, dict[str, float]]:
    """Median and quartiles in milliseconds of each variant, and its share of the eager time; run alternately.

    The share is that of the eager network, of the eager way from memory, or of the eager way from the file.
    """
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(WARM_UP + rounds):
        for name, way in ways.items():
            started = clock()
            way()
            if number >= WARM_UP:
                times[name].append(1000 * (clock() - started))
    rows = {}
    for name, taken in times.items():
        low, middle, high = statistics.quantiles(taken, n=4, method="inclusive")
        rows[name] = {"median": round(middle, 2), "q1": round(low, 2), "q3": round(high, 2)}
        kind = next((kind for kind in ("network ", "from memory ") if name.startswith(kind)), "")
        rows[name]["share_of_eager"] = round(middle / statistics.median(times[f"{kind}eager"]), 3)
    return rows


def describe(image: Path) -> dict[str, object]:
    """Size and format of the image, not its path."""

    info = read_info(image)
    return {"width": info.width, "height": info.height, "mode": info.mode, "bytes": image.stat().st_size}


def cpu_name() -> str:
    """Model of the processor, reported by Linux."""
    found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return f"{found[0].partition(':')[2].strip()}, {os.cpu_count()} logical cores" if found else platform.machine()


def show(measured: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print the table."""

    for model, rows in measured.items():
        table = [
            (n, f"{r['median']:.1f}", f"{r['q1']:.1f} to {r['q3']:.1f}", f"{r['share_of_eager']:.2f}")
            for n, r in rows.items()
        ]
        print_table(f"{model}, milliseconds", ("way or part", "median", "quartiles", "of eager"), table)


if __name__ == "__main__":
    main()
