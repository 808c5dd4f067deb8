"""Runs of different tasks on one page are compared by the images they miss and the false alarms they raise."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from datasets.formats.coco_file import read_predictions, write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.images import IMAGES
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from evaluate.run_folder import Provides, load_run
from tests.command import run_command
from tests.view.browser import Open, figures, set_confidence, settle, shown
from tests.view.fakes import make_run
from tests.view.test_type_page import classifier_run
from view.scene import run_scene, what_is_judged

CLS, MULTI = Provides(image_types=True), Provides(image_types=True, several_types=True)
DET, SEG = Provides(boxes=True), Provides(boxes=True, masks=True, score_maps=True)
ANOMALY = Provides(boxes=True, masks=True, score_maps=True, types=False)


def anomaly_run(parent: Path, dataset_root: Path) -> Path:
    """The predictions of a segmenter with the category of all defects, which follows those of the dataset."""
    source = make_run(parent / "source", dataset_root, "seg", seed=6, measured=False)
    root = parent / "anomaly"
    source.rename(root)
    config = (root / "config.yaml").read_text()
    (root / "config.yaml").write_text(config.replace("kind: seg", "kind: anomaly"))
    for path in (root / "predictions").glob("*.json"):
        found = [msgspec.structs.replace(p, category_id=4) for p in read_predictions(path)]
        write_predictions(path, found)
    measure_run(load_run(root), load_dataset(dataset_root))
    return root


@pytest.fixture(scope="module")
def runs(dataset: Path, det_run: Path, seg_run: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("tasks")
    cls = classifier_run(parent / "runs", dataset, seed=9)
    return {"det": det_run, "seg": seg_run, "cls": cls, "anomaly": anomaly_run(parent, dataset)}


def wrong_images(root: Path, dataset_root: Path, threshold: float) -> tuple[set[str], set[str]]:
    """The names of the missed images and of those with a false alarm."""
    coco = load_dataset(dataset_root).split("test")
    predictions = read_predictions(root / "predictions" / "test.json", coco.images)
    provides = load_run(root).provides
    if provides.one_type:  # by the probability of any defect
        sums = {i.id: sum(p.score for p in predictions if p.image_id == i.id) for i in coco.images}
        found = {image for image, score in sums.items() if score >= threshold}
    else:
        found = {p.image_id for p in predictions if p.score >= threshold}
    defective = {annotation.image_id for annotation in coco.annotations}
    missed = {i.file_name for i in coco.images if i.id in defective - found}
    return missed, {i.file_name for i in coco.images if i.id in found - defective}


@pytest.mark.parametrize("pair", [("det", "cls"), ("cls", "seg"), ("seg", "anomaly"), ("anomaly", "cls")])
def test_misses_and_false_alarms_are_those_of_each_run(
    opened: Open, runs: dict[str, Path], dataset: Path, tmp_path: Path, pair: tuple[str, str]
) -> None:
    out = tmp_path / "both.html"
    assert run_command("view", *(runs[task] for task in pair), "--out", out) == 0
    page = opened(out)
    measured = [read_metrics(runs[task] / "metrics.json")[IMAGES] for task in pair]
    for m, value in enumerate(measured):
        assert figures(page, m) == {"Missed": str(value.missed), "False alarms": str(value.false_alarms)}
    wrong = []
    for m, task in enumerate(pair):
        threshold = 0.5 if task == "cls" else 0.8
        set_confidence(page, threshold, m)
        wrong.append(wrong_images(runs[task], dataset, threshold))
        assert figures(page, m) == {"Missed": str(len(wrong[m][0])), "False alarms": str(len(wrong[m][1]))}
    page.click('[data-key="tables"]')
    page.wait_for_selector("table.agreement")
    rows = page.locator("table.agreement tr").all()[1:]
    coco = load_dataset(dataset).split("test")
    defective = len({annotation.image_id for annotation in coco.annotations})
    for column, whole in enumerate((defective, len(coco.images) - defective)):
        first, second = wrong[0][column], wrong[1][column]
        counts = [whole - len(first | second), len(first - second), len(second - first), len(first & second)]
        assert [int(row.locator("td").nth(column).inner_text()) for row in rows] == counts
    first, second = wrong[0][0], wrong[1][0]
    row, names = next((k, one) for k, one in ((1, first - second), (2, second - first)) if one)
    page.click(f'[data-cell="agreement,{row},missed"]')
    settle(page)
    assert shown(page) == sorted(names)


def test_a_prediction_on_a_defective_image_has_no_verdict_beside_another_task(
    opened: Open, runs: dict[str, Path], tmp_path: Path
) -> None:
    """Its place is not compared."""
    for others, marked in (([], True), ([runs["anomaly"]], False)):
        out = tmp_path / f"{len(others)}.html"
        assert run_command("view", runs["seg"], *others, "--out", out) == 0
        page = opened(out)
        page.wait_for_selector(".overlay .label")
        texts = page.eval_on_selector_all(".overlay .label", "all => all.map((one) => one.textContent)")
        assert any("0." in text for text in texts)
        assert any("✓" in text for text in texts) == marked


@pytest.mark.parametrize(
    ("provided", "judged"),
    [
        ([DET], "defects"),
        ([DET, SEG], "defects"),
        ([CLS], "types"),
        ([CLS, CLS], "types"),
        ([MULTI], "defects"),
        ([DET, CLS], "images"),
        ([SEG, ANOMALY], "images"),
        ([ANOMALY], "defects"),
        ([ANOMALY, CLS], "images"),
    ],
)
def test_what_is_judged(provided: list[Provides], judged: str) -> None:
    assert what_is_judged(provided) == judged


def test_the_truth_keeps_its_types_beside_a_run_without_types(runs: dict[str, Path], dataset: Path) -> None:
    scene = run_scene([runs["anomaly"], runs["seg"]], "test")
    coco = load_dataset(dataset).split("test")
    wanted = {i.file_name: sorted(a.category_id for a in coco.by_image()[i.id]) for i in coco.images}
    assert {s.image.file_name: sorted(t.category_id for t in s.truths) for s in scene.images} == wanted


JUDGE = 'judgeImage(argument0, 0, argument1, 0.5, "boxes")'


@pytest.mark.parametrize(
    ("truths", "count", "expected"),
    [
        (1, 0, {"miss": True, "alarm": False, "right": 0, "wrong": 0, "unfound": 1}),
        (3, 1, {"miss": False, "alarm": False, "right": 1, "wrong": 0, "unfound": 0}),
        (0, 2, {"miss": False, "alarm": True, "right": 0, "wrong": 1, "unfound": 0}),
        (0, 0, {"miss": False, "alarm": False, "right": 0, "wrong": 0, "unfound": 0}),
    ],
)
def test_a_whole_image_is_one_error_at_most(
    truths: int, count: int, expected: dict[str, object], javascript: Any
) -> None:
    """Wherever the predictions are: none of them overlaps a truth here."""
    run = {"predictions": [{"type": 0, "score": 0.9}, {"type": 1, "score": 0.8}], "pairs": [[], []]}
    image = {"good": not truths, "judging": "images", "truths": [{"type": 0}] * truths, "runs": [run]}
    found = javascript("judge", JUDGE, image, count)
    assert {key: found[key] for key in expected} == expected
    assert found["truthVerdicts"] == ["right" if count else "missed"] * truths
