"""The chart of `benchmarks.labels`: accuracy by the number of labelled defects."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from benchmarks.labels import Row

PANELS = (("AP of masks", "ap_masks"), ("Dice of defect pixels", "dice"), ("missed defective images", "missed"))
COLOURS = {
    "plain": "#0072b2",
    "queue": "#d55e00",
    "paste": "#009e73",
    "random-weights": "#777777",
    "good-map": "#cc79a7",
}


def draw_chart(rows: "Sequence[Row]", path: Path) -> None:
    """Write an SVG with one panel for each measure and one line for each variant, the mean over seeds."""
    mpl.rcParams["svg.hashsalt"] = "labels"
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    axes = figure.subplots(1, len(PANELS))
    for axis, (title, field) in zip(axes, PANELS, strict=True):
        for variant, colour in COLOURS.items():
            points: dict[int, list[float]] = {}
            for row in rows:
                value = getattr(row, field)
                if row.variant == variant and value is not None:
                    points.setdefault(row.labels, []).append(float(value))
            labels = sorted(points)
            if labels:
                means = [float(np.mean(points[n])) for n in labels]
                axis.plot(labels, means, marker="o", color=colour, label=variant)
                for n in labels:
                    axis.scatter([n] * len(points[n]), points[n], s=8, color=colour, alpha=0.5)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("labelled defective images")
        axis.set_xscale("log")
        axis.set_xticks([5, 10, 20, 40], ["5", "10", "20", "40"])
        axis.minorticks_off()
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
