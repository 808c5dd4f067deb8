"""`train_seg fit --good-map`: the channel, what is copied, what is refused, and that the run stands alone."""

import hashlib
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import Run, RunConfig
from features.good_map import GoodMap, load_good_map
from system.errors import InputError, WeightsError
from tests.command import only_line, run_command
from tests.train_anomaly.conftest import SIDE, SPOTS, part
from tests.train_seg.conftest import SMALL
from train_anomaly.detector import load_detector
from train_anomaly.spec import load_anomaly, save_anomaly
from train_seg.data import PlainSet, TrainingSet, load_cached
from train_seg.learner import new_model
from train_seg.options import SegmenterAugmentation, SegmenterOptions
from train_seg.segmenter import load_segmenter
from training.good_channel import COPY, copy_good_map, widen

CPU = torch.device("cpu")
GREY = (124, 116, 104)
NO_CHANGE = SegmenterAugmentation(symmetries=False, geometry_share=0, colour_share=0, noise_share=0)


@pytest.fixture(scope="module")
def dataset(good_parts: Path) -> Path:
    return good_parts


@pytest.fixture(scope="module")
def anomaly(good_parts_run: Path) -> Path:
    return good_parts_run


@pytest.fixture(scope="module")
def good_map(anomaly: Path) -> GoodMap:
    return load_good_map(anomaly / "weights/best.safetensors")


