"""The table of `benchmarks.good_only`: one line for each method, the mean of its seeds."""

from collections.abc import Sequence
from typing import Any

from system.console import print_table

COLUMNS = (
    "method", "seeds", "image AUROC / AP / F1", "pixel AUROC", "pixel AP", "pixel F1", "AUPRO 0.3", "AUPRO 0.05",
    "missed", "false alarms", "fit, processor s", "s an image", "memory MB",
)  # fmt: skip
Row = dict[str, Any]


def print_methods(title: str, rows: Sequence[Row]) -> None:
    """Print the table."""
    names = list(dict.fromkeys(row["name"] for row in rows))
    print_table(title, COLUMNS, [line([row for row in rows if row["name"] == name]) for name in names])


def line(rows: Sequence[Row]) -> tuple[str, ...]:
    """The line of one method, whose `rows` are its seeds."""
    images = [row["images"] for row in rows]
    maps = [row["score_maps"] for row in rows]
    ranked = " / ".join(spread([one[key] for one in images]) for key in ("auroc", "average_precision", "f1_max"))
    keys = ("pixel_auroc", "pixel_ap", "pixel_f1_max", "aupro_30", "aupro_05")
    cost = f"{mean([row['processor_seconds'] for row in rows]):.0f}"
    return (
        rows[0]["name"],
        str(len(rows)),
        ranked,
        *(spread([one[key] for one in maps]) for key in keys),
        f"{counts([one['missed'] for one in images])} of {images[0]['defective']}",
        f"{counts([one['false_alarms'] for one in images])} of {images[0]['good']}",
        "-" if any(row.get("resumed") for row in rows) else cost,
        f"{mean([row['seconds_per_image']['processor'] for row in rows]):.2f}",
        f"{max(row['peak_memory_mb'] for row in rows)}",
    )


def mean(values: Sequence[float]) -> float:
    """The mean."""
    return sum(values) / len(values)


def spread(values: Sequence[float]) -> str:
    """The mean, and the smallest and largest value if they differ when rounded."""
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    middle = f"{mean(values):.3f}"
    return middle if low == high else f"{middle} ({low} to {high})"


def counts(values: Sequence[int]) -> str:
    """Counts of each seed, one if all are the same."""
    return ", ".join(str(value) for value in (values if len(set(values)) > 1 else values[:1]))
