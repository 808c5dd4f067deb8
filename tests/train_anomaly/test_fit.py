"""Real trainings of the method `features` on small parts: files, numbers, predictions, evaluation, refusals."""

import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch

from annotate.folder_images import list_folder_images
from annotate.predictions import read_named_predictions
from datasets.coco import CocoFile
from datasets.formats.coco_file import read_coco, read_predictions, write_coco
from datasets.masks.rle import decode
from evaluate.new_predictions import predict_with_run
from evaluate.run_folder import load_run as open_run
from evaluate.run_folder import read_split
from system.errors import OptionError
from tests.command import only_line, run_command
from tests.small_coco import mask_annotation
from tests.train_anomaly.conftest import SIDE, SMALL, SPOTS, part, parts_folder
from train_anomaly.detector import load_detector
from train_anomaly.threshold import with_threshold
from view.scene import run_scene

CPU = torch.device("cpu")


def metrics_of(run: Path) -> dict:  # type: ignore[type-arg]
    return dict(msgspec.json.decode((run / "metrics.json").read_bytes()))


def test_only_good_images_are_learnt(anomaly_run: Path, parts: Path) -> None:
    train = read_coco(parts / "annotations/instances_train.json")
    bad = {a.image_id for a in train.annotations}
    assert len(bad) == 1
    good = [image.file_name for image in train.images if image.id not in bad]
    assert read_split(open_run(anomaly_run)).images["train"] == good
    assert len(load_detector(anomaly_run / "weights/best.safetensors", CPU).spec.good_scores) == 24


def test_distances_that_are_not_numbers_are_refused(anomaly_run: Path) -> None:
    """The specification in the weights could not be read again."""
    spec = load_detector(anomaly_run / "weights/best.safetensors", CPU).spec
    maps = [np.full((4, 4), value, np.float32) for value in (1.0, np.inf)]
    for alone, message in ((True, "each of 2 good images without itself"), (False, "not a number")):
        with pytest.raises(OptionError, match=message):
            with_threshold(spec, maps, [(32, 32)] * 2, left_out_in_turn=alone)


def test_the_run_folder_is_that_of_any_trainer(anomaly_run: Path) -> None:
    assert {path.name for path in anomaly_run.iterdir()} == {
        "config.yaml", "environment.json", "split.json", "weights", "history.csv", "curves.png", "predictions",
        "maps", "metrics.json", "metrics.md",
    }  # fmt: skip
    assert [path.name for path in (anomaly_run / "weights").iterdir()] == ["best.safetensors"]


def test_the_numbers(anomaly_run: Path) -> None:
    metrics = metrics_of(anomaly_run)
    assert metrics["images"]["auroc"] == 1
    assert metrics["images"]["missed"] == 0
    assert {name: of["images"] for name, of in metrics["images"]["per_type"].items()} == {"dent": 4, "scratch": 4}
    assert metrics["score_maps"]["pixel_ap"] > 0.8
    assert metrics["score_maps"]["aupro_30"] > 0.8
    assert metrics["score_maps"]["aupro_05"] <= metrics["score_maps"]["aupro_30"]
    point = metrics["operating_point"]
    assert (point["rule"], point["score_threshold"], point["met"]) == ("good", 0.5, True)
    assert "24 good images, each left out in turn: at most 10.00% false alarms" in point["chosen_on"]
    assert point["chosen_on"] in metrics["protocol"]["operating_point"]


def test_predictions_are_masks_of_one_category(anomaly_run: Path, parts: Path) -> None:
    coco = read_coco(parts / "annotations/instances_test.json")
    found = read_predictions(anomaly_run / "predictions/test.json")
    assert {p.category_id for p in found} == {3}
    assert {p.image_id for p in found} == {image.id for image in coco.images}  # good images too, with low scores
    best = {i.id: max((p for p in found if p.image_id == i.id), key=lambda p: p.score) for i in coco.images}
    for annotation in coco.annotations:
        prediction = best[annotation.image_id]
        truth, mask = (decode(one.segmentation, SIDE, SIDE) > 0 for one in (annotation, prediction))
        assert prediction.score > 0.5
        assert (truth & mask).sum() / (truth | mask).sum() > 0.5


def test_the_score_map_has_the_size_of_the_image(anomaly_run: Path) -> None:
    detector = load_detector(anomaly_run / "weights/best.safetensors", CPU)
    x0, y0, x1, y1 = SPOTS[0]
    scores = detector.score_map(part(70, SPOTS[0]))
    assert (scores.shape, scores.dtype) == ((SIDE, SIDE), np.float32)
    assert 0 <= scores.min() < 0.4
    assert 0.5 < scores[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8].mean() <= 1
    wide = np.concatenate([part(71), part(72)], axis=1)
    assert detector.score_map(wide).shape == (SIDE, 2 * SIDE)
    assert detector.score_map(np.full((7, 5, 3), 90, np.uint8)).shape == (7, 5)


def test_evaluate_gives_the_same_metrics_and_other_rules(anomaly_run: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(anomaly_run, tmp_path / "run"))
    before = metrics_of(run)
    assert run_command("train_anomaly", "evaluate", run, "--device", "cpu") == 0
    assert metrics_of(run) == before
    rule = ("--operating-point", "alarms<=0")
    assert run_command("train_anomaly", "evaluate", run, "--device", "cpu", *rule) == 0
    assert metrics_of(run)["operating_point"]["rule"] == "alarms<=0"


