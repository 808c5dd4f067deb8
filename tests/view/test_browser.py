"""The page in a browser: its numbers are those of evaluate/, its filters and keys do what they say."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.average_precision import coco_eval
from evaluate.confusion import instance_counts, type_confusion
from evaluate.images import image_measures
from evaluate.metrics import read_metrics
from evaluate.run_folder import load_run, read_split
from evaluate.tables import metrics_tables
from evaluate.truth import run_truth
from tests.command import run_command
from tests.view.fakes import make_cross_validation, make_dataset, make_run
from view.data import page_data
from view.page import page_text
from view.scene import run_scene

Open = Callable[..., Any]
RESULTS = "() => window.defectline.results()"


def figures(page: Any, run: int = 0) -> dict[str, str]:
    """Name -> value of the numbers at the top."""
    found = page.locator(f'.figures[data-run="{run}"] .figure[data-figure]')
    return {one.get_attribute("data-figure"): one.locator("b").inner_text() for one in found.all()}


def set_confidence(page: Any, value: float, run: int = 0) -> None:
    page.fill(f"#confidence-{run}-exact", str(value))
    page.keyboard.press("Tab")
    settle(page)


def settle(page: Any) -> None:
    """Wait until what was asked for is drawn."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.wait_for_function("() => !document.querySelector('.pane svg:empty')")


def shown(page: Any) -> list[str]:
    return sorted(page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)"))


def test_numbers_at_the_start_are_those_of_metrics_json(opened: Open, seg_page: Path, seg_run: Path) -> None:
    metrics = read_metrics(seg_run / "metrics.json")
    page = opened(seg_page)
    found = figures(page)
    assert found["Missed"] == str(metrics.images.missed)
    assert found["False alarms"] == str(metrics.images.false_alarms)
    assert (found["Right"], found["False"], found["Not found"]) == tuple(
        str(v) for v in (metrics.instances.found, metrics.instances.false, metrics.instances.missed)
    )
    assert found["Precision"] == f"{100 * metrics.instances.precision:.1f} %"
    assert found["Recall"] == f"{100 * metrics.instances.recall:.1f} %"


def test_confidence_recomputes_what_python_computes(
    opened: Open, seg_page: Path, seg_run: Path, dataset: Path
) -> None:
    truth = run_truth(load_run(seg_run), load_dataset(dataset))["test"]
    predictions = read_predictions(seg_run / "predictions" / "test.json")
    page = opened(seg_page)
    seen = set()
    for threshold in (0.1, 0.45, 0.8, 1):
        kept = [p for p in predictions if p.score >= threshold]
        counts = instance_counts(truth, kept)
        images = image_measures(truth, predictions, kept, threshold)
        set_confidence(page, threshold)
        found = figures(page)
        instances = (found["Right"], found["False"], found["Not found"])
        assert instances == tuple(str(v) for v in (counts.found, counts.false, counts.missed))
        assert (found["Missed"], found["False alarms"]) == (str(images.missed), str(images.false_alarms))
        seen.add(instances)
    assert len(seen) == 4


def test_average_precision_follows_the_iou_slider(
    opened: Open, seg_page: Path, seg_run: Path, dataset: Path
) -> None:
    truth = run_truth(load_run(seg_run), load_dataset(dataset))["test"]
    predictions = read_predictions(seg_run / "predictions" / "test.json")
    page = opened(seg_page, "tab=tables")
    for by, iou_type in (("boxes", "bbox"), ("masks", "segm")):
        precision = coco_eval(truth, predictions, iou_type).eval["precision"]
        page.click(f'[data-key="{by}"]')
        for t, iou in ((0, 0.5), (4, 0.7), (6, 0.8)):
            page.evaluate(
                """(iou) => {
                  const slider = document.getElementById("iou");
                  slider.value = iou;
                  slider.dispatchEvent(new Event("input"));
                }""",
                iou,
            )
            settle(page)
            rows = page.locator("figure:has-text('By defect type') tr").all()[1:]
            assert [row.locator("td").last.inner_text() for row in rows] == [
                f"{precision[t, :, k, 0, -1].mean():.3f}" for k in range(3)
            ]


