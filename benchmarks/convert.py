"""How fast conversions are and what memory they need, beside other programs on the same files in the same run.

    python -m benchmarks.convert --peers VENV --datum VENV [--bottle data/bottle] [--work /dev/shm]

The peers stay out of this project's environment; make one for each with
`pip install labelme2yolo==0.4.0 labelme2coco==0.2.6` and `pip install 'datumaro[cli]==1.13.*'`.
What is not there is said and left out. Each program runs once to warm up and then `--repeat` times, taking turns.
"""

import argparse
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np

OURS = Path(sys.executable).parent / "convert"
RESULTS = Path(__file__).parent / "results" / "convert.json"
TABLE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- convert begin -->", "<!-- convert end -->"
SIZE = 900
PROBE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
Run = dict[str, float]


def make_labelme(folder: Path, count: int, quality: int, *, texture: bool) -> None:
    """`count` 900 x 900 JPEGs, each with 3 polygons of 40 points; plain grey ones or with a texture."""
    folder.mkdir(parents=True)
    pixels, chance = np.random.default_rng(0), random.Random(0)
    pictures = []
    for i in range(8):
        noise = cv2.GaussianBlur(pixels.integers(0, 256, (SIZE, SIZE, 3), np.uint8), (0, 0), 3)
        picture = noise if texture else np.full((SIZE, SIZE, 3), 100 + i, np.uint8)
        pictures.append(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
    for i in range(count):
        shapes = []
        for _ in range(3):
            cx, cy, radius = chance.uniform(150, 750), chance.uniform(150, 750), chance.uniform(30, 120)
            reach = [radius * chance.uniform(0.8, 1.2) for _ in range(40)]
            angles = [2 * math.pi * k / 40 for k in range(40)]
            points = [[cx + r * math.cos(a), cy + r * math.sin(a)] for r, a in zip(reach, angles, strict=True)]
            label = chance.choice(["crack", "dent", "scratch"])
            shapes.append(
                {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}
            )
        name = f"{i:05}"
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.jpg"}
        content |= {"imageData": None, "imageHeight": SIZE, "imageWidth": SIZE}
        (folder / f"{name}.json").write_text(json.dumps(content, indent=2))
        (folder / f"{name}.jpg").write_bytes(pictures[i % 8])


def make_masks(root: Path, count: int) -> None:
    """An MVTec tree of `count` defect images of 900 x 900 pixels with a mask each."""
    rng = np.random.default_rng(0)
    images, masks = root / "test" / "dent", root / "ground_truth" / "dent"
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    picture = cv2.imencode(".png", np.full((SIZE, SIZE), 99, np.uint8))[1].tobytes()
    for i in range(count):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for _ in range(3):
            centre, axes = rng.integers(100, 800, 2).tolist(), rng.integers(5, 90, 2).tolist()
            cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1)
        (images / f"{i:05}.png").write_bytes(picture)
        cv2.imwrite(str(masks / f"{i:05}_mask.png"), mask)


def _decode(path: str) -> int:
    return int(cv2.imread(path, cv2.IMREAD_UNCHANGED)[0, 0])


def decode_masks(folder: Path) -> None:
    """What no conversion can do without: a process pool that only decodes the masks."""
    paths = sorted(str(path) for path in folder.iterdir())
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        sum(pool.map(_decode, paths, chunksize=64))


