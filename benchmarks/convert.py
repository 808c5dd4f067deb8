"""Speed and memory of conversions, compared with other programs on the same files in the same run.

    python -m benchmarks.convert --peers VENV --datum VENV --bottle data/bottle --work /dev/shm [--only PART ...]

The peers are not installed in the environment of this project. Make one environment for each line:
`pip install labelme2yolo==0.4.0 labelme2coco==0.2.6` and `pip install 'datumaro[cli]==1.13.*'`.
Missing programs are reported and left out. Each program runs once to warm up, then `--repeat` times, alternately.
The results of parts that are not run stay unchanged.
"""

import argparse
import json
import os
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
from typing import Any

import cv2

from benchmarks.convert_inputs import make_labelme, make_masks

OURS = Path(sys.executable).parent / "convert"
RESULTS = Path(__file__).parent / "results" / "convert.json"
TABLE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- convert begin -->", "<!-- convert end -->"
PROBE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
Run = dict[str, float]
Part = dict[str, Any]
OWN = "defectline"
WITHOUT = "defectline --no-masks"
YOLO, COCO, DATUM, DECODING = "labelme2yolo 0.4.0", "labelme2coco 0.2.6", "datumaro 1.13", "only decoding"
LABELME = [(count, texture) for count in (1000, 10_000) for texture in (False, True)]
# part -> program -> what our wall time, and our peak memory, may be of its
TARGETS: dict[str, dict[str, tuple[float | None, float | None]]] = {
    "labelme-1000": {YOLO: (2.5, None), COCO: (0.6, None)},
    "labelme-1000-textured": {YOLO: (2.5, None), COCO: (0.6, None)},
    "labelme-10000": {YOLO: (1.0, None)},
    "labelme-10000-textured": {YOLO: (1.0, None)},
    "bottle": {DATUM: (0.5, 0.45)},
    "masks-10000": {DECODING: (1.5, None)},
}


def _decode(path: str) -> int:
    return int(cv2.imread(path, cv2.IMREAD_UNCHANGED)[0, 0])


def decode_masks(folder: Path) -> None:
    """The minimum work of any conversion: a process pool that only decodes the masks."""
    paths = sorted(str(path) for path in folder.iterdir())
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        sum(pool.map(_decode, paths, chunksize=64))


def measure(command: Sequence[str | Path], work: Path, *, output: Path) -> Run:
    """Wall seconds of one run, started in `work`, and the peak memory of its largest process in MB."""
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
    """Medians of `repeat` alternate runs of each program, after one warm-up run each."""
    runs: dict[str, list[Run]] = {name: [] for name in programs}
    for turn in range(repeat + 1):
        for name, program in programs.items():
            run = program()
            if turn:
                runs[name].append(run)
    return {
        name: {key: statistics.median(run[key] for run in mine) for key in mine[0]} for name, mine in runs.items()
    }


Command = tuple[list[str | Path], Path]


def labelme_commands(options: argparse.Namespace, work: Path, count: int, *, texture: bool) -> dict[str, Command]:
    """Our conversion and the peers on `count` labelme files."""
    source = work / "labelme"
    make_labelme(source, count, 85, texture=texture)
    ours = [OURS, "labelme2coco", source, work / "ours"]
    commands: dict[str, Command] = {
        OWN: (ours, work / "ours"),
        WITHOUT: ([*ours, "--no-masks"], work / "ours"),
        YOLO: ([options.peers / "bin/labelme2yolo", "--json_dir", source, "-o", work / "yolo"], work / "yolo"),
    }
    if count <= 1000:
        commands[COCO] = ([options.peers / "bin/labelme2coco", source, work / "coco"], work / "coco")
    return commands


def bottle_commands(options: argparse.Namespace, work: Path) -> dict[str, Command]:
    """Our conversion and Datumaro on a copy of the real bottle, on the file system of the output."""
    source = work / "bottle"
    shutil.copytree(options.bottle, source)
    convert = [options.datum / "bin/datum", "convert", "-if", "mvtec_segmentation", "-i", source]
    return {
        OWN: ([OURS, "mvtec2coco", source, work / "ours"], work / "ours"),
        DATUM: ([*convert, "-f", "coco_instances", "-o", work / "datum", "--", "--save-media"], work / "datum"),
    }


def mask_commands(work: Path, count: int) -> dict[str, Command]:
    """Our conversion of `count` masks, and a process pool that only decodes them."""
    tree = work / "tree"
    make_masks(tree, count)
    decode = [sys.executable, "-m", "benchmarks.convert", "--decode", tree / "ground_truth" / "dent"]
    return {
        OWN: ([OURS, "mvtec2coco", tree, work / "ours"], work / "ours"),
        DECODING: (decode, work / "none"),
    }