@pytest.fixture(scope="module")
def run(dataset: Path, anomaly: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose train_anomaly run was deleted after the training."""
    runs = tmp_path_factory.mktemp("seg")
    source = Path(shutil.copytree(anomaly, runs / "source"))
    flags = ("--good-map", source, "--epochs", 2, "--negatives", "all", "--runs", runs)
    assert run_command("train_seg", "fit", dataset, *SMALL, *flags) == 0
    shutil.rmtree(source)
    return runs / "seg/parts"


def test_a_learnt_image_is_compared_with_the_others(good_map: GoodMap, dataset: Path) -> None:
    data = load_dataset(dataset)
    image = data.images("train")[0]
    rgb, sha256 = data.read_image(image), hashlib.sha256(data.image_path(image).read_bytes()).hexdigest()
    assert good_map.spec.learnt[0] == sha256
    assert len(good_map.spec.learnt) == 12
    itself, others = good_map.scores(rgb), good_map.scores(rgb, sha256)
    assert others.mean() > 1.5 * itself.mean()
    new = good_map.scores(part(70))
    assert 0.7 * new.mean() < others.mean() < 1.3 * new.mean()
    assert good_map.scores(part(70), "of no learnt image").tolist() == new.tolist()


def test_the_map_is_that_of_the_detector(good_map: GoodMap, anomaly: Path) -> None:
    bad = part(71, SPOTS[0])
    scores = load_detector(anomaly / "weights/best.safetensors", CPU).score_map(bad)
    assert np.array_equal(good_map.scores(bad), scores)
    x0, y0, x1, y1 = SPOTS[0]
    assert scores[y0 + 8 : y1 - 8, x0 + 8 : x1 - 8].mean() > max(0.5, 1.2 * scores[:, 84:].mean())


@pytest.mark.parametrize("encoder", ["resnet18", "tu-tf_efficientnet_lite0"])
def test_the_network_is_unchanged_at_the_start(encoder: str, dataset: Path) -> None:
    """The second encoder pads its first convolution depending on the input."""
    options = SegmenterOptions(encoder=encoder, encoder_weights="none", imgsz=64)
    model = new_model(load_dataset(dataset), options)[0].eval()
    pixels = torch.randint(0, 256, (2, 4, 64, 64), dtype=torch.uint8)
    with torch.inference_mode():
        before = model(pixels[:, :3])
        widen(model.net)
        assert torch.equal(model(pixels), before)
    wide = [one.weight for one in model.modules() if isinstance(one, torch.nn.Conv2d) and one.in_channels == 4]
    assert [bool(weight[:, 3].any()) for weight in wide] == [False]


def test_the_channel_is_learnt_and_used(run: Path) -> None:
    segmenter = load_segmenter(run / "weights/best.safetensors", CPU)
    first = segmenter.network.net.encoder.conv1.weight  # type: ignore[attr-defined]
    assert first.shape[1] == 4
    assert first[:, 3].abs().max() > 1e-6
    pixels = torch.full((1, 4, 64, 64), 90, dtype=torch.uint8)
    other = pixels.clone()
    other[:, 3] = 200
    with torch.inference_mode():
        assert not torch.equal(segmenter.network(pixels), segmenter.network(other))


def test_the_run_stands_alone(run: Path, dataset: Path, anomaly: Path, tmp_path: Path) -> None:
    assert (run / "weights" / COPY).read_bytes() == (anomaly / "weights/best.safetensors").read_bytes()
    copied = Path(shutil.copytree(run, tmp_path / "run"))
    before = (copied / "metrics.json").read_bytes()
    assert run_command("train_seg", "evaluate", copied, "--device", "cpu") == 0
    assert (copied / "metrics.json").read_bytes() == before
    assert run_command("train_seg", "predict", copied, dataset / "images/014.png", "--tta", "--tile", 64) == 0


def test_another_map_is_refused(run: Path, tmp_path: Path) -> None:
    weights = Path(shutil.copytree(run / "weights", tmp_path / "weights"))
    state, spec = load_anomaly(weights / COPY)
    save_anomaly(weights / COPY, state, msgspec.structs.replace(spec, rows=64))
    with pytest.raises(WeightsError, match="not the map with which the model was trained"):
        load_segmenter(weights / "best.safetensors", CPU)
    (weights / COPY).unlink()
    with pytest.raises(WeightsError, match="no such weights"):
        load_segmenter(weights / "best.safetensors", CPU)


def test_an_export_has_four_channels(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed, so the export is not tested")
    copied = Path(shutil.copytree(run, tmp_path / "run"))
    assert run_command("train_seg", "export", copied, "--format", "openvino") == 0
    assert "no share differs by more than" in capsys.readouterr().err
    original, other = (
        load_segmenter(copied / "weights/best.safetensors", CPU, exported=one) for one in (None, "openvino")
    )
    assert np.abs(original.shares(part(72)) - other.shares(part(72))).max() < 1e-3


def test_the_channel_follows_the_image_and_is_dropped(good_map: GoodMap, dataset: Path) -> None:
    data = load_dataset(dataset)
    items = load_cached(data, data.splits["test"], SIDE, GREY, good_map)
    scores = np.rint(255 * good_map.scores(data.read_image(data.images("test")[0]))).astype(np.uint8)
    image, coverage = PlainSet(items)[0]
    assert np.array_equal(image[3].numpy(), scores)
    assert (image.shape, coverage.shape) == ((4, SIDE, SIDE), (3, SIDE, SIDE))
    never, always, half = (TrainingSet(items, 3, NO_CHANGE, GREY, drop) for drop in (0.0, 1.0, 0.5))
    assert all(np.array_equal(never[1, n][0], PlainSet(items)[n][0]) for n in range(len(items)))
    assert not any(always[1, n][0][3].any() for n in range(len(items)))
    kept = [bool(half[epoch, n][0][3].any()) for epoch in range(20) for n in range(len(items))]
    assert 0.35 < np.mean(kept) < 0.65
    turning = SegmenterAugmentation(geometry_share=0, colour_share=0, noise_share=0)
    before = PlainSet(items)[0][0]
    turned = TrainingSet(items, 3, turning, GREY)
    for epoch in range(4):
        (after, _) = turned[epoch, 0]
        symmetries = [torch.rot90(flip, k, (1, 2)) for flip in (before, before.flip(2)) for k in range(4)]
        assert [torch.equal(after, one) for one in symmetries if torch.equal(after[:3], one[:3])] == [True]


def tampered(anomaly: Path, root: Path, learnt: list[str], held_out: list[str]) -> Path:
    """A finished run of train_anomaly that states to have seen these images."""
    state, spec = load_anomaly(anomaly / "weights/best.safetensors")
    (root / "weights").mkdir(parents=True)
    shutil.copy(anomaly / "config.yaml", root)
    changed = msgspec.structs.replace(spec, learnt=learnt, held_out=held_out)
    save_anomaly(root / "weights/best.safetensors", state, changed)
    return root


def digests(data: Dataset, split: str) -> list[str]:
    return [hashlib.sha256(data.image_path(image).read_bytes()).hexdigest() for image in data.images(split)]


def test_a_map_that_has_seen_a_test_image_is_refused(
    anomaly: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tested = digests(load_dataset(dataset), "test")
    for number, (learnt, held_out) in enumerate((([*"ab", tested[5]], []), (["a"], tested[6:]))):
        source = tampered(anomaly, tmp_path / str(number), learnt, held_out)
        flags = ("--good-map", source, "--runs", tmp_path / "runs")
        assert run_command("train_seg", "fit", dataset, *SMALL, *flags) == 2
        assert "which is in the split test here; train it on the same splits" in only_line(capsys)
    assert run_command("train_seg", "fit", dataset, *SMALL, *flags, "--folds", 2) == 2
    assert "which is in the split test here" in only_line(capsys)
    assert not (tmp_path / "runs").exists()


def test_of_a_cross_validation_the_fold_that_has_not_seen_it_is_copied(
    anomaly: Path, dataset: Path, tmp_path: Path
) -> None:
    data = load_dataset(dataset)
    root = tmp_path / "crossed"
    tested = digests(data, "test")
    for number, learnt in enumerate((tested[:1], ["other"], tested[1:]), 1):
        tampered(anomaly, root / f"fold-{number}", learnt, [])
    (root / "config.yaml").write_bytes(msgspec.yaml.encode(RunConfig("anomaly", str(dataset), {}, folds=3)))
    mine = Run(tmp_path / "mine", "seg")
    mine.weights.mkdir(parents=True)
    copy_good_map(mine, data, root)
    assert load_good_map(mine.weights / COPY).spec.learnt == ["other"]
    tampered(anomaly, tmp_path / "alone", tested[:1], [])
    with pytest.raises(InputError, match="which is in the split test here"):
        copy_good_map(mine, data, tmp_path / "alone")


def test_runs_that_give_no_map_are_refused(
    anomaly: Path, dataset: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state, spec = load_anomaly(anomaly / "weights/best.safetensors")
    padim = tampered(anomaly, tmp_path / "padim", ["a"], [])
    options = msgspec.structs.replace(spec.options, method="padim", val=0.2)
    save_anomaly(padim / "weights/best.safetensors", state, msgspec.structs.replace(spec, options=options))
    old = tampered(anomaly, tmp_path / "old", [], [])
    for source, message in (
        (padim, "of the method padim, which remembers no good patches"),
        (old, "does not name the images it learnt; train it again"),
        (run, "a run of train_seg"),
        (tmp_path / "none", "not a run folder"),
    ):
        flags = ("--good-map", source, "--runs", tmp_path / "runs")
        assert run_command("train_seg", "fit", dataset, *SMALL, *flags) == 2
        assert message in only_line(capsys)
    assert not (tmp_path / "runs").exists()
