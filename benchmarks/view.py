"""The page of `view` in a headless Chromium: first paint, sliders, scrolling, and file size.

    python -m benchmarks.view [--bottle data/bottle] [--count 5000]

One page shows `--count` drawn images with the largest number of predictions of a page (60,000); its tiles are
files in a folder. The other page, with --bottle, embeds the 83 test images of MVTec's own split. The predictions
are the truth, randomly moved. Every time is measured in the page, from the event to the end of the frame that
shows the change. It contains script, layout and paint, and up to one frame of waiting for the screen.
"""

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PilImage
from playwright.sync_api import Browser, Page, sync_playwright

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.coco import Annotation, Category, Image, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset, load_dataset, write_annotations
from datasets.masks.rle import decode, encode, rle_area, rle_box
from evaluate.measure import measure_run
from evaluate.run_folder import RunConfig
from system.console import print_table
from system.json_file import write_json
from training.new_run import create_run, run_split
from view.data import MAX_PREDICTIONS

RESULT = Path(__file__).with_name("results") / "view.json"
SIDE = 192
MOVES, FRAMES, OPENINGS = 20, 120, 5
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
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> None:
    """Measure, print a table and write benchmarks/results/view.json."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bottle", type=Path)
    arguments.add_argument("--count", type=int, default=5000)
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
        root = draw_dataset(Path(scratch) / "many", options.count)
        found[f"{options.count} images"] = measure(browser, root, each=MAX_PREDICTIONS // options.count)
        result = {"browser": browser.version, "cpus": os.cpu_count(), "load": os.getloadavg()[0], "pages": found}
        browser.close()
    write_json(options.out, result)
    columns = list(next(iter(found.values())))
    print_table(str(options.out), ("", *found), [(c, *(page[c] for page in found.values())) for c in columns])


def measure(browser: Browser, root: Path, each: int) -> dict[str, object]:
    """Build the page of a synthetic run on the dataset `root` with `each` predictions per image, and use it."""
    page_file = make_run(load_dataset(root), root, each) / "view.html"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "view", page_file.parent], check=True, stderr=subprocess.DEVNULL)
    seconds = time.perf_counter() - start
    paints = []
    for _ in range(OPENINGS):
        page = open_page(browser, page_file)
        paints.append(page.evaluate(PAINT))
        page.close()
    page = open_page(browser, page_file)
    size = page_file.stat().st_size + sum(p.stat().st_size for p in page_file.parent.glob("view_files/*.webp"))
    confidence = slide(page, "confidence-0", [round(0.05 + 0.9 * k / MOVES, 3) for k in range(MOVES)])
    iou = slide(page, "iou", [round(0.15 + 0.75 * k / MOVES, 2) for k in range(MOVES)])
    frames = page.evaluate(SCROLL, FRAMES)
    page.click("text=Curves and tables")
    with_tables = slide(page, "confidence-0", [round(0.05 + 0.9 * k / MOVES, 3) for k in range(MOVES)])
    page.close()
    return {
        "build s": round(seconds, 1),
        "page MB": round(page_file.stat().st_size / 1e6, 2),
        "with its folder MB": round(size / 1e6, 2),
        "first paint ms": middle(paints),
        "confidence slider ms, median": middle(confidence),
        "confidence slider ms, most": round(max(confidence), 1),
        "IoU slider ms, median": middle(iou),
        "IoU slider ms, most": round(max(iou), 1),
        "confidence over tables ms, median": middle(with_tables),
        "confidence over tables ms, most": round(max(with_tables), 1),
        "frame while scrolling ms, median": middle(frames),
        "frame while scrolling ms, most": round(max(frames), 1),
    }


def open_page(browser: Browser, file: Path) -> Page:
    """A new tab with the page, after its first tiles have appeared."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(file.resolve().as_uri())
    page.wait_for_selector(".tile .overlay", state="attached")
    page.wait_for_timeout(500)
    return page


def slide(page: Page, slider: str, values: list[float]) -> list[float]:
    """Milliseconds of each move of a slider."""
    times: list[float] = page.evaluate(SLIDE, [slider, values])
    return times


def middle(times: list[Any]) -> float:
    """Their median, to a tenth."""
    return round(statistics.median(times), 1)


def draw_dataset(root: Path, count: int) -> Path:
    """A dataset folder of `count` test images with discs of three types on noise; every third image is good."""
    noise, chance = np.random.default_rng(0), random.Random(0)
    grounds = [np.clip(120 + noise.normal(0, 9, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8) for _ in range(20)]
    rows, columns = np.mgrid[:SIDE, :SIDE]
    images, annotations = [], []
    (root / "images").mkdir(parents=True)
    for i in range(count):
        image = Image(i + 1, f"{i:05d}.png", SIDE, SIDE)
        pixels = grounds[i % len(grounds)].copy()
        for _ in range(0 if i % 3 == 0 else 1 + i % 2):
            x, y, radius = chance.randint(30, SIDE - 30), chance.randint(30, SIDE - 30), chance.randint(6, 28)
            mask = ((columns - x) ** 2 + (rows - y) ** 2 <= radius**2).astype(np.uint8)
            pixels[mask > 0] = (220, 200, 60)
            rle = encode(mask)
            kind = 1 + len(annotations) % 3
            annotations.append(Annotation(len(annotations) + 1, image.id, kind, rle_box(rle), rle_area(rle), rle))
        PilImage.fromarray(pixels).save(root / "images" / image.file_name, compress_level=1)
        images.append(image)
    categories = [Category(k + 1, name) for k, name in enumerate(("chip", "dent", "scratch"))]
    write_annotations(root, {"test": images}, annotations, categories)
    return root


def make_run(dataset: Dataset, root: Path, each: int) -> Path:
    """A run with `each` test predictions per image: the truth, moved a little, and weaker ones anywhere."""
    chance = random.Random(1)
    coco = dataset.split("test")
    truths, kinds = coco.by_image(), [c.id for c in dataset.categories]
    spot = np.zeros((60, 60), np.uint8)
    spot[10:50, 10:50] = 1
    found = []
    for image in coco.images:
        masks = [decode(t.segmentation, image.height, image.width) for t in truths[image.id]]
        near = [(np.roll(mask, (chance.randint(-4, 4), chance.randint(-4, 4)), (0, 1)), 0.9) for mask in masks]
        while len(near) < each:
            mask = np.zeros((image.height, image.width), np.uint8)
            y, x = chance.randrange(image.height - 60), chance.randrange(image.width - 60)
            mask[y : y + 60, x : x + 60] = spot
            near.append((mask, 0.3))
        for mask, most in near:
            rle = encode(mask)
            score = round(chance.uniform(0.001, most), 5)
            found.append(Prediction(image.id, chance.choice(kinds), rle_box(rle), score, rle))
    names = {"test": [image.file_name for image in coco.images]}
    run = create_run(
        root.parent / "runs", "seg", root.name, RunConfig("seg", str(root), {}), run_split(dataset, names)
    )
    write_predictions(run.predictions("test"), found)
    measure_run(run, dataset)
    return run.root


if __name__ == "__main__":
    main()