def measure(command: Sequence[str | Path], work: Path, *, output: Path) -> Run:
    """Wall seconds and the largest process' peak MB of one run, started in `work`."""
    shutil.rmtree(output, ignore_errors=True)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    arguments = [sys.executable, "-S", "-c", PROBE, *map(str, command)]
    done = subprocess.run(arguments, cwd=work, env=environment, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    code, peak = (int(v) for v in done.stdout.split())
    if code:
        sys.exit(f"{' '.join(map(str, command))} ended with status {code}")
    shutil.rmtree(output, ignore_errors=True)
    return {"seconds": seconds, "peak_mb": peak / 1024}


def compare(programs: dict[str, Callable[[], Run]], repeat: int) -> dict[str, Run]:
    """Medians of `repeat` runs of each program, taking turns after one run each that does not count."""
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for turn in range(repeat + 1):
        for name, program in programs.items():
            run = program()
            if turn:
                runs[name].append(run)
    return {
        name: {key: statistics.median(run[key] for run in mine) for key in mine[0]} for name, mine in runs.items()
    }


def bench_labelme(options: argparse.Namespace, work: Path, count: int, *, texture: bool) -> dict[str, Run]:
    """Ours and the peers on `count` labelme files."""
    source = work / "labelme"
    make_labelme(source, count, 85, texture=texture)
    commands: dict[str, tuple[list[str | Path], Path]] = {
        "defectline": ([OURS, "labelme2coco", source, work / "ours"], work / "ours"),
        "labelme2yolo 0.4.0": (
            [options.peers / "bin/labelme2yolo", "--json_dir", source, "-o", work / "yolo"],
            work / "yolo",
        ),
    }
    if count <= 1000:
        commands["labelme2coco 0.2.6"] = (
            [options.peers / "bin/labelme2coco", source, work / "coco"],
            work / "coco",
        )
    result = compare(programs(commands, work), options.repeat)
    shutil.rmtree(source)
    return result


def bench_bottle(options: argparse.Namespace, work: Path) -> dict[str, Run]:
    """Ours and Datumaro on the real bottle."""
    convert = ["convert", "-if", "mvtec_segmentation", "-i", options.bottle, "-f", "coco_instances"]
    commands: dict[str, tuple[list[str | Path], Path]] = {
        "defectline": ([OURS, "mvtec2coco", options.bottle, work / "ours"], work / "ours"),
        "datumaro 1.13": (
            [options.datum / "bin/datum", *convert, "-o", work / "datum", "--", "--save-media"],
            work / "datum",
        ),
    }
    return compare(programs(commands, work), options.repeat)


def bench_masks(options: argparse.Namespace, work: Path, count: int) -> dict[str, Run]:
    """Ours on `count` masks, and a process pool that only decodes them."""
    tree = work / "tree"
    make_masks(tree, count)
    decode = [sys.executable, Path(__file__), "--decode", tree / "ground_truth" / "dent"]
    commands: dict[str, tuple[list[str | Path], Path]] = {
        "defectline": ([OURS, "mvtec2coco", tree, work / "ours"], work / "ours"),
        "only decoding": (decode, work / "none"),
    }
    result = compare(programs(commands, work), options.repeat)
    shutil.rmtree(tree)
    return result


def programs(commands: dict[str, tuple[list[str | Path], Path]], work: Path) -> dict[str, Callable[[], Run]]:
    """Those commands that are there, ready to be measured."""
    return {
        name: partial(measure, command, work, output=output)
        for name, (command, output) in commands.items()
        if Path(command[0]).is_file()
    }


def bench(options: argparse.Namespace, work: Path) -> dict[str, dict[str, Run]]:
    """All rows of the table for which there are programs and data."""
    rows: dict[str, dict[str, Run]] = {}
    for count in options.counts:
        for texture in (False, True):
            name = f"{count} labelme files, {'textured' if texture else 'plain'} pictures"
            rows[name] = bench_labelme(options, work, count, texture=texture)
    if options.bottle is not None:
        rows["the real bottle, 292 images"] = bench_bottle(options, work)
    for count in options.masks:
        rows[f"{count} synthetic masks"] = bench_masks(options, work, count)
    help_command: dict[str, tuple[list[str | Path], Path]] = {"defectline": ([OURS, "--help"], work / "none")}
    rows["convert --help"] = compare(programs(help_command, work), 5)
    return rows


def table(rows: dict[str, dict[str, Run]]) -> str:
    """The rows as a table in Markdown, each program with its ratio to ours."""
    lines = ["| work | program | wall s | peak MB | ours / its wall |", "|---|---|---:|---:|---:|"]
    for name, programs in rows.items():
        mine = programs["defectline"]["seconds"]
        for program, run in programs.items():
            ratio = "" if program == "defectline" else f"{mine / run['seconds']:.2f}"
            lines.append(f"| {name} | {program} | {run['seconds']:.2f} | {run['peak_mb']:.0f} | {ratio} |")
    return "\n".join(lines)


def write_table(text: str) -> None:
    """Put the table between its marks in docs/benchmarks.md, or at its end."""
    page = TABLE.read_text() if TABLE.is_file() else "# Benchmarks\n"
    if BEGIN not in page:
        about = "Medians, `python -m benchmarks.convert`. Peak MB is that of the largest process."
        page += f"\n## Conversions\n\n{about}\n\n{BEGIN}\n{END}\n"
    before, after = page.split(BEGIN)[0], page.split(END)[1]
    TABLE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path("peers"), help="environment of the labelme converters")
    parser.add_argument("--datum", type=Path, default=Path("peers-datum"), help="environment of datumaro")
    parser.add_argument("--bottle", type=Path, help="MVTec bottle category folder")
    parser.add_argument("--work", type=Path, help="where to make files; best a file system in memory")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--counts", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--masks", type=int, nargs="*", default=[10_000])
    parser.add_argument("--decode", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.decode:
        decode_masks(options.decode)
        return
    for tool in (
        options.peers / "bin/labelme2yolo",
        options.peers / "bin/labelme2coco",
        options.datum / "bin/datum",
    ):
        if not tool.is_file():
            print(f"{tool.name} is not there, so nothing is compared with it; see --help")
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        rows = bench(options, Path(work))
    machine = {"processors": len(os.sched_getaffinity(0)), "load_average": round(os.getloadavg()[0], 1)}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    note = f"{machine['processors']} processors, load average {machine['load_average']} at the end."
    write_table(table(rows) + "\n\n" + note)
    print(table(rows))


if __name__ == "__main__":
    main()
