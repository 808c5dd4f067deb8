"""Segmentation models and RT-DETR: trained, continued, exported and applied; models of other tasks are refused."""

import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.coco import Annotation, Image, Rle
from datasets.formats.coco_file import read_predictions
from datasets.masks.rle import decode, encode
from evaluate.history_file import read_history
from evaluate.run_folder import load_run, read_config
from system.errors import InputError, WeightsError
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.trainer_cases import check_trained
from train_det import fit as fitting
from train_det.checkpoints import load_detector
from train_det.families import Family, architecture_file, check_task
from train_det.instance_maps import instance_maps, small_mask
from train_det.instance_masks import instance_masks
from train_det.ultralytics_api import family_of, new_model

BACKBONE = """
nc: 80
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
"""
HEADS = {
    "yolo-seg": "  - [[2, 3], 1, Segment, [nc, 32, 8]]\n",
    "yolo-seg26": "  - [[2, 3], 1, Segment26, [nc, 32, 8]]\n",
    "rtdetr": "  - [[2, 3], 1, RTDETRDecoder, [nc, 16, 20, 2, 2, 1, 32]]\n",
}
TINY = ("--imgsz", 64, "--batch", 2, "--device", "cpu", "--precision", "32")


@pytest.fixture(scope="module")
def dents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of 64 pixels with dark squares of two types; read only."""
    return odd_folder(tmp_path_factory.mktemp("dents") / "odd")


def described(folder: Path, head: str) -> Path:
    path = folder / f"{head}.yaml"
    path.write_text(BACKBONE + HEADS[head])
    return path


@pytest.fixture(scope="module", params=HEADS)
def family_run(request: pytest.FixtureRequest, dents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch of a family; read only."""
    folder = tmp_path_factory.mktemp("family")
    check_trained("train_det", dents, folder, *TINY, "--weights", described(folder, request.param))
    run = folder / "det/odd"
    assert read_config(run).options["family"] == request.param.removesuffix("26")
    return run


def test_masks_are_predicted_and_measured_where_the_model_has_them(family_run: Path) -> None:
    masked = read_config(family_run).options["family"] == "yolo-seg"
    assert load_run(family_run).provides.masks == masked
    predictions = read_predictions(family_run / "predictions/test.json")
    assert predictions
    assert all((p.segmentation is not None) == masked for p in predictions)
    measured = json.loads((family_run / "metrics.json").read_text())
    assert (measured.get("masks") is not None) == masked


