"""The page of `view` in a headless Chromium: building, first tile, sliders, scrolling, and file size.

    python -m benchmarks.view [--bottle data/bottle] [--count 3000] [--count 20000] [--folds 5]

One page for each `--count` shows that many drawn images with the largest number of predictions of a page (60,000);
its tiles are files in a folder. With --folds they are those of a cross-validation. The other page, with --bottle,
embeds the 83 test images of MVTec's own split. The predictions are the truth, randomly moved.

A time in ms is measured in the page, from the event to the end of the frame that shows the change: script, layout
and paint, and up to one frame of waiting for the screen. `cpu` is the processor time of building with its worker
processes, or of the thread of the page (Chrome DevTools Protocol, Performance.getMetrics, threadTicks), which does
not contain the waiting that other programs cause. The first tile is drawn once its image is decoded and its
annotations are drawn.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.view_data import draw_dataset, make_run
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.formats.dataset_folder import load_dataset
from system.console import print_table
from system.json_file import write_json
from view.data import MAX_PREDICTIONS

RESULT = Path(__file__).with_name("results") / "view.json"
MOVES, FRAMES, OPENINGS = 20, 120, 5
CONFIDENCES = [round(0.05 + 0.9 * k / MOVES, 3) for k in range(MOVES)]
IOUS = [round(0.15 + 0.75 * k / MOVES, 2) for k in range(MOVES)]
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
SHOWN = """
const shown = () => new Promise((done) => requestAnimationFrame(() => {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => done(performance.now());
  port2.postMessage(0);
}));"""
SLIDE = (
    """async ([id, values]) => {"""
    + SHOWN
    + """
  const input = document.getElementById(id);
  const times = [];
  for (const value of values) {
    await new Promise((done) => setTimeout(done, 250));
    const start = performance.now();
    input.value = value;
    input.dispatchEvent(new Event("input"));
    times.push(await shown() - start);
  }
  return times;
}"""
)
SCROLL = """(frames) => new Promise((done) => {
  const main = document.getElementById("main");
  const times = [];
  let before = performance.now();
  const step = (now) => {
    times.push(now - before);
    before = now;
    main.scrollTop += 300;
    if (times.length <= frames) requestAnimationFrame(step);
    else done(times.slice(1));
  };
  requestAnimationFrame(step);
})"""
FIRST_TILE = """() => new Promise((done) => {
  const look = () => {
    const tile = [...document.querySelectorAll(".tile")].find((one) => one.querySelector(".overlay"));
    const image = tile?.querySelector("img");
    if (image?.complete && image.naturalWidth) requestAnimationFrame(() => done(performance.now()));
    else requestAnimationFrame(look);
  };
  look();
})"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> None:
    """Measure, print a table and write benchmarks/results/view.json."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bottle", type=Path)
    arguments.add_argument("--count", type=int, action="append", default=[])
    arguments.add_argument("--folds", type=int, default=0)
    arguments.add_argument("--out", type=Path, default=RESULT)
    options = arguments.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no chromium here (apt-get install chromium)")
    found = {}
    with tempfile.TemporaryDirectory(prefix="defectline-view-") as scratch, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        if options.bottle:
            root = Path(scratch) / "bottle"
            mvtec2coco([options.bottle], root, MvtecOptions(split="original"))
            found["bottle"] = measure(browser, root, each=8)
        for count in options.count or [5000]:
            root = draw_dataset(Path(scratch) / f"images-{count}", count)
            name = f"{count} images" + (f", {options.folds} folds" if options.folds else "")
            found[name] = measure(browser, root, each=MAX_PREDICTIONS // count, folds=options.folds)
        result = {"browser": browser.version, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "pages": found}
        browser.close()
    write_json(options.out, result)
    columns = list(next(iter(found.values())))
    print_table(str(options.out), ("", *found), [(c, *(page[c] for page in found.values())) for c in columns])


def measure(browser: Browser, root: Path, each: int, folds: int = 0) -> dict[str, object]:
    """Build the page of a synthetic run on the dataset `root` with `each` predictions per image, and use it."""
    page_file = make_run(load_dataset(root), root, each, folds) / "view.html"
    start, before = time.perf_counter(), children_seconds()
    subprocess.run([sys.executable, "-m", "view", page_file.parent], check=True, stderr=subprocess.DEVNULL)
    seconds, cpu = time.perf_counter() - start, children_seconds() - before
    paints, tiles, loading = [], [], []
    for _ in range(OPENINGS):
        page, session = new_page(browser)
        page.goto(page_file.resolve().as_uri(), wait_until="commit")
        tiles.append(page.evaluate(FIRST_TILE))
        loading.append(task_ms(session))
        paints.append(page.evaluate(PAINT))
        page.close()
    page, session = new_page(browser)
    page.goto(page_file.resolve().as_uri())
    page.evaluate(FIRST_TILE)
    page.wait_for_timeout(500)
    size = page_file.stat().st_size + sum(p.stat().st_size for p in page_file.parent.glob("view_files/*.webp"))
    confidence = slide(page, session, "confidence-0", CONFIDENCES)
    iou = slide(page, session, "iou", IOUS)
    frames = page.evaluate(SCROLL, FRAMES)
    page.click("text=Curves and tables")
    with_tables = slide(page, session, "confidence-0", CONFIDENCES)
    iou_with_tables = slide(page, session, "iou", IOUS)
    page.close()
    return {
        "build s": round(seconds, 1),
        "build cpu s": round(cpu, 1),
        "page MB": round(page_file.stat().st_size / 1e6, 2),
        "with its folder MB": round(size / 1e6, 2),
        "first paint ms": middle(paints),
        "first tile ms": middle(tiles),
        "first tile cpu ms": middle(loading),
        **described("confidence slider", confidence),
        **described("IoU slider", iou),
        **described("confidence over tables", with_tables),
        **described("IoU over tables", iou_with_tables),
        "frame while scrolling ms, median": middle(frames),
        "frame while scrolling ms, most": round(max(frames), 1),
    }


def children_seconds() -> float:
    """Processor seconds of all ended child processes and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def new_page(browser: Browser) -> tuple[Page, CDPSession]:
    """An empty tab, and the connection that measures its processor time."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    return page, session


def task_ms(session: CDPSession) -> float:
    """Processor milliseconds of the thread of the page since it was opened."""
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def slide(page: Page, session: CDPSession, slider: str, values: list[float]) -> list[tuple[float, float]]:
    """Milliseconds and processor milliseconds of each move of a slider."""
    times = []
    for value in values:
        before = task_ms(session)
        (milliseconds,) = page.evaluate(SLIDE, [slider, [value]])
        times.append((milliseconds, task_ms(session) - before))
    return times


def described(name: str, moves: list[tuple[float, float]]) -> dict[str, float]:
    """Median and largest time of the moves of a slider, and of their processor time."""
    times, cpu = zip(*moves, strict=True)
    return {
        f"{name} ms, median": middle(times),
        f"{name} ms, most": round(max(times), 1),
        f"{name} cpu ms, median": middle(cpu),
        f"{name} cpu ms, most": round(max(cpu), 1),
    }


def middle(times: Sequence[Any]) -> float:
    """Their median, to a tenth."""
    return round(statistics.median(times), 1)


if __name__ == "__main__":
    main()
