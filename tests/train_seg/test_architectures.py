"""Each architecture: one tiny epoch, continued, exported and applied; wrong pairs with an encoder are refused."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.coco import Category
from datasets.formats.coco_file import read_predictions
from evaluate.history_file import read_history
from evaluate.run_folder import read_config
from system.errors import OptionError
from tests.command import only_line, run_command
from tests.odd_datasets import odd_folder
from tests.trainer_cases import check_trained
from train_seg.architectures import build_network, check_network
from train_seg.model import ModelSpec, SegmentationModel, read_spec
from train_seg.names import check_encoder
from train_seg.record import Recorder
from train_seg.segmenter import load_segmenter

ARCHITECTURES = ("unet++", "fpn", "deeplabv3+", "segformer")  # test_fit.py trains unet
TINY = (
    "--encoder", "resnet18", "--encoder-weights", "none", "--encoder-depth", 3, "--imgsz", 32,
    "--batch", 3, "--device", "cpu", "--precision", "32",
)  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def dents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six images of 64 pixels with dark squares; read only. Its batches of 2 leave one of a single image."""
    return odd_folder(tmp_path_factory.mktemp("dents") / "odd")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def arch_run(request: pytest.FixtureRequest, dents: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch of an architecture; read only."""
    runs = tmp_path_factory.mktemp("arch") / "runs"
    check_trained("train_seg", dents, runs, *TINY, "--batch", 2, "--arch", request.param)
    assert read_config(runs / "seg/odd").options["arch"] == request.param
    assert read_spec(runs / "seg/odd/weights/best.safetensors").arch == request.param
    return runs / "seg/odd"


def test_predict_repeats_what_was_measured(arch_run: Path, dents: Path, tmp_path: Path) -> None:
    images = sorted((dents / "images").glob("*.png"))[4:]  # those of test
    out = tmp_path / "found.json"
    assert run_command("train_seg", "predict", arch_run, *images, "--out", out, "--min-score", 0) == 0
    assert read_predictions(out) == read_predictions(arch_run / "predictions/test.json")


def test_an_exported_network_gives_the_same_map(dents: Path, tmp_path: Path) -> None:
    """Dilated convolutions and a pooled map are what an exporter could get wrong."""
    pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    check_trained("train_seg", dents, tmp_path, *TINY, "--arch", "deeplabv3+")
    assert run_command("train_seg", "export", tmp_path / "seg/odd", "--format", "openvino") == 0
    best = tmp_path / "seg/odd/weights/best.safetensors"
    rgb = np.random.default_rng(3).integers(0, 255, (40, 70, 3), dtype=np.uint8)
    original, other = (load_segmenter(best, CPU, exported=e).shares(rgb) for e in (None, "openvino"))
    assert original.shape == (3, 40, 70)
    assert np.abs(original - other).max() < 1e-3


def test_an_interrupted_run_continues_with_its_architecture(
    dents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Recorder._save_state

    def interrupt(self: Recorder, trainer: object) -> None:
        save(self, trainer)
        os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "_save_state", interrupt)
        given = (*TINY, "--arch", "fpn", "--epochs", 2, "--runs", tmp_path)
        assert run_command("train_seg", "fit", dents, *given) == 130
    assert run_command("train_seg", "fit", dents, "--resume", tmp_path / "seg/odd") == 0
    assert [row["epoch"] for row in read_history(tmp_path / "seg/odd/history.csv")] == [1, 2]
    assert read_spec(tmp_path / "seg/odd/weights/last.safetensors").arch == "fpn"


@pytest.mark.parametrize("depth", [3, 5])
@pytest.mark.parametrize("arch", ["unet", *ARCHITECTURES])
def test_the_map_has_the_size_of_the_square_at_every_depth(arch: str, depth: int) -> None:
    spec = ModelSpec("resnet18", depth, 64, [Category(1, "chip"), Category(2, "dent")], arch=arch)
    with torch.no_grad():
        assert SegmentationModel(spec).eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 3, 64, 64)


def test_deeplab_learns_from_a_batch_of_one_image() -> None:
    net = build_network("deeplabv3+", "resnet18", 4, (), 2).train()
    net(torch.rand(1, 3, 64, 64)).sum().backward()
    assert all(p.grad is not None for name, p in net.named_parameters() if "decoder" in name)


@pytest.mark.parametrize(
    ("flags", "reported"),
    [
        (("--arch", "deeplabv3+", "--encoder", "vgg11"),
         "--encoder vgg11: cannot be dilated, which --arch deeplabv3+ needs; give --encoder resnet18"),
        (("--arch", "deeplabv3+", "--encoder", "tu-swin_tiny_patch4_window7_224"), "cannot be dilated"),
        (("--arch", "unet++", "--encoder", "mit_b0"), "not an encoder of depth 3 for --arch unet++"),
        (("--arch", "fpn", "--encoder", "tu-convnext_atto"), "not an encoder of depth 3 for --arch fpn"),
        (("--encoder", "tu-vit_tiny_patch16_224"), "not an encoder of depth 3 for --arch unet"),
        (("--arch", "segformer", "--encoder", "tu-swin_tiny_patch4_window7_224"), "doesn't match model (224)"),
        (("--encoder", "tu-mobilenetv3_small_050"), "leaves a single pixel for its norms at --encoder-depth 3"),
        (("--encoder", "resnet81"), "not an encoder of segmentation-models-pytorch; did you mean resnet1"),
        (("--encoder", "tu-tf_efficientnet_light0"), "did you mean tu-tf_efficientnet_lite0?"),
        (("--encoder", "convnext_atto"), "give tu-convnext_atto, networks of timm have the prefix tu-"),
        (("--encoder", "convnext_atta"), "did you mean tu-convnext_atto?"),
        (("--encoder", "hello"), "give a name like resnet18 or resnet34, or tu-NAME of timm"),
        (("--arch", "unet3"), "--arch unet3: not a value it takes; give one of deeplabv3+, fpn, segformer, unet"),
    ],
)  # fmt: skip
def test_a_wrong_pair_is_refused_before_images_are_read(
    dents: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    flags: tuple[str, ...],
    reported: str,
) -> None:
    monkeypatch.setattr("train_seg.learner.load_cached", None)
    assert run_command("train_seg", "fit", dents, *TINY, *flags, "--paste", 3, "--runs", tmp_path / "runs") == 2
    assert reported in only_line(capsys)
    assert not (tmp_path / "runs").exists()


def test_names_with_a_tag_and_old_names_are_encoders() -> None:
    for name in ("resnet18", "tu-resnet18.a1_in1k", "timm-mobilenetv3_small_100", "mit_b0"):
        check_encoder(name)
    with pytest.raises(OptionError, match="tu-resnet17"):
        check_encoder("tu-resnet17.a1_in1k")


def test_an_encoder_of_fixed_size_is_taken_at_its_size() -> None:
    check_network("unet", "tu-swin_tiny_patch4_window7_224", 4, 224)
    check_network("segformer", "mit_b0", 5, 96)  # it needs values and cannot be tried on the meta device
