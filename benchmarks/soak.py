"""Convert, check, train, predict and view repeatedly in one process on changing data, and measure its growth.

    python -m benchmarks.soak --hours 2 --out soak.csv

Each round makes other images (with another seed, number and size) and converts them to COCO, from there to YOLO
and labelme, and back. It checks the dataset, predicts with a run, and writes pages. The classifier, the segmenter,
the detector and the anomaly detector are used alternately; every tenth round trains a new run, one epoch from
random weights. All commands run in this process, which shows memory and open files that a command does not
release. Each round writes a row: resident memory, memory that the C library has handed out (`malloc_mb`) and that
it keeps for reuse (`free_mb`), blocks that Python has handed out, open descriptors, threads, ended processes that
were not waited for, and files left in the temporary folder and next to the results. A leak shows in `malloc_mb` or
`python_blocks`; resident memory that grows without them is fragmentation. At the end, the slope of each column
over the last three quarters of the rounds is printed.
"""

import csv
import ctypes
import gc
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Annotated, ClassVar
from unittest import mock

import typer
from scipy.stats import theilslopes

COLUMNS = (
    "round",
    "seconds",
    "rss_mb",
    "malloc_mb",
    "free_mb",
    "python_blocks",
    "descriptors",
    "threads",
    "zombies",
    "temporary_files",
    "left_files",
)
MALLINFO2 = (
    "arena",
    "ordblks",
    "smblks",
    "hblks",
    "hblkhd",
    "usmblks",
    "fsmblks",
    "uordblks",
    "fordblks",
    "keepcost",
)
TASKS = ("cls", "seg", "det", "anomaly")
FIT: dict[str, tuple[object, ...]] = {
    "cls": ("--weights", "none", "--negatives", 4),
    "seg": ("--encoder-weights", "none", "--encoder-depth", 3, "--negatives", 4),
    "det": ("--weights", "none", "--negatives", 4),
    "anomaly": ("--method", "autoencoder"),
}
_OUTPUT = StringIO()  # one for all commands: Click keeps every standard output that it has seen
WARM_UP = 0.25  # share of the rounds, in which libraries are loaded and caches are filled


def command(room: str, *words: object) -> None:
    """Run a command in this process; raises RuntimeError with its last line if it fails."""
    output = _OUTPUT
    output.seek(0)
    output.truncate()
    with (
        mock.patch.object(sys, "argv", [room, *map(str, words)]),
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        try:
            import_module(f"{room}.cli").main()
        except SystemExit as end:
            if end.code not in {0, None}:
                last = output.getvalue().strip().splitlines()[-1:]
                raise RuntimeError(f"{room} {words[0]} ended with {end.code}: {last}") from None


def one_round(number: int, work: Path, runs: Path) -> None:
    """Run all commands once, on data that this round makes in `work`."""
    task = TASKS[number % len(TASKS)]
    kept = work.parent / f"kept-{task}"
    size = 64 + 16 * (number % 5)
    command("datasets", "synth", work / "bottle", "--count", 12 + number % 7, "--size", size, "--seed", number)
    command("convert", "mvtec2coco", work / "bottle", work / "coco", "--jobs", 1 + number % 2)
    command("convert", "coco2yolo", work / "coco", work / "yolo", "--segments")
    command("convert", "yolo2coco", work / "yolo", work / "back")
    command("convert", "coco2labelme", work / "coco", work / "labelme")
    command("convert", "labelme2coco", work / "labelme", work / "again", "--unlabelled", "negative", "--jobs", 2)
    for dataset in ("coco", "back"):
        try:
            command("datasets", "check", work / dataset, "--jobs", 1)
        except RuntimeError as error:
            if "ended with 1:" not in str(error):  # 1: it has findings, as random images may
                raise
    if number % 10 == 0 or not (runs / task).is_dir():
        shutil.rmtree(runs / task, ignore_errors=True)
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(work / "coco", kept)
        common = ("--epochs", 1, "--imgsz", 64, "--batch", 4)
        command(f"train_{task}", "fit", kept, "--runs", runs, "--name", "run", *common, *FIT[task])
    run = runs / task / "run"
    command(f"train_{task}", "predict", run, work / "coco" / "images", "--out", work / "found.json")
    command("view", run, "--out", work / "view.html")
    command("view", work / "coco", "--split", "all", "--out", work / "truth.html")


def measurements(number: int, seconds: float, temporary: Path, root: Path) -> dict[str, float]:
    """A row of the table."""
    gc.collect()
    sys._clear_type_cache()  # noqa: SLF001  it holds up to 4096 names of attributes that were made as text
    memory = _LIBC.mallinfo2()
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "round": number,
        "seconds": round(seconds, 2),
        "rss_mb": round(int(status["VmRSS"].split()[0]) / 1024, 1),
        "malloc_mb": round((memory.uordblks + memory.hblkhd) / 2**20, 1),
        "free_mb": round(memory.fordblks / 2**20, 1),
        "python_blocks": sys.getallocatedblocks(),
        "descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "threads": int(status["Threads"]),
        "zombies": sum(_is_own_zombie(path) for path in Path("/proc").glob("[0-9]*/stat")),
        "temporary_files": sum(1 for _ in temporary.rglob("*")),
        "left_files": sum(1 for path in root.rglob(".*")),
    }


