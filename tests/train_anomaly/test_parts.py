"""Thresholds, drift, the frame of the input, exports and parity."""

import dataclasses
import math
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from datasets.coco import CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from features.input_frame import InputFrame, choose_frame
from system.errors import OptionError
from tests.command import only_line, run_command
from tests.train_anomaly.conftest import SPOTS, part
from train_anomaly.alarms import alarm_threshold, describe_guarantee
from train_anomaly.detector import AnomalyDetector, load_detector
from train_anomaly.drift import LEVEL, compare_scores
from train_anomaly.export import compare
from train_anomaly.good_images import split_good
from train_anomaly.options import AnomalyOptions, parse_alarms
from training.export_metadata import read_metadata
from training.exported_model import exported_path

CPU = torch.device("cpu")


@pytest.mark.parametrize(("images", "rate"), [(19, 0.05), (42, 0.05), (99, 0.01), (209, 0.01)])
def test_the_share_of_false_alarms_is_kept_in_simulation(images: int, rate: float) -> None:
    """Scores of any distribution; over 4,000 trainings the mean rate is at most the one asked for, and near it."""
    random = np.random.default_rng(images)
    rates = []
    for _ in range(4000):
        limit, guarantee = alarm_threshold(random.gamma(2, 1, images).tolist(), rate, left_out_in_turn=False)
        rates.append(math.exp(-limit) * (1 + limit))  # the exact probability of a larger gamma(2, 1) value
        assert guarantee.kept == pytest.approx(rate)
    error = np.std(rates) / 4000**0.5
    assert np.mean(rates) <= rate + 3 * error
    assert np.mean(rates) >= rate - 1 / (images + 1) - 3 * error


def test_too_few_images_give_what_they_can() -> None:
    limit, guarantee = alarm_threshold([3.0, 1.0, 2.0], 0.01, left_out_in_turn=False)
    assert (limit, guarantee.kept) == (3.0, 0.25)
    text = describe_guarantee(guarantee)
    assert text.startswith("threshold from 3 good images, held out: at most 25.00% false alarms")
    assert "1.00% as asked needs 99 images" in text


def test_the_k_th_lowest_of_n() -> None:
    scores = list(range(1, 100))  # (99 + 1) * 0.99 = 99: the highest; of 199 the second highest
    assert alarm_threshold(scores, 0.01, left_out_in_turn=False)[0] == 99
    assert alarm_threshold(list(range(1, 200)), 0.01, left_out_in_turn=True)[0] == 198


@pytest.mark.parametrize("text", ["1", "0%", "100%", "-1%", "x%", "nan%", ""])
def test_bad_rates(text: str) -> None:
    with pytest.raises(OptionError, match="not a share of good images"):
        parse_alarms(text)


def test_the_drift_warning_keeps_its_false_alarm_rate() -> None:
    """5,000 batches of unchanged good images with defects among them: about one in a thousand warns."""
    random = np.random.default_rng(1)
    warnings = 0
    for _ in range(5000):
        good = random.beta(4, 8, 100)
        batch = np.concatenate([random.beta(4, 8, 60), random.uniform(0.5, 1, 15)])
        drift = compare_scores(batch.tolist(), good.tolist(), 0.5)
        assert drift is not None
        warnings += drift.found
    assert warnings / 5000 <= LEVEL + 3 * (LEVEL / 5000) ** 0.5


def test_drift_is_found() -> None:
    random = np.random.default_rng(2)
    good, moved = random.beta(4, 8, 100), random.beta(7, 8, 200)
    drift = compare_scores(moved.tolist(), good.tolist(), 0.5)
    assert drift is not None
    assert drift.found
    assert "good images seem to have changed" in drift.describe()
    assert compare_scores(moved[:10].tolist(), good.tolist(), 0.5) is None


