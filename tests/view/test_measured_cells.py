"""Each figure of a table of metrics.json that is a button shows exactly the images computed here from files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datasets.coco import CocoFile, Prediction
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.confusion import instance_counts, type_confusion
from evaluate.metrics import read_metrics
from evaluate.run_folder import load_run, read_split
from evaluate.truth import run_truth
from tests.command import run_command
from tests.view.browser import Open, settle
from tests.view.fakes import make_cross_validation, make_run

# The cells of the measured tables: what is written, whether it is a button, what it shows, and its description.
CELLS = """async (titles) => {
  const { store, results } = window.defectline;
  const drawn = () => new Promise((done) => requestAnimationFrame(done));
  const found = [];
  const places = [...document.querySelectorAll(".measured figure")].flatMap((figure) =>
    [...figure.querySelectorAll("tr")].slice(1).flatMap((tr, row) => [...tr.cells].slice(1).map((td, column) => {
      const text = (node) => node.textContent;
      const title = text(figure.querySelector("strong"));
      const head = text(figure.querySelector("tr").cells[column + 1]);
      const [name, button] = [text(tr.cells[0]), td.querySelector("button")];
      return { title, name, head, row, column, words: text(td), button };
    })));
  for (const { button, ...place } of places) {
    if (titles.length && !titles.includes(place.title)) continue;
    if (!button) { found.push({ ...place, shown: null }); continue; }
    if (store.state.image) {
      const closed = new Promise((done) => addEventListener("popstate", done, { once: true }));
      store.change({ image: null });
      await closed;
    }
    const thresholds = store.state.thresholds.map(() => 0.9);
    store.change({ text: "zzz", sizes: ["small"], thresholds, iou: 0.8, cell: null });
    button.click();
    await drawn();
    const chip = document.querySelector("#bar .chip");
    const { image, show } = store.state;
    const shown = results().chosen.map(({ name }) => name).sort();
    found.push({ ...place, tip: button.title, chip: chip.hidden ? "" : chip.textContent, image, show, shown });
  }
  return found;
}"""


@dataclass
class Measured:
    """The truth and the counting predictions of a run, and per image the counts of evaluate."""

    truth: CocoFile
    predictions: list[Prediction]
    threshold: float

    def where(self, holds: Callable[[CocoFile, list[Prediction]], object]) -> list[str]:
        return sorted(one.images[0].file_name for one, counted in self.each() if holds(one, counted))

    def each(self) -> Iterator[tuple[CocoFile, list[Prediction]]]:
        for image in self.truth.images:
            annotations = [a for a in self.truth.annotations if a.image_id == image.id]
            counted = [p for p in self.predictions if p.image_id == image.id and p.score >= self.threshold]
            yield CocoFile([image], annotations, self.truth.categories), counted


def annotated(one: CocoFile, category: int) -> bool:
    return any(a.category_id == category for a in one.annotations)


def expected_images(cell: dict[str, Any], run: Measured) -> list[str] | None:
    """The images behind a count or a rate, None if this test does not compute them."""
    ids = {c.name: c.id for c in run.truth.categories}
    title, name, head = cell["title"], cell["name"], cell["head"]
    if title == "Images" and name == "missed" and head == "images":
        return run.where(lambda one, counted: one.annotations and not counted)
    if title == "Images" and name == "false alarms" and head == "images":
        return run.where(lambda one, counted: not one.annotations and counted)
    if title == "Images" and name in ("missed", "false alarms"):
        return run.where(lambda one, _: bool(one.annotations) == (name == "missed"))
    if title == "Images" and name.startswith("missed of "):
        of = ids[name.removeprefix("missed of ")]
        missed = head == "images"
        return run.where(lambda one, counted: annotated(one, of) and not (missed and counted))
    if title == "Instances" and head in ("found", "false", "missed"):
        return run.where(lambda one, counted: getattr(instance_counts(one, counted), head))
    if title.startswith("Types: rows"):
        return run.where(lambda one, counted: type_confusion(one, counted).matrix[cell["row"]][cell["column"]])
    if head == "annotations" and title in ("Boxes", "Instance masks"):
        return run.where(lambda one, _: annotated(one, ids[name]) if name in ids else one.annotations)
    if title in ("Boxes", "Instance masks") and name in ids:
        predicted = {p.image_id for p in run.predictions if p.category_id == ids[name]}
        return run.where(lambda one, _: annotated(one, ids[name]) or one.images[0].id in predicted)
    if title == "Images measured on":
        whole = {"images": lambda one: True, "good": lambda one: not one.annotations}
        return run.where(lambda one, _: whole.get(head, lambda one: one.annotations)(one))
    if title == "Panoptic quality" and name in ids:
        of = ids[name]
        return run.where(lambda one, counted: annotated(one, of) or any(p.category_id == of for p in counted))
    return None


@pytest.mark.parametrize("which", ["seg", "det"])
def test_what_a_figure_of_metrics_json_shows(
    which: str, opened: Open, dataset: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    root: Path = request.getfixturevalue(f"{which}_run")
    out = tmp_path / "page.html"
    assert run_command("view", root, "--out", out) == 0
    run = Measured(
        run_truth(load_run(root), load_dataset(dataset))["test"],
        read_predictions(root / "predictions" / "test.json"),
        read_metrics(root / "metrics.json").operating_point.score_threshold,
    )
    page: Any = opened(out, "tab=tables")
    settle(page)
    cells: list[dict[str, Any]] = page.evaluate(CELLS, [])
    whole = run.where(lambda one, counted: True)
    computed = 0
    for cell in cells:
        if cell["shown"] is None:
            continue
        expected = expected_images(cell, run)
        if cell["image"]:
            assert cell["tip"] == "Open this image", cell
            continue
        assert cell["tip"] in ("Show these images", "Show the images that it was measured on"), cell
        assert cell["shown"] == (whole if expected is None else expected), cell
        assert cell["chip"] or cell["show"], cell  # the page states what it shows
        computed += expected is not None
    assert computed > 30
    plain = [c for c in cells if c["shown"] is None and any(digit in c["words"] for digit in "123456789")]
    assert {(c["title"], c["name"]) for c in plain} == {("Images measured on", "val")}
    zeros = [c for c in cells if c["words"] == "0" and c["title"] in ("Images", "Instances")]
    assert all(cell["shown"] is None for cell in zeros)


def test_a_page_of_a_part_of_the_images_has_no_button_for_the_whole(
    opened: Open, dataset: Path, seg_run: Path, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    truth = run_truth(load_run(seg_run), load_dataset(dataset))["test"]
    names.write_text("\n".join(image.file_name for image in truth.images[:7]))
    out = tmp_path / "part.html"
    assert run_command("view", seg_run, "--only", names, "--out", out) == 0
    page: Any = opened(out, "tab=tables")
    settle(page)
    cells = page.evaluate(CELLS, [])
    assert not [c for c in cells if c["shown"] and not c["image"] and c["tip"] != "Show these images"]
    for cell in cells:  # some counts of the whole equal those of the part by chance
        if cell["shown"] and not cell["image"]:
            assert cell["title"] not in ("Images measured on", "Boxes"), cell


def test_an_annotation_corrected_since_leaves_no_count_that_is_not_shown(
    opened: Open, dataset: Path, tmp_path: Path
) -> None:
    """The page counts the annotations of today: a count of metrics.json that differs has no button."""
    root = make_run(tmp_path / "runs", dataset, "seg", seed=3)
    path = root / "metrics.json"
    point = read_metrics(path)
    found = point.instances.found
    path.write_text(path.read_text().replace(f'"found": {found},', f'"found": {found + 1},', 1))
    out = tmp_path / "page.html"
    assert run_command("view", root, "--out", out) == 0
    page: Any = opened(out, "tab=tables")
    settle(page)
    cells = page.evaluate(CELLS, ["Instances"])
    shown = {cell["head"]: cell["shown"] is not None for cell in cells}
    assert shown["found"] is False
    assert shown["precision"] is True


def test_a_value_of_a_fold_shows_the_images_of_this_fold(opened: Open, dataset: Path, tmp_path: Path) -> None:
    root = make_cross_validation(tmp_path / "runs", dataset)
    assert run_command("view", root) == 0
    page: Any = opened(root / "view.html", "tab=tables")
    settle(page)
    cells = [
        c for c in page.evaluate(CELLS, ["Folds"]) if c["head"].startswith("fold ") and c["shown"] is not None
    ]
    assert len({cell["head"] for cell in cells}) == 2
    for cell in cells:
        fold = load_run(root / cell["head"].replace(" ", "-"))
        assert cell["shown"] == sorted(read_split(fold).images["test"]), cell
        assert cell["chip"].startswith(cell["head"])