def test_each_fold_counts_by_its_own_threshold(opened: Open, dataset: Path, tmp_path: Path) -> None:
    run = make_cross_validation(tmp_path / "runs", dataset)
    metrics = read_metrics(run / "metrics.json")
    assert metrics.folds
    assert len({round(t, 3) for t in metrics.folds.score_thresholds}) == 2
    assert run_command("view", run) == 0
    page = opened(run / "view.html")
    at_start = figures(page)
    assert (at_start["Right"], at_start["False"], at_start["Not found"]) == tuple(
        str(v) for v in (metrics.instances.found, metrics.instances.false, metrics.instances.missed)
    )
    assert (at_start["Missed"], at_start["False alarms"]) == (
        str(metrics.images.missed), str(metrics.images.false_alarms)
    )  # fmt: skip
    hint = page.locator(".threshold .hint").first
    assert "fold 1 {:.3f}, fold 2 {:.3f}".format(*metrics.folds.score_thresholds) in hint.inner_text()
    set_confidence(page, 0.5)
    assert figures(page) != at_start
    assert "All folds use the threshold 0.500" in hint.inner_text()
    page.click(".mark")
    settle(page)
    assert figures(page) == at_start
    for k in (1, 2):
        for name in read_split(load_run(run / f"fold-{k}")).images["test"][:3]:
            page.evaluate("(name) => window.defectline.store.change({ image: name })", name)
            settle(page)
            assert f"fold {k}" in page.locator(".facts").inner_text()


