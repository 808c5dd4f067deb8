import base64
import hashlib
import io
import json
import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as PillowImage

from evaluate.label_errors import LabelErrors
from evaluate.label_suspects import Suspect, SuspectKind
from evaluate.metrics import read_metrics
from evaluate.run_folder import load_run
from system.errors import InputError
from system.json_file import write_json
from tests.command import only_line, run_command
from tests.nobody import only_reading
from tests.view.fakes import make_dataset, make_run
from view.bundle import bundle, read_asset
from view.crops import Crop, crop_regions, render
from view.data import overlaps, page_data, score_floor, type_colour
from view.page import json_text, write_page
from view.scene import dataset_scene, run_scene


def test_json_cannot_leave_its_element() -> None:
    value = {"a": "</script><!-- & \u2028 \u2029", "b": [1, "ü"]}
    text = json_text(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


def test_policy_names_the_hashes_of_script_and_style(seg_page: Path) -> None:
    page = seg_page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; img-src data:; ")
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert script
    assert style
    for kind, text in (("script", script[1]), ("style", style[1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", script[1] + style[1])


def test_modules_are_joined_once_each_and_in_order() -> None:
    script = bundle("main")
    assert "import " not in script
    assert "export " not in script
    assert script.count("function outlineLoops(") == 1
    assert (
        script.index("function runLengths(") < script.index("function maskPath(") < script.index("makeStore(data)")
    )
    modules = {p.stem for p in (Path(__file__).parents[2] / "view" / "page").glob("*.js")}
    assert all(script.count(read_asset(f"{name}.js").splitlines()[0]) == 1 for name in modules)


def test_the_same_run_gives_the_same_bytes(seg_run: Path, seg_page: Path) -> None:
    """In the same place: the page contains its way to the dataset and the run."""
    first = seg_page.read_bytes()
    assert run_command("view", seg_run, "--out", seg_page) == 0
    assert seg_page.read_bytes() == first


def test_data_equals_the_dataset(seg_run: Path, dataset: Path) -> None:
    scene = run_scene([seg_run], "test")
    data = json.loads(json_text(page_data(scene)))
    truth = {p.image.file_name: p for p in scene.images}
    assert [image["name"] for image in data["images"]] == sorted(truth)
    for image in data["images"]:
        shown = truth[image["name"]]
        assert [t[1:6] for t in image["truths"]] == [[*a.bbox, a.area] for a in shown.truths]
        assert [t[6] for t in image["truths"]] == [a.segmentation.counts for a in shown.truths]
        scores = [p[5] for p in image["predictions"][0]]
        assert scores == sorted((p.score for p in shown.predictions[0]), reverse=True)


def test_overlaps_are_of_boxes_and_of_masks(seg_run: Path) -> None:
    scene = run_scene([seg_run], "test")
    shown = next(p for p in scene.images if p.truths and overlaps(p.image, p.truths, p.predictions[0]))
    p, t, boxes, masks = overlaps(shown.image, shown.truths, shown.predictions[0])[0]
    (x, y, w, h), (u, v, a, b) = shown.predictions[0][p].bbox, shown.truths[t].bbox
    shared = max(0, min(x + w, u + a) - max(x, u)) * max(0, min(y + h, v + b) - max(y, v))
    assert boxes == pytest.approx(shared / (w * h + a * b - shared))
    assert 0 < masks <= 1
    assert masks != boxes


def test_few_predictions_are_all_kept(seg_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = run_scene([seg_run], "test")
    assert score_floor(scene, 0) == 0
    scores = sorted((p.score for shown in scene.images for p in shown.predictions[0]), reverse=True)
    monkeypatch.setattr("view.data.MAX_PREDICTIONS", 5)
    assert score_floor(scene, 0) == scores[4]
    assert sum(len(image.predictions[0]) for image in page_data(scene).images) == 5


def test_colours_are_those_of_pixel_masks() -> None:
    assert [type_colour(i) for i in (0, 1, 7)] == ["#e69f00", "#56b4e9", "#e69f00"]


def test_crops_are_native_and_do_not_overlap(tmp_path: Path) -> None:
    root = make_dataset(tmp_path / "large", images=6, size=(1200, 900), seed=5)
    for shown in dataset_scene(root, "test").images:
        whole, *crops = render(shown, [])
        assert PillowImage.open(io.BytesIO(whole.webp)).size == (512, 384)
        assert bool(crops) == bool(shown.truths)
        native = np.asarray(PillowImage.open(shown.path)).astype(int)
        for crop in crops:
            x, y, w, h = crop.region
            found = np.asarray(PillowImage.open(io.BytesIO(crop.webp)))
            assert found.shape == (h, w, 3)
            assert np.abs(found - native[y : y + h, x : x + w]).mean() < 4
        for truth in shown.truths:
            x, y, w, h = truth.bbox
            assert any(c.region[0] <= x and c.region[1] <= y and c.region[0] + c.region[2] >= x + w
                       and c.region[1] + c.region[3] >= y + h for c in crops)  # fmt: skip


def test_small_images_are_embedded_at_native_size(dataset: Path) -> None:
    shown = dataset_scene(dataset, "test").images[1]
    (only,) = render(shown, [])
    assert only.region == (0, 0, 200, 160)
    assert PillowImage.open(io.BytesIO(only.webp)).size == (200, 160)


def test_regions_that_touch_become_one() -> None:
    assert crop_regions([(100, 100, 10, 10), (130, 100, 10, 10), (400, 0, 5, 5)], 420, 300) == [
        (76, 76, 89, 59),
        (376, 0, 44, 30),
    ]
    assert crop_regions([(100, 100, 10, 10), (300, 100, 10, 10), (110, 100, 190, 5)], 500, 500) == [
        (76, 76, 259, 59)
    ]


def test_many_images_go_into_a_folder_beside(
    seg_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 10)
    page = tmp_path / "many #1.html"
    assert run_command("view", seg_run, "--out", page) == 0
    assert '<script type="text/plain"' not in page.read_text()
    names = {p.name for p in (tmp_path / "many #1_files").iterdir()}
    assert len(names) == 19
    assert "00000-0.webp" in names
    assert '"many%20%231_files/00000-0.webp"' in page.read_text()
    assert run_command("view", seg_run, "--out", page) == 0


def test_a_folder_of_somebody_else_is_not_replaced(
    seg_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("view.page.MAX_EMBEDDED_IMAGES", 10)
    (tmp_path / "a_files").mkdir()
    (tmp_path / "a_files" / "mine.txt").write_text("x")
    assert run_command("view", seg_run, "--out", tmp_path / "a.html") == 2
    assert "exists, but the images of the page have to go there" in only_line(capsys)
    assert [p.name for p in tmp_path.iterdir()] == ["a_files"]


def test_a_broken_image_leaves_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "data", images=6)
    victim = root / "images" / "test" / "kind_1" / "001.png"
    victim.write_bytes(victim.read_bytes()[:200])
    assert run_command("view", root) == 2
    assert "001.png" in only_line(capsys)
    assert not list(root.glob("*.html"))
    assert not list(root.glob(".*"))


def test_scenes_refuse_what_does_not_fit(
    dataset: Path, seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_dataset(tmp_path / "other", images=6, names=[f"x/{i}.png" for i in range(6)])
    stranger = make_run(tmp_path / "runs", other)
    mvtec = tmp_path / "bottle"
    (mvtec / "ground_truth" / "chip").mkdir(parents=True)
    for arguments, words in (
        ([tmp_path], "not a dataset folder (no annotations/instances_test.json); name a folder made by fit"),
        ([mvtec], f"make a dataset with convert mvtec2coco {mvtec} OUT"),
        ([seg_run, "--only", tmp_path / "none.txt"], "none.txt: no such file; save the names"),
        ([dataset, "--split", "train"], "the split train has no image"),
        ([seg_run, "--split", "train"], "has no predictions for it"),
        ([seg_run, stranger], "is not in the dataset"),
        ([dataset, seg_run], "only runs can be compared"),
        ([seg_run, "--out", tmp_path], "a folder, not a file"),
        ([seg_run, "--out", tmp_path / "a.txt"], "not the name of an HTML file"),
        (
            [seg_run, "--contact-sheet", tmp_path / "a.gif"],
            "not the name of a PNG; name a file ending in .png with",
        ),
        (
            [seg_run, "--contact-sheet", tmp_path],
            "a folder, not a file; name a file with --contact-sheet FILE.png",
        ),
        ([seg_run, "--contact-sheet", tmp_path / "a.png", "--images", tmp_path], "need truth and predictions"),
        ([seg_run, "--out", seg_run / "config.yaml" / "a.html"], "config.yaml, which is not a folder"),
        ([dataset, "--contact-sheet", tmp_path / "a.png"], "need truth and predictions"),
        ([seg_run, "--images", tmp_path / "none"], "no such folder"),
        ([dataset, "--images", tmp_path], "needs exactly one run"),
    ):
        assert run_command("view", *arguments) == 2
        assert words in only_line(capsys)


def test_a_moved_dataset_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_dataset(tmp_path / "data", images=8)
    run = make_run(tmp_path / "runs", root, measured=False)
    moved = root.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="--dataset DIR"):
        run_scene([run], "test")
    assert run_command("view", run, "--dataset", moved) == 0
    assert run_scene([run], "test", moved).models[0].threshold is None


def test_an_interrupted_page_leaves_the_old_one(seg_run: Path, tmp_path: Path) -> None:
    page = tmp_path / "view.html"
    page.write_text("old")
    scene = run_scene([seg_run], "test")

    def interrupted() -> object:
        yield [Crop((0, 0, 1, 1), b"")]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_page(page, scene, interrupted())  # type: ignore[arg-type]
    assert page.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["view.html"]


def test_a_run_that_may_only_be_read_is_shown_elsewhere(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "runs", dataset)
    elsewhere = tmp_path / "mine"
    elsewhere.mkdir()
    assert run_command("view", run, "--out", elsewhere / "first.html") == 0
    capsys.readouterr()
    with only_reading(run, dataset):
        assert run_command("view", run) == 2
        assert "permission" in only_line(capsys).lower()
        assert run_command("view", run, "--out", elsewhere / "second.html") == 0
    assert not list(run.glob("*.html"))
    assert (elsewhere / "second.html").read_bytes() == (elsewhere / "first.html").read_bytes()


def test_the_reasons_of_suspected_labels_are_in_the_data(dataset: Path, tmp_path: Path) -> None:
    """The list in metrics.json, by image; a run that is not measured has none."""
    run = load_run(make_run(tmp_path, dataset, "det", seed=4))
    metrics = read_metrics(run.metrics)
    suspects = [
        Suspect(kind=SuspectKind.not_met, image="test/kind_1/001.png", suspicion=0.5, reason=reason)
        for reason in ("first", "second", "first")
    ]
    write_json(run.metrics, msgspec.structs.replace(metrics, label_errors=LabelErrors(3, 1, suspects)))
    reasons = {image.name: image.suspects for image in page_data(run_scene([run.root], "test")).images}
    assert {name: listed for name, listed in reasons.items() if listed} == {
        "test/kind_1/001.png": ["first", "second"]
    }
    run.metrics.unlink()
    assert not any(image.suspects for image in page_data(run_scene([run.root], "test")).images)
