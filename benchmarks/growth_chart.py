"""The chart of `benchmarks.growth`: processor time and memory by the number of images."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.growth_table import Measured, growths

COLOURS = {"convert": "#0072b2", "check": "#d55e00", "predict": "#009e73", "view": "#cc79a7"}


def draw_growth(measured: Sequence[Measured], path: Path) -> None:
    """Write an SVG with one panel for time and one for memory."""
    mpl.rcParams["svg.hashsalt"] = "growth"
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    time, memory = figure.subplots(1, 2)
    exponents = {growth.command: growth.exponent for growth in growths(measured)}
    for command, colour in COLOURS.items():
        ordered = sorted((one for one in measured if one.command == command), key=lambda one: one.images)
        images = [one.images for one in ordered]
        label = f"{command}: exponent {exponents[command]:.2f}" if command in exponents else command
        time.plot(images, [one.seconds for one in ordered], marker="o", color=colour, label=label)
        memory.plot(images, [one.megabytes for one in ordered], marker="o", color=colour, label=command)
    for axis, title in ((time, "processor seconds, with the start"), (memory, "peak memory, MiB")):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("images of 48 x 48 pixels")
        axis.set_xscale("log")
        axis.grid(alpha=0.3)
        axis.legend(fontsize=8)
    time.set_yscale("log")
    memory.set_ylim(bottom=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
