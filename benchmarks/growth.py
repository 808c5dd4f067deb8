"""Processor time and memory of convert, check, predict and view for 1,000 to 100,000 images.

    OMP_NUM_THREADS=1 python -m benchmarks.growth FOLDER [--sizes 1000,5000] [--commands check,view] [--chart]

Each command runs once per size, as a process of its own, on images of 48 x 48 pixels, so that the work for each
image is what counts and not its pixels. `predict` uses a segmenter of one epoch with random weights, exported to
OpenVINO. Seconds are
processor time of the process and its children, because other load on the machine changes the wall time; memory is
the peak of the largest process. The time of the smallest size, START images, is subtracted as the start of the
command. Each result is added to benchmarks/results/growth.json, and a size that is already there is not measured
again. `--chart` only draws the chart.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.growth_chart import draw_growth
from benchmarks.growth_table import Measured, print_growth
from benchmarks.small_images import write_small_images
from system.files import write_atomic
from tests.tiny_runs import TINY

RESULTS = Path(__file__).parent / "results" / "growth.json"
CHART = Path(__file__).parents[1] / "docs" / "images" / "growth.svg"
START = 50
# A process counts the memory of the one that starts it, so a small one does.
STARTER = """
import os, sys
null = os.open(os.devnull, os.O_WRONLY)
actions = [(os.POSIX_SPAWN_DUP2, null, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
print([status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss])
"""


def main() -> None:
    """Measure what is missing, print the table, draw the chart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", default="1000,5000,20000")
    parser.add_argument("--commands", default="convert,check,predict,view")
    parser.add_argument("--chart", action="store_true")
    given = parser.parse_args()
    measured = msgspec.json.decode(RESULTS.read_bytes(), type=list[Measured]) if RESULTS.is_file() else []
    if not given.chart:
        given.folder.mkdir(parents=True, exist_ok=True)
        run = trained(given.folder)
        for size in (START, *map(int, given.sizes.split(","))):
            there = {one.command for one in measured if one.images == size}
            missing = [name for name in given.commands.split(",") if name not in there]
            measured += measure(given.folder, size, run, missing) if missing else []
            write_atomic(RESULTS, msgspec.json.format(msgspec.json.encode(measured), indent=1) + b"\n")
    print_growth(measured)
    draw_growth(measured, CHART)


def measure(folder: Path, size: int, run: Path, chosen: Sequence[str]) -> list[Measured]:
    """The `chosen` commands on `size` new images, which are removed afterwards; the first converts them."""
    source, dataset, page = folder / "images", folder / "dataset", folder / "page"
    write_small_images(source, size)
    page.mkdir()
    commands: Mapping[str, Sequence[object]] = {
        "convert": ("convert", "mvtec2coco", source, dataset, "--jobs", 1),
        "check": ("datasets", "check", dataset),
        "predict": (
            "train_seg",
            "predict",
            run,
            dataset / "images",
            "--exported",
            "openvino",
            "--out",
            page / "found.json",
        ),
        "view": ("view", dataset, "--split", "all", "--out", page / "page.html"),
    }
    try:
        done = [
            run_measured(name, size, words) for name, words in commands.items() if name in {"convert", *chosen}
        ]
        return [one for one in done if one.command in chosen]
    finally:
        for made in (source, dataset, page):
            shutil.rmtree(made, ignore_errors=True)


def run_measured(name: str, size: int, words: Sequence[object]) -> Measured:
    """Run `python -m WORDS` to its end."""
    command = [sys.executable, "-m", *map(str, words)]
    starter = [sys.executable, "-I", "-S", "-c", STARTER, *command]
    done = subprocess.run(starter, stdout=subprocess.PIPE, text=True, check=True)
    status, seconds, kilobytes = msgspec.json.decode(done.stdout.splitlines()[-1])
    allowed = {0, 1} if name == "check" else {0}  # 1: it found something
    if os.waitstatus_to_exitcode(status) not in allowed:
        sys.exit(f"{' '.join(command)}: status {status}")
    one = Measured(name, size, seconds, kilobytes / 1024)
    print(f"{name} {size}: {one.seconds:.1f} s, {one.megabytes:.0f} MB", flush=True)
    return one


def trained(folder: Path) -> Path:
    """A segmenter of one epoch."""
    run = folder / "runs/seg/dataset"
    if not run.is_dir():
        source, dataset = folder / "images", folder / "dataset"
        write_small_images(source, 60)
        fit = ("train_seg", "fit", dataset, "--runs", folder / "runs", *TINY["seg"])
        export = ("train_seg", "export", run, "--format", "openvino")
        for words in (("convert", "mvtec2coco", source, dataset), fit, export):
            subprocess.run([sys.executable, "-m", *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        for made in (source, dataset):
            shutil.rmtree(made)
    return run


if __name__ == "__main__":
    main()
