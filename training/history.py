"""The history of a training: one row per epoch in history.csv, and its curves as a PNG."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from system.files import write_atomic

PANEL_WIDTH, PANEL_HEIGHT = 5.0, 4.0  # inches


def write_history(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write history.csv: one row per epoch, columns as in the last row, six significant digits."""
    text = io.StringIO()
    columns = list(rows[-1]) if rows else ["epoch"]
    writer = csv.DictWriter(text, columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"{v:.6g}" for k, v in row.items() if k in columns})
    write_atomic(path, text.getvalue().encode())


def draw_curves(path: Path, rows: Sequence[Mapping[str, float]], groups: Mapping[str, Sequence[str]]) -> None:
    """Draw history rows as one panel per group (title -> columns) into a PNG."""
    from matplotlib.figure import Figure

    count = len(groups)
    figure = Figure(figsize=(PANEL_WIDTH * count, PANEL_HEIGHT))
    # Margins in inches instead of matplotlib's layout, which draws the whole figure first to measure it.
    figure.subplots_adjust(
        left=0.7 / (PANEL_WIDTH * count),
        right=1 - 0.15 / (PANEL_WIDTH * count),
        bottom=0.5 / PANEL_HEIGHT,
        top=1 - 0.35 / PANEL_HEIGHT,
        wspace=0.85 * count / (PANEL_WIDTH * count - 0.85 * count),
    )
    for axes, (title, columns) in zip(figure.subplots(1, count, squeeze=False)[0], groups.items(), strict=True):
        for column in columns:
            points = [(row["epoch"], row[column]) for row in rows if column in row]
            axes.plot([p[0] for p in points], [p[1] for p in points], label=column, marker="." * (len(points) < 3))
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    write_atomic(path, buffer.getvalue())
