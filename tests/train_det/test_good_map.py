"""`train_det fit --good-map`: the fourth channel, the copied map, and what is refused."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from datasets.formats.dataset_folder import load_dataset
from evaluate.run_folder import load_run
from features.good_map import GoodMap, load_good_map
from system.errors import WeightsError
from tests.command import only_line, run_command
from tests.train_anomaly.conftest import part
from tests.train_det.conftest import tiny_options
from train_anomaly.spec import load_anomaly, save_anomaly
from train_det.checkpoints import load_detector
from train_det.data import TrainingImages, read_samples
from train_det.gamma import add_good_map, good_map_of, input_channels
from train_det.learner import new_model
from train_det.options import DetectorAugmentation
from train_det.predict import load_run_detector
from train_det.ultralytics_api import DetectionModel
from training.good_channel import COPY

CPU = torch.device("cpu")
STILL = DetectorAugmentation(rotation="none", flip=False, scale=0, shift=0)


@pytest.fixture(scope="module")
def good_map(good_parts_run: Path) -> GoodMap:
    return load_good_map(good_parts_run / "weights/best.safetensors")


@pytest.mark.parametrize("weights", ["none", "yolo11n-seg.yaml"])
def test_the_network_is_unchanged_at_the_start(weights: str, good_parts: Path) -> None:
    model = new_model(load_dataset(good_parts), tiny_options(weights=weights))[0].eval()
    pixels = torch.rand(1, 4, 64, 64)

    def rows(seen: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            found = model(seen)[0]
        return found[0] if isinstance(found, tuple) else found

    before = rows(pixels[:, :3])
    assert (good_map_of(model), input_channels(model)) == ("", 3)
    add_good_map(model, "ab")
    assert torch.equal(rows(pixels), before)
    assert (good_map_of(model), input_channels(model)) == ("ab", 4)
    wide = [m.weight for m in model.modules() if isinstance(m, torch.nn.Conv2d) and m.in_channels == 4]
    assert any(not weight[:, 3].any() for weight in wide)


def test_the_channel_is_learnt_and_used(with_map: Path) -> None:
    model, _ = load_detector(with_map / "weights/best.pt", CPU)
    first = next(m for m in model.modules() if isinstance(m, torch.nn.Conv2d))
    assert first.weight.shape[1] == 4
    assert first.weight[:, 3].abs().max() > 1e-6
    pixels = torch.full((1, 4, 96, 96), 0.3)
    other = pixels.clone()
    other[:, 3] = 0.8
    with torch.inference_mode():
        assert not torch.equal(model(pixels)[0], model(other)[0])


def test_the_run_stands_alone(with_map: Path, good_parts: Path, good_parts_run: Path, tmp_path: Path) -> None:
    assert (with_map / "weights" / COPY).read_bytes() == (good_parts_run / "weights/best.safetensors").read_bytes()
    copied = Path(shutil.copytree(with_map, tmp_path / "run"))
    before = (copied / "metrics.json").read_bytes()
    assert run_command("train_det", "evaluate", copied, "--device", "cpu") == 0
    assert (copied / "metrics.json").read_bytes() == before
    assert run_command("train_det", "predict", copied, good_parts / "images/014.png", "--tta", "--tile", 64) == 0


def test_a_next_training_takes_the_channels_of_the_image(with_map: Path, good_parts: Path) -> None:
    best = with_map / "weights/best.pt"
    given = load_detector(best, CPU)[0].state_dict()
    model, origin = new_model(load_dataset(good_parts), tiny_options(weights=str(best)))
    assert origin.endswith(f"tensors from {best}, without its channel of the good map")
    assert (good_map_of(model), input_channels(model)) == ("", 3)
    name = next(name for name, tensor in given.items() if tensor.ndim == 4 and tensor.shape[1] == 4)
    assert torch.equal(model.state_dict()[name], given[name][:, :3])


def test_a_model_for_other_channels_is_refused(good_parts: Path, tmp_path: Path) -> None:
    model = DetectionModel("yolo11n.yaml", ch=6, verbose=False)
    torch.save({"model": model}, tmp_path / "six.pt")
    with pytest.raises(WeightsError, match="is for images of 6 channels; give a model for RGB images"):
        new_model(load_dataset(good_parts), tiny_options(weights=str(tmp_path / "six.pt")))


def test_another_map_is_refused(with_map: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(with_map, tmp_path / "run"))
    state, spec = load_anomaly(root / "weights" / COPY)
    save_anomaly(root / "weights" / COPY, state, msgspec.structs.replace(spec, rows=64))
    with pytest.raises(WeightsError, match="not the map with which the model was trained"):
        load_run_detector(load_run(root), CPU)
    (root / "weights" / COPY).unlink()
    with pytest.raises(WeightsError, match="no such weights"):
        load_run_detector(load_run(root), CPU)


def test_an_export_has_four_channels(with_map: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    copied = Path(shutil.copytree(with_map, tmp_path / "run"))
    assert run_command("train_det", "export", copied, "--format", "openvino") == 0
    assert "no score differs by more than" in capsys.readouterr().err
    image = [(1, part(72))]
    first, other = (
        next(load_run_detector(load_run(copied), CPU, exported=one).predict(image, 0.0))
        for one in (None, "openvino")
    )
    assert [p.score for p in first] == pytest.approx([p.score for p in other], abs=1e-3)


def test_the_channel_follows_the_image_and_is_dropped(good_map: GoodMap, good_parts: Path) -> None:
    data = load_dataset(good_parts)
    test = data.splits["test"]
    samples = read_samples(data, test.images, test.by_image())
    plain = TrainingImages(samples, 96, None, 0, good_map)
    scores = np.rint(255 * good_map.scores(data.read_image(test.images[0]))).astype(np.uint8)
    item = plain[0, 0]["img"]
    assert item.shape == (4, 96, 96)
    assert np.array_equal(item[3].numpy(), scores)
    assert torch.equal(item[:3], TrainingImages(samples, 96, None, 0)[0, 0]["img"])
    dark = TrainingImages(samples, 96, STILL, 0, good_map)
    assert torch.equal(dark[1, 0]["img"][3], item[3])  # colours change, the map does not
    assert not torch.equal(dark[1, 0]["img"][:3], item[:3])
    half = TrainingImages(samples, 96, STILL, 0, good_map, 0.5)
    kept = [bool(half[epoch, n]["img"][3].any()) for epoch in range(20) for n in range(len(samples))]
    assert 0.35 < np.mean(kept) < 0.65


def test_crops_and_maps_that_saw_test_images_are_refused(
    good_parts: Path, good_parts_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = load_dataset(good_parts)
    flags = ("--weights", "none", "--imgsz", 64, "--runs", tmp_path / "runs", "--good-map")
    assert run_command("train_det", "fit", good_parts, *flags, good_parts_run, "--tile", 64) == 2
    assert "not available with good_map" in only_line(capsys)
    state, spec = load_anomaly(good_parts_run / "weights/best.safetensors")
    source = tmp_path / "seen"
    (source / "weights").mkdir(parents=True)
    shutil.copy(good_parts_run / "config.yaml", source)
    changed = msgspec.structs.replace(spec, learnt=[data.sha256(data.images("test")[0])])
    save_anomaly(source / "weights/best.safetensors", state, changed)
    assert run_command("train_det", "fit", good_parts, *flags, source) == 2
    assert "which is in the split test here; train it on the same splits" in only_line(capsys)
    assert not (tmp_path / "runs").exists()