class _Memory(ctypes.Structure):
    """`struct mallinfo2` of the GNU C library (malloc.h)."""

    _fields_: ClassVar = [(name, ctypes.c_size_t) for name in MALLINFO2]
    uordblks: int
    hblkhd: int
    fordblks: int


_LIBC = ctypes.CDLL("libc.so.6")
_LIBC.mallinfo2.restype = _Memory


def _is_own_zombie(path: Path) -> bool:
    try:
        state, parent = path.read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return False
    return state == "Z" and int(parent) == os.getpid()


@contextmanager
def temporary_folder(root: Path) -> Iterator[Path]:
    """Make `root`/tmp the folder for temporary files of this process."""
    folder = root / "tmp"
    folder.mkdir()
    with mock.patch.dict(os.environ, {"TMPDIR": str(folder)}), mock.patch.object(tempfile, "tempdir", str(folder)):
        yield folder


def slopes(rows: list[dict[str, float]]) -> dict[str, float]:
    """How much each column grows in 100 rounds: the median of the slopes of all pairs (Theil and Sen)."""
    kept = rows[int(WARM_UP * len(rows)) :]
    numbers = [row["round"] for row in kept]
    return {name: 100 * float(theilslopes([row[name] for row in kept], numbers)[0]) for name in COLUMNS[1:]}


def draw_chart(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw memory and files over the rounds to an SVG or PNG file."""
    from matplotlib.figure import Figure  # noqa: PLC0415  only for the chart

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    memory, others = figure.subplots(2, sharex=True, height_ratios=(3, 1))
    numbers = [row["round"] for row in rows]
    for name, label in (("rss_mb", "resident"), ("malloc_mb", "in use"), ("free_mb", "kept for reuse")):
        memory.plot(numbers, [row[name] for row in rows], label=label, linewidth=1)
    for name in ("descriptors", "threads", "zombies", "temporary_files", "left_files"):
        others.plot(numbers, [row[name] for row in rows], label=name.replace("_", " "), linewidth=1)
    memory.set(ylabel="memory, MB", ylim=(0, None))
    others.set(xlabel="round", ylabel="count", ylim=(-0.5, None))
    memory.legend(loc="center right")
    others.legend(loc="center right", ncols=3, fontsize="small")
    figure.savefig(path)


def main(
    hours: Annotated[float, typer.Option(help="How long.")] = 2.0,
    out: Annotated[Path, typer.Option(help="The CSV file; the chart gets the same name with .svg.")] = Path(
        "soak.csv"
    ),
) -> None:
    """Run rounds for some hours."""
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    end, rows = time.monotonic() + 3600 * hours, []
    with temporary_folder(root) as temporary, out.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        while time.monotonic() < end:
            started, work = time.monotonic(), root / "work"
            work.mkdir()
            one_round(len(rows), work, root / "runs")
            rows.append(measurements(len(rows), time.monotonic() - started, temporary, root))
            writer.writerow(rows[-1])
            file.flush()
            shutil.rmtree(work)
    shutil.rmtree(root)
    draw_chart(rows, out.with_suffix(".svg"))
    typer.echo(f"{len(rows)} rounds; growth in 100 rounds after the first quarter:")
    for name, slope in slopes(rows).items():
        typer.echo(f"  {name:16} {slope:+.2f}   (last {rows[-1][name]})")


if __name__ == "__main__":
    typer.run(main)