def test_other_commands_take_its_predictions(anomaly_run: Path, parts: Path) -> None:
    name = read_coco(parts / "annotations/instances_test.json").images[0].file_name
    found = predict_with_run(anomaly_run, parts / "images", [name], min_score=0.5)
    assert found.labels == {3: "defect"}
    assert [p.category_id for p in found.by_image[name]][:1] == [3]
    named = read_named_predictions(
        anomaly_run / "predictions/test.json", None, list_folder_images(parts / "images")
    )
    assert named.labels == {3: "defect"}
    scene = run_scene([anomaly_run], "test")
    assert [category.name for category in scene.categories] == ["defect"]
    assert len(scene.images) == 14


@pytest.mark.parametrize(("good", "message"), [(0, "has no good image to learn from"), (1, "1 good image in the")])
def test_too_few_good_images_end_in_one_line(
    good: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = parts_folder(tmp_path / "few", good=good, bad=1, test_good=1)
    assert run_command("train_anomaly", "fit", folder, *SMALL, "--runs", tmp_path / "runs") == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_sizes_grey_and_16_bits_are_learnt_together(tmp_path: Path) -> None:
    """Images twice as large, grey ones and 16-bit ones look as the others do: none of them is an alarm."""
    folder = parts_folder(tmp_path / "mixed", good=12, bad=1, test_good=4)
    for number, path in enumerate(sorted((folder / "images").glob("*.png"))[:12]):
        rgb = cv2.imread(str(path))
        if number % 3 == 0:
            rgb = rgb[..., 0]
        elif number % 3 == 1:
            rgb = rgb.astype(np.uint16) * 257
        cv2.imwrite(str(path), rgb)
    runs = tmp_path / "runs"
    assert run_command("train_anomaly", "fit", folder, *SMALL, "--alarms", "10%", "--runs", runs) == 0
    metrics = metrics_of(runs / "anomaly/mixed")
    assert (metrics["images"]["missed"], metrics["images"]["auroc"]) == (0, 1)


def test_images_of_other_sizes_are_learnt_and_found(tmp_path: Path) -> None:
    """Every second image is half again as large, among them defective ones: found at their own size."""
    folder = parts_folder(tmp_path / "mixed", good=12, bad=2, test_good=4)
    large = SIDE * 3 // 2
    for split in ("train", "test"):
        path = folder / f"annotations/instances_{split}.json"
        coco = read_coco(path)
        chosen = {image.id for image in coco.images[::2]}
        for image in coco.images[::2]:
            file = str(folder / "images" / image.file_name)
            cv2.imwrite(file, cv2.resize(cv2.imread(file), (large, large)))
        annotations = [
            mask_annotation(a.id, a.image_id, a.category_id, cv2.resize(decode(a.segmentation, SIDE, SIDE), size))
            for a in coco.annotations
            for size in [(large, large) if a.image_id in chosen else (SIDE, SIDE)]
        ]
        images = [
            msgspec.structs.replace(image, width=large, height=large) if image.id in chosen else image
            for image in coco.images
        ]
        write_coco(path, CocoFile(images, annotations, coco.categories))
    runs = tmp_path / "runs"
    assert run_command("train_anomaly", "fit", folder, *SMALL, "--alarms", "10%", "--runs", runs) == 0
    metrics = metrics_of(runs / "anomaly/mixed")
    assert (metrics["images"]["missed"], metrics["images"]["auroc"]) == (0, 1)
    assert metrics["score_maps"]["pixel_ap"] > 0.7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "vae"], "--method vae: not a value it takes"),
        (["--encoder", "resnet19"], "--encoder resnet19: neither torchvision nor timm"),
        (["--layers", "7"], "--layers 7: no such layer of resnet18"),
        (["--layers", "4,"], "--layers 4,: an empty name"),
        (["--alarms", "1"], "--alarms 1: not a share of good images; give a percentage such as 1%"),
        (["--alarms", "0%"], "--alarms 0%: not a share of good images"),
        (["--imgsz", 100], "--imgsz 100: not a value it takes"),
        (["--stride", 5], "--stride 5: not a value it takes"),
        (["--val", 1], "--val 1"),
        (["--method", "padim", "--val", 0], "--val 0.0: padim cannot leave out one image in turn"),
        (["--encoder-weights", "no/such.pt"], "no/such.pt: no such file"),
        (["--patches", 0], "--patches 0: not a value it takes"),
        (["--layer-weights", "2,0"], "--layer-weights 2,0: not numbers above 0"),
        (["--layer-weights", "2,x"], "--layer-weights 2,x: not numbers above 0"),
        (["--layer-weights", "2,1,1"], "--layer-weights 2,1,1: 3 for 2 layers"),
    ],
)
def test_bad_options_end_in_one_line_and_leave_nothing(
    parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], message: str
) -> None:
    assert run_command("train_anomaly", "fit", parts, *SMALL, "--runs", tmp_path / "runs", *arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "runs").exists()


def test_damaged_weights_end_in_one_line(
    anomaly_run: Path, parts: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(anomaly_run, tmp_path / "run"))
    (run / "weights/best.safetensors").write_bytes(b"damaged")
    assert run_command("train_anomaly", "predict", run, parts / "images/001.png") == 2
    assert "not weights of train_anomaly" in only_line(capsys)


def test_view_and_propose_take_a_run(anomaly_run: Path, tmp_path: Path) -> None:
    assert run_command("view", anomaly_run, "--out", tmp_path / "page.html") == 0
    assert "defect" in (tmp_path / "page.html").read_text(encoding="utf-8")
    (tmp_path / "new").mkdir()
    cv2.imwrite(str(tmp_path / "new/bad.png"), part(90, SPOTS[0]))
    assert run_command("annotate", "propose", tmp_path / "new", "--from", anomaly_run) == 0
    shapes = msgspec.json.decode((tmp_path / "new/bad.json").read_bytes())["shapes"]
    assert {shape["label"] for shape in shapes} == {"defect"}
