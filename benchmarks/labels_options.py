"""The options of benchmarks.labels and benchmarks.semi_labelled, which train the segmenter on shrunk bottles."""

import argparse
import sys
from pathlib import Path

from datasets.synth.synth import synth


def options_parser(description: str, *, imgsz: int, out: Path) -> argparse.ArgumentParser:
    """A parser of the options that both have; `imgsz` and `out` are defaults."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bottle", type=Path, help="Required without --quick.")
    parser.add_argument("--weights", help="State dict of the encoder; required without --quick.")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--size", type=int, default=256, help="Side in pixels that images are shrunk to first.")
    parser.add_argument("--imgsz", type=int, default=imgsz)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=out)
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; with --quick the smallest that train every kind of row without files from elsewhere."""
    given = parser.parse_args()
    if given.quick:
        given.bottle, given.weights = given.work / "synthetic", "none"
        given.size, given.imgsz, given.epochs, given.seeds = 64, 64, 1, 1
        given.out = given.work / given.out.name
        if not given.bottle.is_dir():
            given.work.mkdir(parents=True, exist_ok=True)
            synth(given.bottle, count=24, size=64, seed=3)
    if not (given.bottle and given.weights):
        sys.exit("give --bottle and --weights, or --quick")
    return given
