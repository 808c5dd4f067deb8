"""The tables of a run's metrics for people: on the terminal and as Markdown."""

from collections.abc import Iterator, Sequence

from evaluate.advice import advice
from evaluate.cells import Table, interval_cell, value_cell
from evaluate.metrics import METRICS, Metrics
from evaluate.values import Folds, Seeds
from system.console import print_status, print_table, print_text


def print_metrics(metrics: Metrics) -> None:
    """Print the tables and what would help most on stdout, and the operating point on stderr."""
    for table in metrics_tables(metrics):
        print_table(table.title, table.columns, table.rows)
    if (sentence := advice(metrics)) is not None:
        print_text(f"{sentence}\n")
    print_status(f"operating point: {metrics.protocol.operating_point}")


def metrics_tables(metrics: Metrics) -> Iterator[Table]:
    """Every table of a run: those of its metrics in the order of METRICS, then folds and sizes of the splits."""
    for metric in METRICS:
        value = metrics.get(metric)
        if value is not None:
            yield from metric.tables(value, metrics.protocol.definitions)
    if metrics.folds is not None:
        yield _folds(metrics.folds)
    if metrics.seeds is not None:
        yield _seeds(metrics.seeds)
    sizes = metrics.protocol.splits.items()
    rows = [[name, *map(str, (s.images, s.defective, s.good, s.annotations))] for name, s in sizes]
    yield Table("Images measured on", ("split", "images", "defective", "good", "annotations"), rows)


def metrics_markdown(metrics: Metrics) -> str:
    """The same tables as Markdown, each with its protocol, and the lists of images."""
    protocol = metrics.protocol
    lines = [f"# Metrics of {protocol.task} on {protocol.dataset}", ""]
    lines += [f"* operating point: {protocol.operating_point}", f"* intervals: {protocol.bootstrap}"]
    lines += [f"* content of the dataset: {protocol.content_sha256 or 'unknown'}", f"* made by {protocol.tool}"]
    for table in metrics_tables(metrics):
        lines += ["", f"## {table.title}", "", _row(table.columns)]
        lines.append(_row(["---", *["---:"] * (len(table.columns) - 1)]))
        lines += [_row(row) for row in table.rows]
        lines += ["", f"{table.note}."] if table.note else []
    if (sentence := advice(metrics)) is not None:
        lines += ["", "## What would help most", "", sentence]
    for title, names in _image_lists(metrics):
        lines += ["", f"## {title}", "", *(f"* {_plain(name)}" for name in names)]
    return "\n".join(lines) + "\n"


def _image_lists(metrics: Metrics) -> Iterator[tuple[str, list[str]]]:
    for metric in METRICS:
        value = metrics.get(metric)
        if value is not None:
            yield from ((title, names) for title, names in metric.image_lists(value).items() if names)


def _folds(folds: Folds) -> Table:
    columns = ("", "mean", "deviation", *(f"fold {k}" for k in range(1, len(folds.score_thresholds) + 1)))
    rows = [
        [name, value_cell(folds.mean[name]), value_cell(folds.standard_deviation[name]), *map(value_cell, values)]
        for name, values in folds.values.items()
    ]
    rows.append(["score threshold", "", "", *map(value_cell, folds.score_thresholds)])
    return Table("Folds", columns, rows, "each fold measured by itself; deviation of a sample")


def _seeds(seeds: Seeds) -> Table:
    columns = ("", "mean", "over seeds", "over seeds and images", *(f"seed {seed}" for seed in seeds.seeds))
    rows = [
        [
            name, value_cell(seeds.mean[name]), interval_cell(seeds.interval[name]),
            interval_cell(seeds.pooled_interval.get(name)), *map(value_cell, values),
        ]
        for name, values in seeds.values.items()
    ]  # fmt: skip
    note = (
        "mean of the seeds; 95 % intervals of the mean: Student's t over seeds on these images, and a bootstrap"
        " that draws images and seeds"
    )
    return Table("Seeds", columns, rows, note)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
