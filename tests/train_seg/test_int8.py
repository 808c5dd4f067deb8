"""Export with 8-bit integers and in bfloat16: real files, the bound on what they lose, and their metadata."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import load_run
from tests.command import only_line, run_command
from training.export_metadata import read_metadata
from training.exported_model import LOSS_KEY, PRECISION_KEY
from training.held_out import HeldOut, losses
from training.measured_loss import MeasuredLoss

pytest.importorskip("nncf", reason="nncf is not installed, so the export with 8-bit integers is not tested")


@pytest.fixture
def run(seg_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(seg_run, tmp_path / "run"))


def test_the_file_computes_with_8_bits_and_states_what_it_loses(run: Path, coco_folder: Path) -> None:
    openvino = pytest.importorskip("openvino")
    options = ("--precision", "int8", "--max-loss", "0.9")
    before = {path.name for path in (run / "weights").iterdir()}
    assert run_command("train_seg", "export", run, *options) == 0
    weights = run / "weights/best.xml"
    assert {path.name for path in (run / "weights").iterdir()} == {
        *before,
        "best.xml",
        "best.bin",
        "best.xml.sha256",
    }
    model = openvino.Core().read_model(weights)
    assert any(op.get_type_name() == "FakeQuantize" for op in model.get_ops())
    stated = json.loads(model.get_rt_info(LOSS_KEY).astype(str))
    assert model.get_rt_info(PRECISION_KEY).astype(str) == "int8"
    assert read_metadata(weights, "openvino").precision == "int8"
    dataset = load_dataset(coco_folder)
    assert stated["images"] == len(dataset.images("val")) + len(dataset.images("test"))
    assert set(stated["lost"]) >= {"missed", "false alarms", "boxes AP", "masks AP", "defect Dice"}
    example_image = next((coco_folder / "images/test").rglob("*.png"))
    out = run / "found.json"
    assert run_command("train_seg", "predict", run, example_image, "--out", out, "--exported", "openvino") == 0


def test_an_export_that_loses_more_than_allowed_leaves_no_file(
    run: Path, coco_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every number of the measurement after the first is worse by 0.01, as of a worse network."""
    measured = HeldOut.numbers
    calls = []

    def worse(held_out: HeldOut, predictor: object, label: str) -> dict[str, float]:
        calls.append(label)
        found = measured(held_out, predictor, label)  # type: ignore[arg-type]
        return {**found, "defect Dice": 0.5 if len(calls) == 1 else 0.49}

    monkeypatch.setattr(HeldOut, "numbers", worse)
    before = {path.name: path.read_bytes() for path in (run / "weights").iterdir()}
    assert run_command("train_seg", "export", run, "--precision", "int8") == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(
        f"train_seg: {run}/weights/best.xml: 8-bit integers lose more than --max-loss 0.005 on "
    )
    assert "defect Dice 0.5 -0.0100" in error
    assert "export without --precision int8, or allow more by --max-loss" in error
    assert len(calls) == 5  # the original and four attempts
    assert {path.name: path.read_bytes() for path in (run / "weights").iterdir()} == before


def test_measured_numbers_decide_on_bfloat16(
    run: Path, coco_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    openvino = pytest.importorskip("openvino")
    original, worse = {"defect Dice": 0.5, "missed": 1.0}, {"defect Dice": 0.49, "missed": 1.0}
    measured = iter([original, worse, original, original])
    monkeypatch.setattr(HeldOut, "numbers", lambda *_: next(measured))
    before = {path.name: path.read_bytes() for path in (run / "weights").iterdir()}
    assert run_command("train_seg", "export", run, "--precision", "bf16") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"train_seg: {run}/weights/best.xml: bfloat16 loses more than --max-loss 0.005 on ")
    assert line.endswith(
        "defect Dice 0.5 -0.0100, missed 1 +0; export without --precision bf16, or allow more by --max-loss"
    )
    assert {path.name: path.read_bytes() for path in (run / "weights").iterdir()} == before
    assert run_command("train_seg", "export", run, "--precision", "bf16") == 0
    model = openvino.Core().read_model(run / "weights/best.xml")
    assert model.get_rt_info(PRECISION_KEY).astype(str) == "bf16"
    assert json.loads(model.get_rt_info(LOSS_KEY).astype(str))["lost"] == {"defect Dice": 0, "missed": 0}
    assert read_metadata(run / "weights/best.xml", "openvino").precision == "bf16"


@pytest.mark.parametrize(
    ("lost", "kept"),
    [
        ({"boxes AP": 0.005, "missed": 0}, True),
        ({"boxes AP": 0.0051, "missed": 0}, False),
        ({"boxes AP": math.nan, "missed": 0}, False),
        ({"boxes AP": -0.2, "missed": 1}, False),
        ({"missed": -1, "false alarms": 1}, True),
        ({"missed": 0, "false alarms": 2}, False),
    ],
)
def test_what_may_be_lost_on_200_images(lost: dict[str, float], kept: bool) -> None:
    parity = MeasuredLoss(200, dict.fromkeys(lost, 1.0), lost, 0.005)
    assert parity.within_tolerance() is kept


def test_more_is_worse_for_counts_and_less_for_values() -> None:
    original = {"boxes AP": 0.75, "accuracy": 0.5, "missed": 1.0, "false alarms": 2.0}
    other = {"boxes AP": 0.5, "missed": 3.0, "false alarms": 0.0}
    assert losses(original, other) == {"boxes AP": 0.25, "accuracy": 0.5, "missed": 2, "false alarms": -2}


def test_held_out_images_are_val_and_test_with_new_ids_and_their_own_annotations(
    run: Path, coco_folder: Path
) -> None:
    dataset = load_dataset(coco_folder)
    held_out = HeldOut(load_run(run), dataset)
    names = [image.file_name for split in ("val", "test") for image in dataset.images(split)]
    assert sorted(image.file_name for image in held_out.truth.images) == sorted(names)
    assert sorted(image.id for image in held_out.truth.images) == list(range(1, len(names) + 1))
    name_of = {image.id: image.file_name for image in held_out.truth.images}
    boxes = sorted((name_of[a.image_id], a.bbox) for a in held_out.truth.annotations)
    expected = []
    for split in ("val", "test"):
        coco = dataset.splits[split]
        names_there = {image.id: image.file_name for image in coco.images}
        expected += [(names_there[a.image_id], a.bbox) for a in coco.annotations]
    assert boxes == sorted(expected)
    assert not np.isnan([box for _, box in boxes]).any()


def test_a_wrong_loss_ends_in_one_line(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("train_seg", "export", run, "--precision", "int8", "--max-loss", "2") == 2
    assert "--max-loss 2.0: not a loss of AP or Dice" in only_line(capsys)
