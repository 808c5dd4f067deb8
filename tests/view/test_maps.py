"""Maps as a layer of the page: colours, threshold, opacity, freshness, and a page with its maps in files."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import view.page
from datasets.formats.dataset_folder import load_dataset
from evaluate.map_folder import new_maps
from evaluate.run_folder import Run, load_run
from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns
from tests.view.browser import Open, settle
from view.maps import colour_range

STEPS = 6  # values of the map of every image: 0, 0.2, ... 1, in columns from left to right
TABLES = "argument0.map((range) => [0, 1, 2].map((c) => colourTable(range, c).map(Number)))"


@pytest.fixture(scope="module")
def mapped_run(seg_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with the same map of six columns for each test image."""
    root = Path(shutil.copytree(seg_run, tmp_path_factory.mktemp("mapped") / "run"))
    store_maps(load_run(root))
    assert run_command("view", root) == 0
    return root


def store_maps(run: Run) -> None:
    names = [image.file_name for image in load_dataset(Path(json_of(run)["dataset"])).images("test")]
    values = np.repeat(np.arange(STEPS, dtype=np.float32)[None] / (STEPS - 1), 5, 0)
    with new_maps(run.root / "maps" / "test", "score", run.predictions("test")) as writer:
        for name in names:
            writer.add(name, np.repeat(values, 40, 1))


def json_of(run: Run) -> dict[str, str]:
    return dict(re.findall(r"^(\w+): (.+)$", run.config.read_text(), re.MULTILINE))


def pixels_of(page: Any) -> np.ndarray:
    """The RGB of the first tile's image, at the middle of each column of the map, on a row without a label."""
    box = page.locator(".tile .pane").first.bounding_box()
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot(clip=box))).convert("RGB"), int)
    image = 200 / 160  # aspect ratio of the images of the fixture
    width = min(box["width"], box["height"] * image)
    left = (box["width"] - width) / 2
    columns = [int(left + width * (k + 0.5) / STEPS) for k in range(STEPS)]
    return shot[int(box["height"] / 2) - 30, columns]


def test_the_layer_follows_its_sliders(opened: Open, mapped_run: Path, javascript: Callable[..., Any]) -> None:
    bare = "layers=[]"
    page = opened(mapped_run / "view.html", bare)
    settle(page)
    plain = pixels_of(page)
    page.close()
    page = opened(mapped_run / "view.html", 'layers=["map"]&mapOpacity=1&mapThreshold=0.5')
    settle(page)
    shown = pixels_of(page)
    (table,) = javascript("maps", TABLES, [[0.5, 1.0]])  # the median of all pixels is between 0.4 and 0.6
    wanted = 255 * np.array(table)[:, [round(255 * k / (STEPS - 1)) for k in range(STEPS)]].T
    assert np.abs(shown[:3] - plain[:3]).max() <= 2
    assert np.abs(shown[3:] - wanted[3:]).max() <= 6
    page.evaluate("() => { const s = document.getElementById('map-opacity'); s.value = 0.5; s.oninput?.(); }")
    page.locator("#map-opacity").dispatch_event("input")
    settle(page)
    half = pixels_of(page)
    assert np.abs(half[3:] - (plain[3:] + wanted[3:]) / 2).max() <= 6
    page.uncheck("#map-shown")
    settle(page)
    assert np.abs(pixels_of(page) - plain).max() <= 2


def test_without_a_threshold_the_opacity_rises_with_the_value(javascript: Callable[..., Any]) -> None:
    whole = javascript("maps", "opacityTable([0.2, 0.8], 0.6, 0).map(Number)")
    assert whole[51] == 0  # 0.2
    assert whole[255] == whole[128] == 0.6
    assert whole[80] == pytest.approx(0.6 * (80 / 255 - 0.2) / 0.3, abs=1e-3)
    above = javascript("maps", "opacityTable([0.2, 0.8], 0.6, 0.5).map(Number)")
    assert above == [0] * 128 + [0.6] * 128


def test_the_range_of_colours() -> None:
    maps = [np.array([[0, 10, 20], [30, 40, 255]], np.uint8), np.zeros((1, 1), np.uint8)]
    assert colour_range(maps, "heat") == (0, 1)
    assert colour_range(maps, "score") == (20 / 255, 1)
    assert colour_range([np.zeros((2, 2), np.uint8)], "heat") == (0, 1 / 255)


def test_maps_of_other_predictions_are_reported(
    mapped_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(mapped_run, tmp_path / "run"))
    predictions = load_run(root).predictions("test")
    predictions.write_text(predictions.read_text() + "\n")
    assert run_command("view", root) == 0
    assert "its maps belong to other predictions and are not shown; give --maps" in capsys.readouterr().err
    assert 'id="map-0-0"' not in (root / "view.html").read_text()


def test_a_page_of_many_images_has_its_maps_in_files(
    opened: Open, mapped_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view.page, "MAX_EMBEDDED_IMAGES", 5)
    assert run_command("view", mapped_run, "--out", tmp_path / "many.html") == 0
    page = opened(tmp_path / "many.html", 'layers=["map"]&mapOpacity=1&mapThreshold=0.5')
    settle(page)
    assert (tmp_path / "many_files" / "00000-map-0.png").is_file()
    table = page.locator("#map-colours-0 feFuncG").get_attribute("tableValues").split()
    assert abs(pixels_of(page)[5, 1] - 255 * float(table[255])) <= 6


@pytest.mark.parametrize("images", [False, True])
def test_the_trainer_computes_what_is_missing(
    tiny_runs: TinyRuns, tmp_path: Path, opened: Open, coco_folder: Path, images: bool
) -> None:
    """The heat maps of a classifier, of its own test images and of new ones."""
    root = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run"))
    new = tmp_path / "new"
    if images:
        shutil.copytree(coco_folder / "images" / "test" / "broken_large", new)
    out = tmp_path / "page.html"
    assert run_command("view", root, "--maps", "--out", out, *(("--images", new) if images else ())) == 0
    page = opened(out)
    shown = page.locator("image.map[href^='data:image/png']").count()
    assert shown == page.locator(".tile").count() > 0
    assert (root / "maps" / "test" / "maps.json").is_file() != images
    if not images:
        listed = json.loads((root / "maps" / "test" / "maps.json").read_text())
        assert (listed["kind"], len(listed["images"])) == ("heat", shown)


def test_a_detector_has_no_map(det_run: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("view", det_run, "--maps") == 2
    assert "--maps: a run of train_det has no maps; name a run of train_seg" in only_line(capsys)
    assert run_command("view", dataset, "--maps") == 2
    assert "is a dataset; name a run" in only_line(capsys)