@pytest.mark.parametrize("folds", [False, True], ids=["a run", "a cross-validation"])
def test_the_copied_command_proposes_what_the_page_shows_for_that_image(
    folds: bool, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a b/größe 'ä' {i}.png" for i in range(12)]
    root = make_dataset(tmp_path / "my data", names=names)
    run = make_cross_validation(tmp_path / "runs", root) if folds else make_run(tmp_path / "runs", root)
    moved = root.rename(tmp_path / "moved data")
    assert run_command("view", run, "--dataset", moved) == 0
    page = opened(run / "view.html", permissions=["clipboard-read", "clipboard-write"])
    if not folds:
        set_confidence(page, 0.45)
    image = page.evaluate(
        """() => { const { chosen, judged } = window.defectline.results();
          return chosen.filter((image) => judged[0][image.index].count).map((image) => image.name).at(-1); }"""
    )
    shown_scores = page.evaluate(
        """(name) => { const { chosen, judged } = window.defectline.results();
          const image = chosen.find((one) => one.name === name);
          return image.runs[0].predictions.slice(0, judged[0][image.index].count).map((p) => p.score); }""",
        image,
    )
    page.evaluate("(name) => window.defectline.store.change({ image: name })", image)
    settle(page)
    page.click("text=Copy the command")
    page.wait_for_function("() => document.getElementById('note').innerText.startsWith('Command copied')")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    asked = tmp_path / "asked.json"
    labelme = tmp_path / "labelme"
    labelme.write_text(
        f"""#!{sys.executable}
import json, pathlib, sys
if "--version" in sys.argv:
    print("labelme 6.3.1")
else:
    config = pathlib.Path(sys.argv[sys.argv.index("--config") + 1]).read_text("utf-8")
    pathlib.Path({str(asked)!r}).write_text(json.dumps([config, sys.argv[-1]]))
"""
    )
    labelme.chmod(0o755)
    (tmp_path / "annotate").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m annotate "$@"\n')
    (tmp_path / "annotate").chmod(0o755)
    environ = {
        **os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "DEFECTLINE_LABELME": str(labelme),
        "DISPLAY": ":0", "XDG_DATA_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }  # fmt: skip
    subprocess.run(["/bin/sh", "-c", copied], env=environ, check=True, cwd=tmp_path)
    (written,) = (moved / "images").rglob("*.json")
    assert written == (moved / "images" / image).with_suffix(".json")
    shapes = json.loads(written.read_text())["shapes"]
    told = {shape["description"].split()[0] for shape in shapes}
    assert told == {f"score={score:.3f}" for score in shown_scores}
    config, opened_folder = json.loads(asked.read_text())
    assert Path(opened_folder) == moved / "images"
    pattern = msgspec.yaml.decode(config.encode())["file_search"]
    assert [name for name in names if re.search(pattern, name)] == [image]


def test_confusion_is_that_of_evaluate_and_a_cell_shows_its_images(
    opened: Open, seg_page: Path, seg_run: Path, dataset: Path
) -> None:
    truth = run_truth(load_run(seg_run), load_dataset(dataset))["test"]
    predictions = read_predictions(seg_run / "predictions" / "test.json")
    matrix = type_confusion(truth, [p for p in predictions if p.score >= 0.2]).matrix
    page = opened(seg_page, "tab=tables")
    set_confidence(page, 0.2)
    cells = [
        [cell.inner_text() for cell in row.locator("td").all()]
        for row in page.locator(".confusion:not(.sizes) tr").all()[1:]
    ]
    assert cells == [[str(v) for v in row] for row in matrix[:-1]] + [[*map(str, matrix[-1][:-1]), ""]]
    row, column = next((r, c) for r in range(4) for c in range(4) if r != c and matrix[r][c])
    page.click(f'[data-cell="confusion,{row},{column}"]')
    settle(page)
    assert 1 <= len(shown(page)) <= matrix[row][column]
    assert page.locator("#count").inner_text() == f"{len(shown(page))} of 18 images"


def test_cells_of_the_other_tables_show_their_images(opened: Open, seg_page: Path, dataset: Path) -> None:
    coco = load_dataset(dataset).split("test")
    page = opened(seg_page, "tab=tables&thresholds=[0.5]")
    small = {a.image_id for a in coco.annotations if a.area < 32**2}
    assert (
        page.locator(".sizes tr")
        .nth(4)
        .locator("td")
        .nth(0)
        .inner_text()
        .endswith(f"of {sum(a.area < 32**2 for a in coco.annotations)}")
    )
    page.click('[data-cell="size,3,0"]')
    settle(page)
    assert shown(page) == sorted(i.file_name for i in coco.images if i.id in small)
    unfound = page.evaluate(
        """() => window.defectline.results().judged[0].flatMap((one, i) =>
          one.truthVerdicts.some((v) => v !== "right") ? [i] : []).length"""
    )
    page.keyboard.press("v")
    page.click('[data-cell="unfound,3,3"]')
    settle(page)
    assert len(shown(page)) == unfound > 0


def test_the_curve_of_misses_is_that_of_metrics_json(
    javascript: Open, seg_page: Path, seg_run: Path, opened: Open
) -> None:
    page = opened(seg_page)
    data = page.evaluate("() => JSON.parse(document.getElementById('data').textContent)")
    curve = javascript("prepare curves", "missAlarmCurve(prepare(argument0), 0)", data)
    assert [(p["threshold"], p["missed"], p["alarms"]) for p in curve] == [
        tuple(p) for p in read_metrics(seg_run / "metrics.json").images.curve
    ]


def test_the_page_shows_every_table_of_metrics_json(opened: Open, seg_page: Path, seg_run: Path) -> None:
    page = opened(seg_page, "tab=tables")
    set_confidence(page, 0.9)  # these tables stay as measured
    cards = page.locator(".measured figure").all()
    written = {
        card.locator("figcaption").inner_text(): [
            [cell.inner_text() for cell in row.locator("th, td").all()] for row in card.locator("tr").all()
        ]
        for card in cards
    }
    tables = {t.title: t for t in metrics_tables(read_metrics(seg_run / "metrics.json"))}
    assert written.keys() == tables.keys()
    assert {"Images", "Boxes", "Instance masks", "Pixels"} <= written.keys()
    for title, table in tables.items():
        assert written[title] == [list(table.columns), *map(list, table.rows)]


def test_filters_show_the_images_that_they_name(opened: Open, seg_page: Path, seg_run: Path) -> None:
    metrics = read_metrics(seg_run / "metrics.json")
    page = opened(seg_page)
    page.click('.figure[data-figure="Missed"]')
    settle(page)
    assert shown(page) == sorted(metrics.images.missed_names)
    page.click('.chip[data-key="missed"]')
    page.click('.chip[data-key="alarm"]')
    settle(page)
    assert shown(page) == sorted(metrics.images.false_alarm_names)
    page.click("#clear")
    page.fill("#search", "kind_1 BROKEN_small")
    settle(page)
    assert shown(page)
    assert all("kind_1" in name for name in shown(page))


def test_state_is_kept_in_the_address(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    set_confidence(page, 0.35)
    page.click('.chip[data-key="defective"]')
    page.select_option("#sort", "overlap")
    page.click('[data-layer="truth-outlines"]')
    page.wait_for_timeout(300)
    address = page.evaluate("() => location.hash.slice(1)")
    again = opened(seg_page, address)
    assert figures(again) == figures(page)
    assert shown(again) == shown(page)
    assert again.locator("#sort").input_value() == "overlap"
    assert not again.locator('[data-layer="truth-outlines"]').is_checked()
    assert again.locator(".truth .outline").first.is_hidden()


def test_keyboard(opened: Open, seg_page: Path) -> None:
    page = opened(seg_page)
    names = page.evaluate("() => window.defectline.results().chosen.map((image) => image.name)")
    first = next(i for i, name in enumerate(names) if "kind_0" not in name)
    page.locator(f'.tile[data-name="{names[first]}"]').click()
    settle(page)
    heading = page.locator("#large h2")
    assert heading.inner_text() == names[first]
    page.keyboard.press("ArrowRight")
    settle(page)
    assert heading.inner_text() == names[first + 1]
    page.keyboard.press("ArrowLeft")
    settle(page)
    page.keyboard.press("1")
    settle(page)
    assert page.locator(".zoom").inner_text() == "100 %"
    assert "scale(1)" in page.locator(".stage > g").get_attribute("transform")
    outlines = page.locator(".stage .truth path.line")
    assert outlines.first.is_visible()
    page.keyboard.press("t")
    settle(page)
    assert not outlines.first.is_visible()
    page.keyboard.press("t")
    page.keyboard.press("Escape")
    settle(page)
    assert not page.locator("#large").is_visible()
    page.keyboard.press("?")
    settle(page)
    assert page.locator("#help").is_visible()
    page.keyboard.press("?")
    settle(page)
    assert not page.locator("#help").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("000.png")
    settle(page)
    assert len(shown(page)) == 1


def test_overlays_lie_where_the_dataset_says(opened: Open, seg_page: Path, dataset: Path) -> None:
    coco = load_dataset(dataset).split("test")
    page = opened(seg_page)
    settle(page)
    for image in [i for i in coco.images if coco.by_image()[i.id]][:3]:
        drawn = page.evaluate(
            """(name) => [...document.querySelectorAll(`.tile[data-name="${name}"] .truth`)].map((g) => {
              const box = g.querySelector("rect.line"), path = g.querySelector("path.line").getBBox();
              return [...["x", "y", "width", "height"].map((k) => Number(box.getAttribute(k))),
                path.x, path.y, path.width, path.height];
            })""",
            image.file_name,
        )
        assert drawn == [[*a.bbox, *a.bbox] for a in coco.by_image()[image.id]]


def test_pictures_in_a_folder_are_loaded_as_they_come_into_sight(
    opened: Open, seg_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 10)
    file = tmp_path / "many #1 ü.html"
    assert run_command("view", seg_run, "--out", file) == 0
    page = opened(file)
    page.wait_for_function(
        "() => [...document.querySelectorAll('.tile img')].every((one) => one.naturalWidth === 200)"
    )
    page.locator(".tile").nth(1).click()
    settle(page)
    assert page.locator(".stage image").get_attribute("href").startswith("many%20%231%20%C3%BC_files/")


def test_of_thousands_of_images_only_the_rows_in_sight_exist(
    opened: Open, seg_page: Path, seg_run: Path, tmp_path: Path
) -> None:
    data = page_data(run_scene([seg_run], "test"))
    images = [
        replace(image, name=f"{k:03d}/{image.name}", crops=[(0, 0, 200, 160, "data:,")])
        for k in range(200)
        for image in data.images
    ]
    file = tmp_path / "thousands.html"
    file.write_text(page_text(replace(data, images=images)))
    page = opened(file)
    assert page.locator("#count").inner_text() == "3,600 images"
    assert 4 <= page.locator(".tile").count() < 60
    last = images[-1].name
    assert not page.locator(f'.tile[data-name="{last}"]').count()
    page.evaluate("() => { document.getElementById('main').scrollTop = 1e9; }")
    page.wait_for_selector(f'.tile[data-name="{last}"]')
    assert page.locator(".tile").count() < 60
    once = [int(figures(opened(seg_page))[name]) for name in ("Right", "False", "Not found", "Missed")]
    assert [int(figures(page)[name]) for name in ("Right", "False", "Not found", "Missed")] == [
        200 * n for n in once
    ]


def test_comparison_tells_better_from_worse(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page)
    judged = page.evaluate(
        """() => window.defectline.results().judged.map((run) => run.map((one) => one.wrong + one.unfound))"""
    )
    fewer = sum(b < a for a, b in zip(*judged, strict=True))
    better = int(page.locator('.chip[data-key="better"] .number').inner_text())
    worse = int(page.locator('.chip[data-key="worse"] .number').inner_text())
    same = int(page.locator('.chip[data-key="same"] .number').inner_text())
    assert better >= fewer > 0
    assert better + worse + same == 18
    assert page.locator(".tile").first.locator(".pane").count() == 2
    before = figures(page, 1)
    set_confidence(page, 0.99, run=0)
    assert figures(page, 1) == before
    page.locator(".tile").first.click()
    page.keyboard.press("1")
    settle(page)
    placed = [g.get_attribute("transform") for g in page.locator(".stage > g").all()]
    assert len(placed) == 2
    assert placed[0] == placed[1]


def test_names_cannot_run_script(opened: Open, tmp_path: Path) -> None:
    evil = "</script><script>window.stolen=1</script>"
    types = [f"a{evil}", "<img src=x onerror=window.stolen=1>", "b&amp;\u2028"]
    names = [f"{i}<b onclick=x>&'\".png" for i in range(9)]
    root = make_dataset(tmp_path / "<i>evil", images=9, names=names, types=types)
    run = make_run(tmp_path / "runs", root, "seg")
    assert run_command("view", run) == 0
    page = opened(run / "view.html", "tab=tables")
    assert page.evaluate("() => window.stolen") is None
    assert page.locator("script").count() == 2 + page.locator("script[type='text/plain']").count()
    assert types[0] in page.locator(".chip .text").all_inner_texts()
    opened_image = opened(
        run / "view.html", "image=" + json.dumps(names[1])[1:-1].replace('\\"', '"').replace("&", "%26")
    )
    assert opened_image.locator("#large h2").inner_text() == names[1]
    assert opened_image.locator("b[onclick], img[src='x']").count() == 0


def test_the_page_may_load_nothing(browser: Any, seg_page: Path) -> None:
    page = browser.new_page()
    page.goto(seg_page.resolve().as_uri())
    blocked = page.evaluate(
        """() => new Promise((done) => {
          const seen = [];
          document.addEventListener("securitypolicyviolation", (event) => {
            seen.push(event.effectiveDirective);
            if (seen.length === 2) done(seen.sort());
          });
          const picture = new Image();
          picture.src = "https://example.invalid/a.png";
          fetch("https://example.invalid/").catch(() => {});
        })"""
    )
    page.close()
    assert blocked == ["connect-src", "img-src"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(scheme: str, width: int, opened: Open, compare_page: Path) -> None:
    page = opened(compare_page, viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    paper = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (sum(int(v) for v in paper[4:-1].split(",")) > 384) == (scheme == "light")
    if width < 400:
        assert not page.locator("#side").is_visible()
        page.click(".side-button")
        settle(page)
        assert page.locator("#confidence-0").is_visible()
