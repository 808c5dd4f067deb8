"""Metrics as tables for people, on the terminal and as Markdown."""

from collections.abc import Iterator, Sequence

import msgspec

from evaluate.images import fewest_misses
from evaluate.metrics import Folds, InstanceMeasures, Interval, Metrics, PixelMeasures
from system.console import print_status, print_table

NONE = "-"


class Table(msgspec.Struct, frozen=True):
    """A titled table of texts, the first column naming the row; `note` says how the numbers were made."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def print_metrics(metrics: Metrics) -> None:
    """Print the readable tables on stdout and the operating point on stderr."""
    for table in metrics_tables(metrics):
        print_table(table.title, table.columns, table.rows)
    print_status(f"operating point: {metrics.protocol.operating_point}")


def metrics_markdown(metrics: Metrics) -> str:
    """The same tables as Markdown, each with its protocol."""
    protocol = metrics.protocol
    lines = [f"# Metrics of {protocol.task} on {protocol.dataset}", ""]
    lines += [f"* operating point: {protocol.operating_point}", f"* intervals: {protocol.bootstrap}"]
    lines += [f"* content of the dataset: {protocol.content_sha256 or 'unknown'}", f"* made by {protocol.tool}"]
    for table in metrics_tables(metrics):
        lines += ["", f"## {table.title}", "", _row(table.columns)]
        lines.append(_row(["---", *["---:"] * (len(table.columns) - 1)]))
        lines += [_row(row) for row in table.rows]
        lines += ["", f"{table.note}."] if table.note else []
    images = metrics.images
    for title, names in (("Missed", images.missed_names), ("False alarms", images.false_alarm_names)):
        if names:
            lines += ["", f"## {title}", "", *(f"* {_plain(name)}" for name in names)]
    return "\n".join(lines) + "\n"


def metrics_tables(metrics: Metrics) -> Iterator[Table]:
    """Every table of a run, the most asked for first."""
    said = metrics.protocol.definitions
    yield _images(metrics, said["images"])
    yield _instances("Boxes", metrics.boxes, said["boxes"])
    if metrics.masks is not None:
        yield _instances("Instance masks", metrics.masks, said["masks"])
    if metrics.pixels is not None:
        yield _pixels(metrics.pixels, f"{said['pixels']}. Boundary: {said['boundary']}")
    if metrics.score_maps is not None:
        measured = metrics.score_maps
        rows = [["pixel AP", _value(measured.pixel_ap)], ["AUPRO at 0.3", _value(measured.aupro_30)]]
        yield Table("Score maps", ("", "value"), rows, said["score_maps"])
    if metrics.folds is not None:
        yield _folds(metrics.folds)
    yield _counts(metrics, said["instances"])
    names = metrics.type_confusion.names
    rows = [[name, *map(str, row)] for name, row in zip(names, metrics.type_confusion.matrix, strict=True)]
    yield Table("Types: rows are truth, columns predictions", ("", *names), rows, said["type_confusion"])
    sizes = metrics.protocol.splits.items()
    rows = [[name, *map(str, (s.images, s.defective, s.good, s.annotations))] for name, s in sizes]
    yield Table("Images measured on", ("split", "images", "defective", "good", "annotations"), rows)


def _images(metrics: Metrics, note: str) -> Table:
    images = metrics.images
    rows = [
        ["missed", str(images.missed), str(images.defective), _rate(images.missed, images.defective),
         _interval(images.intervals["missed"])],
        ["false alarms", str(images.false_alarms), str(images.good), _rate(images.false_alarms, images.good),
         _interval(images.intervals["false_alarms"])],
    ]  # fmt: skip
    bounds = [fewest_misses(images.curve, allowed, images.defective) for allowed in (0, 1)]
    bound = f"with a threshold chosen on test itself: {bounds[0]} missed at no false alarm, {bounds[1]} at one"
    return Table("Images", ("", "images", "of", "rate", "95 % interval"), rows, f"{note}; {bound}")


def _instances(title: str, measured: InstanceMeasures, note: str) -> Table:
    rows = [["all types", _value(measured.AP), _value(measured.AP50), _value(measured.AP75),
             str(sum(t.annotations for t in measured.per_type.values()))]]  # fmt: skip
    rows.append(
        ["95 % interval", _interval(measured.intervals["AP"]), _interval(measured.intervals["AP50"]), "", ""]
    )
    for name, t in measured.per_type.items():
        rows.append([name, _value(t.AP), _value(t.AP50), _value(t.AP75), str(t.annotations)])
    size = measured.by_size
    for name, value in (("small", size.small), ("medium", size.medium), ("large", size.large)):
        rows.append([f"{name} annotations", _value(value), "", "", ""])
    return Table(title, ("", "AP", "AP50", "AP75", "annotations"), rows, note)


def _pixels(measured: PixelMeasures, note: str) -> Table:
    defect, edge = measured.defect, measured.boundary
    rows = [
        ["defect", _value(defect.iou), _value(defect.dice), _value(defect.precision), _value(defect.recall)],
        ["95 % interval", _interval(measured.intervals["iou"]), _interval(measured.intervals["dice"]), "", ""],
    ]
    rows += [[name, _value(t.iou), _value(t.dice), "", ""] for name, t in measured.per_type.items()]
    rows.append(["mean of types", _value(measured.mean_iou_of_types), "", "", ""])
    rows.append(["boundary (F as Dice)", "", _value(edge.f), _value(edge.precision), _value(edge.recall)])
    return Table("Pixels", ("", "IoU", "Dice", "precision", "recall"), rows, note)


def _folds(folds: Folds) -> Table:
    columns = ("", "mean", "deviation", *(f"fold {k}" for k in range(1, len(folds.score_thresholds) + 1)))
    rows = [
        [name, _value(folds.mean[name]), _value(folds.standard_deviation[name]), *map(_value, values)]
        for name, values in folds.values.items()
    ]
    rows.append(["score threshold", "", "", *map(_value, folds.score_thresholds)])
    return Table("Folds", columns, rows, "each fold measured by itself; deviation of a sample")


def _counts(metrics: Metrics, note: str) -> Table:
    counted = metrics.instances
    row = ["all types", str(counted.found), str(counted.false), str(counted.missed),
           _value(counted.precision), _value(counted.recall)]  # fmt: skip
    return Table("Instances", ("", "found", "false", "missed", "precision", "recall"), [row], note)


def _value(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"


def _interval(interval: Interval | None) -> str:
    return NONE if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


def _rate(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else NONE


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