def test_predict_warns_of_drift(anomaly_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A camera that repeats one good image: the scores no longer vary as those of good images do."""
    for name, changed in (("new", False), ("repeated", True)):
        (tmp_path / name).mkdir()
        for number in range(1, 25):
            cv2.imwrite(str(tmp_path / name / f"{number}.png"), part(511 if changed else 500 + number))
        assert run_command("train_anomaly", "predict", anomaly_run, tmp_path / name, "--device", "cpu") == 0
        assert ("good images seem to have changed" in capsys.readouterr().err) == changed


def test_the_frame_follows_the_usual_shape() -> None:
    assert choose_frame([(900, 900)] * 3, 384) == (384, 384)
    assert choose_frame([(480, 640), (480, 640), (90, 90)], 320) == (256, 320)  # 240 is nearer to 256 than to 224
    assert choose_frame([(1000, 100)], 320) == (320, 32)


def test_an_image_of_another_shape_is_not_stretched() -> None:
    frame = InputFrame(100, 200, 96, 96)
    assert frame.inner == (24, 0, 48, 96)
    rgb = np.random.default_rng(1).integers(0, 255, (100, 200, 3), dtype=np.uint8)
    made = frame.to_input(rgb)
    assert made.shape == (96, 96, 3)
    assert (made[:24] == made[24]).all()  # outside, the edge is repeated
    scores = np.arange(96 * 96, dtype=np.float32).reshape(96, 96)
    assert frame.crop(scores).shape == (48, 96)
    assert frame.crop(scores)[0, 0] == 24 * 96


@pytest.mark.parametrize(("export_format", "package"), [("onnx", "onnxscript"), ("openvino", "openvino")])
def test_an_export_predicts_the_same(
    anomaly_run: Path, tmp_path: Path, export_format: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed, so the export is not tested")
    run = Path(shutil.copytree(anomaly_run, tmp_path / "run"))
    assert run_command("train_anomaly", "export", run, "--format", export_format) == 0
    assert "no score of a pixel differs by more than" in capsys.readouterr().err
    weights = run / "weights/best.safetensors"
    metadata = read_metadata(exported_path(weights, export_format), export_format)  # type: ignore[arg-type]
    limits = load_detector(weights, CPU).spec.limits
    assert limits is not None
    assert (metadata.task, metadata.network, metadata.input.padding) == ("anomaly", "features", "edge")
    assert (metadata.input.height, metadata.input.width, metadata.decoding["peak"]) == (96, 96, limits.peak)
    rgb = part(90, SPOTS[1])
    original = load_detector(weights, CPU)
    exported = load_detector(weights, CPU, exported=export_format)  # type: ignore[arg-type]
    assert np.abs(original.score_map(rgb) - exported.score_map(rgb)).max() < 2e-3
    first, second = (next(detector.predict([(1, rgb)], 0.5)) for detector in (original, exported))
    assert [p.bbox for p in first] == [p.bbox for p in second]
    assert first


@pytest.mark.parametrize(("more", "same"), [(0.0, True), (1e-4, True), (1.0, False), (math.nan, False)])
def test_parity_notices_a_difference(anomaly_run: Path, more: float, same: bool) -> None:
    original = load_detector(anomaly_run / "weights/best.safetensors", CPU)
    other = AnomalyDetector(lambda pixels: original.network(pixels) + more, original.spec, CPU)
    parity = compare(original, other, [part(3)])
    assert parity.within_tolerance() == same
    assert dataclasses.is_dataclass(parity)


def test_an_export_that_is_missing(anomaly_run: Path, parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--exported", "onnx")
    assert run_command("train_anomaly", "predict", anomaly_run, parts / "images/001.png", *flags) == 2
    assert "best.onnx: no such file; make it with train_anomaly export RUN --format onnx" in only_line(capsys)


def dataset_of(tmp_path: Path, train: int, val: int) -> Dataset:
    """A dataset of good images whose pixels are not needed."""
    files = {
        split: CocoFile([Image(n, f"{split}{n}.png", 8, 8) for n in range(count)], [], [])
        for split, count in (("train", train), ("val", val))
    }
    return Dataset(tmp_path, files, None)


@pytest.mark.parametrize(
    ("train", "val", "share", "from_train"),
    [(80, 20, 0.2, 0), (80, 20, 0.3, 10), (100, 0, 0.2, 20), (80, 40, 0.2, 0), (3, 0, 0.01, 1), (2, 0, 0.9, 1)],
)
def test_the_share_held_out_is_taken_once(
    tmp_path: Path, train: int, val: int, share: float, from_train: int
) -> None:
    options = AnomalyOptions(method="padim", val=share)
    learnt, held_out = split_good(dataset_of(tmp_path, train, val), options)
    assert len(learnt) == train - from_train
    assert [image.file_name[:3] for image in held_out] == ["tra"] * from_train + ["val"] * val
    assert not {image.file_name for image in learnt} & {image.file_name for image in held_out}
