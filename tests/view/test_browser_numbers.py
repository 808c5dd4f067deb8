"""The numbers of the page in a browser are those that evaluate/ computes."""

from pathlib import Path

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
from tests.view.browser import Open, figures, set_confidence, settle, shown
from tests.view.fakes import make_cross_validation


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
            rows = page.locator("figure:has-text('By defect type') tr:has(td)").all()
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
        card.locator("figcaption strong").inner_text(): [
            [cell.inner_text() for cell in row.locator("th, td").all()] for row in card.locator("tr").all()
        ]
        for card in cards
    }
    tables = {t.title: t for t in metrics_tables(read_metrics(seg_run / "metrics.json"))}
    assert written.keys() == tables.keys()
    assert {"Images", "Boxes", "Instance masks", "Pixels"} <= written.keys()
    for title, table in tables.items():
        assert written[title] == [list(table.columns), *map(list, table.rows)]


def test_comparison_distinguishes_better_from_worse(opened: Open, compare_page: Path) -> None:
    page = opened(compare_page)
    better = int(page.locator('.chip[data-key="better"] .number').inner_text())
    worse = int(page.locator('.chip[data-key="worse"] .number').inner_text())
    same = int(page.locator('.chip[data-key="same"] .number').inner_text())
    assert better > 0
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
