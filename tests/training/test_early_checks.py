"""Wrong options are refused before PyTorch is imported, and names are known without importing a library."""

import subprocess
import sys
from pathlib import Path

import pytest
import segmentation_models_pytorch
import timm
import torch
from torchvision import models

from features.names import check_network, timm_names, torchvision_names
from system.errors import OptionError, WeightsError
from tests.command import only_line, run_command
from train_det import ultralytics_api
from train_det.published import published_names
from train_seg.names import check_encoder, encoder_names
from training.early_checks import check_device, check_logger_installed

WRONG = [
    ("train_det", "--weights", "missing.pt"),
    ("train_det", "--weights", "a/missing.pt"),
    ("train_seg", "--encoder", "resnet19"),
    ("train_seg", "--encoder", "tu-resnet19"),
    ("train_seg", "--encoder-weights", "missing.pt"),
    ("train_cls", "--arch", "resnet19"),
    ("train_cls", "--weights", "missing.pt"),
    ("train_anomaly", "--encoder", "efficientnet"),
    ("train_anomaly", "--encoder-weights", "missing.pt"),
    ("train_anomaly", "--alarms", "5"),
    *(
        (trainer, option, value)
        for trainer in ("train_anomaly", "train_cls", "train_det", "train_seg")
        for option, value in [
            ("--folds", "1"), ("--folds", "-2"), ("--epochs", "-1"), ("--imgsz", "0"), ("--batch", "0"),
            ("--device", "gpu"), ("--device", "cuda:x"), ("--logger", "none_such"), ("--name", "a/b"),
            ("--seed", "-1"), ("--lr", "0"),
        ]
    ),
    *((trainer, "--negatives", "many") for trainer in ("train_cls", "train_det", "train_seg")),
]  # fmt: skip
LAZY = ("torch", "ultralytics", "timm", "torchvision", "segmentation_models_pytorch", "lightning", "scipy")


def test_every_wrong_value_is_refused_without_a_heavy_import() -> None:
    """All of them in one process, after which no heavy library is loaded."""
    code = f"""
import sys
from tests.command import run_command
import contextlib, io
for room, option, value in {WRONG!r}:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        status = run_command(room, "fit", "no-such-dataset", option, value)
    print(status, len(err.getvalue().splitlines()), value in err.getvalue(), room, option, value)
print(sorted(set(sys.modules) & set({LAZY!r})))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *lines, loaded = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("2 1 True")] == []
    assert len(lines) == len(WRONG)
    assert loaded == "[]"


def test_names_are_those_of_the_libraries() -> None:
    assert timm_names() >= set(timm.list_models())
    assert all(timm.is_model(name.partition(".")[0]) for name in timm_names())
    assert torchvision_names() == set(models.list_models(module=models))
    assert encoder_names() == set(segmentation_models_pytorch.encoders.encoders)
    assert published_names() == ultralytics_api.GITHUB_ASSETS_NAMES


@pytest.mark.parametrize(
    "name", ["resnet18", "tu-resnet18", "tu-tf_efficientnet_lite0.in1k", "timm-mobilenetv3_large_075"]
)
def test_known_encoders_pass(name: str) -> None:
    check_encoder(name)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"did you mean mobilenet_v2\?"):
        check_network("mobilenet_v2x", "--arch")
    with pytest.raises(OptionError, match=r"did you mean tu-resnet50\?"):
        check_encoder("tu-resnett50")


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("auto", "cpu", "mps"):
        check_device(name)
    monkeypatch.setattr("system.cuda.DRIVERS", ("/no/such/device",))
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("cuda", "0"):
        with pytest.raises(OptionError, match="0 CUDA devices"):
            check_device(name)
    monkeypatch.setattr("system.cuda.DRIVERS", ("/dev/null",))
    monkeypatch.setattr("training.early_checks.is_cpu_build", lambda: False)
    check_device("cuda:1")


def test_a_missing_logger_is_named() -> None:
    with pytest.raises(OptionError, match=r"needs the package no_such_logger; install it"):
        check_logger_installed("no_such_logger")


def test_an_existing_file_of_weights_passes_to_the_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "w.pt"
    torch.save({"model": ultralytics_api.new_model("none", {0: "a"})[0]}, weights)
    assert run_command("train_det", "fit", tmp_path / "none", "--weights", weights) == 2
    assert str(tmp_path / "none") in only_line(capsys)
    assert WeightsError.code == "weights"