def parts(options: argparse.Namespace) -> dict[str, Callable[[Path], dict[str, Command]]]:
    """Name of each part of the benchmark -> a function that writes its files and returns its commands."""
    found: dict[str, Callable[[Path], dict[str, Command]]] = {}
    for count, texture in LABELME:
        name = f"labelme-{count}{'-textured' if texture else ''}"
        found[name] = partial(_with_options, labelme_commands, options, count=count, texture=texture)
    if options.bottle is not None:
        found["bottle"] = partial(_with_options, bottle_commands, options)
    for count in (1000, 10_000):
        found[f"masks-{count}"] = partial(mask_commands, count=count)
    found["help"] = lambda work: {OWN: ([OURS, "--help"], work / "none")}
    return found


def _with_options(
    commands: Callable[..., dict[str, Command]], options: argparse.Namespace, work: Path, **how: Any
) -> dict[str, Command]:
    return commands(options, work, **how)


def run_part(make: Callable[[Path], dict[str, Command]], options: argparse.Namespace) -> Part:
    """Medians of each program of a part, and the load of the machine."""
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        work = Path(folder)
        commands = {name: c for name, c in make(work).items() if Path(c[0][0]).is_file()}
        programs = {
            name: partial(measure, command, Path(__file__).parent.parent, output=output)
            for name, (command, output) in commands.items()
        }
        found = compare(programs, options.repeat)
    load = round(os.getloadavg()[0], 1)
    return {"programs": found, "processors": len(os.sched_getaffinity(0)), "load_average": load}


def table(results: dict[str, Part]) -> str:
    """The parts as a table in Markdown.

    Each peer has the ratio of our value to its value, and the ratio to reach.
    """
    lines = [
        "| part | program | wall s | peak MB | wall ratio | without masks | peak ratio | to reach | load |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, part in results.items():
        programs = part["programs"]
        mine, without = programs[OWN], programs.get(WITHOUT)
        for program, run in programs.items():
            cells = [name, program, f"{run['seconds']:.2f}", f"{run['peak_mb']:.0f}"]
            if program in {OWN, WITHOUT}:
                cells += ["", "", "", ""]
            else:
                wall, peak = TARGETS.get(name, {}).get(program, (None, None))
                cells.append(f"{mine['seconds'] / run['seconds']:.2f}")
                cells.append(f"{without['seconds'] / run['seconds']:.2f}" if without else "")
                cells.append(f"{mine['peak_mb'] / run['peak_mb']:.2f}")
                cells.append(", ".join(t for t in (wall and f"{wall} wall", peak and f"{peak} peak") if t))
            lines.append("| " + " | ".join([*cells, f"{part['load_average']}"]) + " |")
    return "\n".join([*lines, "", *_growth(results)])


def _growth(results: dict[str, Part]) -> list[str]:
    """Memory at 10,000 images compared with 1,000; to reach: less than 1.3 times and less than 200 MB."""
    lines = []
    for kind in ("labelme", "masks"):
        if f"{kind}-1000" in results and f"{kind}-10000" in results:
            few, many = (results[f"{kind}-{n}"]["programs"][OWN]["peak_mb"] for n in (1000, 10_000))
            lines.append(
                f"Peak memory of the largest process, {kind}: {few:.0f} MB at 1,000 images, {many:.0f} MB at "
                f"10,000, {many / few:.2f} times (to reach: less than 1.3 times, less than 200 MB)."
            )
    return lines


def write_table(text: str) -> None:
    """Write the table between its markers in docs/benchmarks.md."""
    page = TABLE.read_text()
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
    parser.add_argument("--only", nargs="*", help="parts to run; the others keep their results")
    parser.add_argument("--decode", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.decode:
        decode_masks(options.decode)
        return
    known = parts(options)
    if unknown := set(options.only or ()) - set(known):
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    for tool in (
        options.peers / "bin/labelme2yolo",
        options.peers / "bin/labelme2coco",
        options.datum / "bin/datum",
    ):
        if not tool.is_file():
            print(f"{tool.name} is not there, so nothing is compared with it; see --help")
    results: dict[str, Part] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    RESULTS.parent.mkdir(exist_ok=True)
    for name in options.only or known:
        results[name] = run_part(known[name], options)
        results = {part: results[part] for part in known if part in results}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        write_table(table(results))
    print(table(results))


if __name__ == "__main__":
    main()
