"""The page of a classifier: its matrix, calibration and threshold equal what evaluate/ computes."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.coco import Prediction
from datasets.formats.coco_file import read_predictions, write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.image_types import IMAGE_TYPES
from evaluate.measure import measure_run
from evaluate.metrics import read_metrics
from evaluate.run_folder import RunConfig
from evaluate.type_of_image import type_of_image
from tests.command import run_command
from tests.view.browser import Open, figures, set_confidence, settle, shown
from training.new_run import create_run, run_split


def classifier_run(parent: Path, dataset_root: Path, seed: int = 5) -> Path:
    """A run with random probabilities that lean towards the truth."""
    chance = random.Random(seed)
    dataset = load_dataset(dataset_root)
    names = {name: [image.file_name for image in coco.images] for name, coco in dataset.splits.items()}
    config = RunConfig("cls", str(dataset_root), {})
    run = create_run(parent, "cls", dataset.name, config, run_split(dataset, names))
    for name, coco in dataset.splits.items():
        annotations, stored = coco.by_image(), []
        for image in coco.images:
            truth = type_of_image(annotations[image.id]) or 0
            weights = [chance.random() ** 2 + (0.35 if k == truth else 0) for k in range(4)]
            for k in (1, 2, 3):
                whole = (0, 0, image.width, image.height)
                stored.append(Prediction(image.id, k, whole, weights[k] / sum(weights)))
        write_predictions(run.predictions(name), stored)
    measure_run(run, dataset)
    return run.root


@pytest.fixture(scope="module")
def cls_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = classifier_run(tmp_path_factory.mktemp("types") / "runs", dataset)
    assert run_command("view", root) == 0
    return root


def truth_and_scores(root: Path, dataset_root: Path) -> dict[str, tuple[int, np.ndarray]]:
    """For each test image its type, 0 good, and the probabilities of good and of the three types."""
    coco = load_dataset(dataset_root).split("test")
    annotations = coco.by_image()
    found = {image.id: np.zeros(4) for image in coco.images}
    for p in read_predictions(root / "predictions" / "test.json", coco.images):
        found[p.image_id][p.category_id] = p.score
    for scores in found.values():
        scores[0] = 1 - scores.sum()
    return {i.file_name: (type_of_image(annotations[i.id]) or 0, found[i.id]) for i in coco.images}


def matrix_cells(page: Any) -> list[list[int]]:
    page.wait_for_selector("table.types")
    rows = page.locator("table.types tr").all()[1:]
    return [[int(cell.inner_text()) for cell in row.locator("td").all()] for row in rows]


def test_the_matrix_of_the_most_probable_types_is_that_of_metrics_json(
    opened: Open, cls_run: Path, dataset: Path
) -> None:
    value = read_metrics(cls_run / "metrics.json")[IMAGE_TYPES]
    page = opened(cls_run / "view.html", "tab=tables&decide=probable")
    assert matrix_cells(page) == value.matrix
    assert page.locator("#types-right").inner_text().startswith(f"{value.right} of {value.images} right")
    assert f"{value.calibration_error:.3f}" in page.locator(".card:has(.bin)").inner_text()
    counts = [int(c.get_attribute("data-images")) for c in page.locator("circle.bin").all()]
    assert counts == [one.images for one in value.calibration]
    images = truth_and_scores(cls_run, dataset)
    row, column = next(
        (r, c) for r in range(4) for c in range(4) if r != c and value.matrix[r][c]
    )  # a cell of errors
    page.click(f'[data-cell="image_type,{row},{column}"]')
    settle(page)
    wanted = [name for name, (truth, scores) in images.items() if (truth, scores.argmax()) == (row, column)]
    assert shown(page) == sorted(wanted)


def test_a_point_of_the_calibration_curve_shows_its_images(opened: Open, cls_run: Path, dataset: Path) -> None:
    page = opened(cls_run / "view.html", "tab=tables")
    page.locator("circle.bin").first.click()
    settle(page)
    highest = {name: scores.max() for name, (_, scores) in truth_and_scores(cls_run, dataset).items()}
    lowest = int(np.ceil(min(highest.values()) * 10))
    assert shown(page) == sorted(name for name, p in highest.items() if int(np.ceil(p * 10)) == lowest)


@pytest.mark.parametrize("threshold", [0.2, 0.45, 0.7])
def test_the_threshold_decides_good_or_defective(
    opened: Open, cls_run: Path, dataset: Path, threshold: float
) -> None:
    page = opened(cls_run / "view.html")
    set_confidence(page, threshold)
    images = truth_and_scores(cls_run, dataset).values()
    defective = [(truth, scores[1:].sum() >= threshold, int(scores[1:].argmax()) + 1) for truth, scores in images]
    found = figures(page)
    assert found["Missed"] == str(sum(bool(truth) and not hit for truth, hit, _ in defective))
    assert found["False alarms"] == str(sum(not truth and hit for truth, hit, _ in defective))
    assert found["wrong_type"] == str(sum(bool(truth) and hit and k != truth for truth, hit, k in defective))
    right = sum(truth == (k if hit else 0) for truth, hit, k in defective)
    assert found["right_type"] == str(right)
    page.click('[data-key="tables"]')
    matrix = np.zeros((4, 4), int)
    for truth, hit, k in defective:
        matrix[truth, k if hit else 0] += 1
    assert matrix_cells(page) == matrix.tolist()


def test_abstention_leaves_images_open(opened: Open, cls_run: Path, dataset: Path) -> None:
    page = opened(cls_run / "view.html", "tab=tables&decide=probable&abstain=0.5")
    images = truth_and_scores(cls_run, dataset).values()
    kept = [(truth, scores.argmax()) for truth, scores in images if scores.max() >= 0.5]
    cells = matrix_cells(page)
    assert [row[4] for row in cells] == [
        sum(truth == r and scores.max() < 0.5 for truth, scores in images) for r in range(4)
    ]
    right = sum(truth == found for truth, found in kept)
    text = page.locator("#types-right").inner_text()
    assert text.startswith(f"{right} of {len(kept)} right")
    assert text.endswith(f"{len(images) - len(kept)} of {len(images)} left open")


def test_the_large_view_lists_all_probabilities(opened: Open, cls_run: Path, dataset: Path) -> None:
    name, (truth, scores) = next((n, found) for n, found in truth_and_scores(cls_run, dataset).items() if found[0])
    page = opened(cls_run / "view.html", f"image={name}")
    rows = page.locator(".probabilities li output").all_inner_texts()
    assert rows == [f"{score:.3f}" for score in sorted(scores, reverse=True)]
    (true_row,) = page.locator(".probabilities li.true output").all_inner_texts()
    assert true_row == f"{scores[truth]:.3f}"
    assert page.locator("#large .item.truth path.outline").count() >= 2  # the defect, not the whole image
