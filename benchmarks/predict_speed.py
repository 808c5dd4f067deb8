"""Throughput of `predict --exported openvino` on image files against the exported network alone in a loop.

    OMP_NUM_THREADS=2 python -m benchmarks.predict_speed RUN IMAGES [--blocks 9] [--per-block 40] [--memory 2000]

Blocks of both alternate in one process, so that other load on the machine affects both alike. The network gets the
same images, already decoded and resized. Wall and processor seconds are medians over the blocks. The ratio of
processor times is the share of the network's throughput that is reached if all cores are always busy. Then one
`predict` of as many images as `--memory` states; resident memory is printed after a quarter, half and all of them.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.images.image_file import find_images
from datasets.images.pixels import read_rgb
from evaluate.operating import operating_score
from evaluate.run_folder import load_run
from system.console import print_table
from training.exported_model import existing_export, open_runner
from training.measure import predict_files
from training.quantisable import Quantisable
from training.read_ahead import read_ahead
from training.trainer import Trainer

if TYPE_CHECKING:
    from training.exported_model import Runner


class Block(NamedTuple):
    """Seconds of one block."""

    wall: float
    processor: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--per-block", type=int, default=40)
    parser.add_argument("--memory", type=int, default=2000)
    given = parser.parse_args()
    found = find_images(given.images)
    files = [found[k % len(found)] for k in range(given.per_block)]
    many = [found[k % len(found)] for k in range(given.memory)]
    run = load_run(given.run)
    trainer: Trainer[Any] = import_module(f"train_{run.task}.cli").TRAINER
    exporter = trainer.learner().exporter(run)
    assert isinstance(exporter, Quantisable)
    network = open_runner(existing_export(exporter.weights, "openvino", trainer.command), "openvino")
    inputs: list[NDArray[np.generic]] = []

    def recorded(pixels: "NDArray[np.generic]") -> "NDArray[np.float32]":
        inputs.append(pixels.copy())
        return network(pixels)

    limit = operating_score(run)
    predict_files(exporter.exported(recorded), files, None, limit)
    predictor = exporter.exported(network)

    def alone() -> None:
        for pixels in inputs:
            network(pixels)

    def read() -> None:
        for _ in read_ahead(files, read_rgb):
            pass

    blocks: dict[str, Callable[[], object]] = {
        "network alone": alone,
        "predict": lambda: predict_files(predictor, files, None, limit),
        "decoding alone": read,
    }
    taken: dict[str, list[Block]] = {name: [] for name in blocks}
    for _ in range(given.blocks):
        for name, work in blocks.items():
            taken[name].append(timed(work))
    peer = middle(taken["network alone"])
    rows = []
    for name, of_name in taken.items():
        one = middle(of_name)
        each = [1000 * seconds / len(files) for seconds in one]
        ratios = (peer.wall / one.wall, peer.processor / one.processor)
        rows.append((name, *(f"{value:.1f}" for value in each), *(f"{value:.2f}" for value in ratios)))
    columns = ("block", "wall ms", "processor ms", "throughput by wall", "by processor")
    print_table(f"{len(files)} images a block, {given.blocks} blocks", columns, rows)
    inputs.clear()
    print_memory(lambda run: predict_files(exporter.exported(run), many, None, limit), network, len(many))


def print_memory(predict: "Callable[[Runner], object]", network: "Runner", images: int) -> None:
    """Predict `images` images by `network`, and print the resident memory on the way."""
    done, memory = 0, {}

    def counted(pixels: "NDArray[np.generic]") -> "NDArray[np.float32]":
        nonlocal done
        done += len(pixels)
        for part in (images // 4, images // 2, images):
            if done >= part:
                memory.setdefault(part, resident_megabytes())
        return network(pixels)

    started = timed(lambda: predict(counted))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{images} images in {started.wall:.0f} s, {started.processor:.0f} s of processor time; resident MB",
        end=" ",
    )
    print(", ".join(f"{resident:.1f} after {part}" for part, resident in memory.items()), f"peak {peak:.0f}")


def timed(work: Callable[[], object]) -> Block:
    """Run `work` once."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Block(time.perf_counter() - wall, time.process_time() - processor)


def middle(blocks: list[Block]) -> Block:
    """The medians."""
    return Block(*(statistics.median(values) for values in zip(*blocks, strict=True)))


def resident_megabytes() -> float:
    """Of this process, as Linux reports it."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