def test_an_export_finds_the_same(family_run: Path, dents: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    run = Path(shutil.copytree(family_run, tmp_path / "run"))
    assert run_command("train_det", "export", run, "--format", "openvino") == 0
    out = tmp_path / "found.json"
    found = []
    for more in ((), ("--exported", "openvino")):
        assert (
            run_command("train_det", "predict", run, dents / "images", "--out", out, "--min-score", 0, *more) == 0
        )
        found.append(read_predictions(out))
    first, second = ({round(p.score, 3) for p in predictions} for predictions in found)
    assert len(first & second) >= 0.9 * len(first)
    assert all((p.segmentation is None) == (q.segmentation is None) for p, q in zip(*found, strict=False))


def test_symmetries_are_refused_without_a_grid(
    family_run: Path, dents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("train_det", "predict", family_run, dents / "images", "--tta") == 2
    assert "--tta: not available for" in only_line(capsys)


def test_rtdetr_continues_to_the_same_weights(
    dents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It draws noise for its queries in every step, which must not depend on the interruption."""
    given = (*TINY, "--weights", described(tmp_path, "rtdetr"), "--epochs", 2, "--runs", tmp_path)
    assert run_command("train_det", "fit", dents, *given, "--name", "whole") == 0
    save = fitting.save_checkpoint

    def interrupt(path: Path, *rest: object) -> None:
        save(path, *rest)  # type: ignore[arg-type]
        if path.name == "last.pt":
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "save_checkpoint", interrupt)
        assert run_command("train_det", "fit", dents, *given, "--name", "cut") == 130
    assert run_command("train_det", "fit", dents, "--resume", tmp_path / "det/cut") == 0
    assert len(read_history(tmp_path / "det/cut/history.csv")) == 2
    models = [
        load_detector(tmp_path / "det" / n / "weights/last.pt", torch.device("cpu"))[0] for n in ("whole", "cut")
    ]
    first, second = (model.state_dict() for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("name", "family", "size"),
    [
        ("yolov8n.yaml", "yolo", "n"), ("yolo11s-seg.yaml", "yolo-seg", "s"), ("yolo12n.yaml", "yolo", "n"),
        ("yolo26n.yaml", "yolo", "n"), ("yolo26n-seg.yaml", "yolo-seg", "n"),
    ],
)  # fmt: skip
def test_an_architecture_is_built_by_its_name(name: str, family: Family, size: str) -> None:
    assert architecture_file(name)[1] == size
    model, origin = new_model(name, {0: "crack", 1: "stain"})
    assert family_of(model) == family
    assert model.model[-1].nc == 2  # type: ignore[index,union-attr]
    assert origin == f"random weights of {name}"


@pytest.mark.parametrize(
    ("weights", "reported"),
    [
        ("yolo11n-pose.pt", "yolo11n-pose.pt: a model of another kind (pose); give a detector, a -seg model or"),
        ("yolo11n-obb.yaml", "a model of another kind (obb)"),
        ("yolov8n-cls.pt", "a model of another kind (cls)"),
        ("yolov8s-worldv2.pt", "a model of another kind (worldv2)"),
        ("yoloe-11s-seg.pt", "a model of another kind (yoloe)"),
        ("sam2_b.pt", "a model of another kind (sam)"),
        ("FastSAM-s.pt", "a model of another kind (FastSAM)"),
        ("yolo11.yml", "neither a file nor"),
        ("yolo13n.yaml", "no model that Ultralytics describes; did you mean yolo"),
        ("no/such.yaml", "no such file"),
    ],
)
def test_another_model_is_refused_in_one_line(
    dents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], weights: str, reported: str
) -> None:
    assert run_command("train_det", "fit", dents, "--weights", weights, "--runs", tmp_path / "runs") == 2
    assert reported in only_line(capsys)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        (BACKBONE + "  - [[2, 3], 1, Pose, [nc, [17, 3]]]\n", "describes a model of another kind (Pose)"),
        (BACKBONE + "  - [[1, 3], 1, Segment, [nc, 32, 8]]\n", "its masks have another form"),
        (BACKBONE + "  - [[2, 3], 1, os.system, [nc]]\n", "describes a model with unknown layers"),
        (BACKBONE + "  - [[2, 30], 1, Detect, [nc]]\n", "describes a model that cannot be built"),
        ("[1, 2", "not in the form"),
    ],
)
def test_a_file_that_describes_something_else_is_refused(
    dents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, reported: str
) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    given = ("--weights", tmp_path / "mine.yaml", "--runs", tmp_path / "runs")
    assert run_command("train_det", "fit", dents, *TINY, *given) == 2
    assert reported in only_line(capsys)
    assert not (tmp_path / "runs").exists()


def test_a_file_of_ones_own_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "my-pose.pt").touch()
    check_task(str(tmp_path / "my-pose.pt"))
    with pytest.raises(WeightsError, match="pose"):
        check_task("my-pose.pt")


def test_maps_number_the_instances_small_ones_on_top() -> None:
    """A square of 64 pixels at half scale, moved by 8: image pixels 16 to 48 become map pixels 4 to 8."""
    large, small = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    large[16:48, 16:48] = 255
    small[16:32, 16:32] = 255
    matrix = np.array([[0.5, 0, 8], [0, 0.5, 8], [0, 0, 1]])
    maps = instance_maps([small, large], [1, 0], (64, 64), matrix, 64)
    expected = np.zeros((16, 16), np.uint8)
    expected[4:8, 4:8] = 2
    expected[4:6, 4:6] = 1
    assert np.array_equal(maps["masks"].numpy(), expected)
    assert np.array_equal(maps["sem_masks"].numpy(), expected == 1)


def test_a_mask_is_drawn_from_its_prototypes_within_its_box() -> None:
    """Prototype 3 is positive in its left half; the image is twice the square, the box reaches beyond the half."""
    prototypes = np.zeros((32, 16, 16), np.float32)
    prototypes[3] = -1.0
    prototypes[3, :, :8] = 1.0
    box = np.zeros((1, 38))
    box[0, :6] = (32, 16, 96, 48, 0.9, 0)
    box[0, 9] = 2.0
    (mask,) = instance_masks(box, prototypes, np.diag([0.5, 0.5, 1.0]), (128, 128))
    expected = np.zeros((128, 128), np.uint8)
    expected[16:48, 32:64] = 1
    assert np.array_equal(decode(mask, 128, 128), expected)


def test_a_box_without_a_mask_is_refused_for_masks() -> None:
    image = Image(1, "a.png", 40, 20)
    with pytest.raises(InputError, match="a -seg model needs masks"):
        small_mask(Annotation(1, 1, 1, (1, 1, 5, 5), 25, []), image, 64)
    drawn = np.zeros((20, 40), np.uint8)
    drawn[5:9, 5:9] = 1
    rle: Rle = encode(drawn)
    assert small_mask(Annotation(1, 1, 1, (5, 5, 4, 4), 16, rle), image, 64).shape == (16, 32)
