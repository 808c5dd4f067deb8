"""The mean of several segmenters."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from datasets.coco import Category, Prediction
from datasets.formats.coco_file import read_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.metrics import read_metrics
from tests.command import only_line, run_command
from train_seg.fused_segmenter import FusedSegmenter
from train_seg.segmenter import Segmenter, load_segmenter
from training.trainer import Predictor


@pytest.fixture(scope="module")
def segmenter(seg_run: Path) -> Segmenter:
    return load_segmenter(seg_run / "weights/best.safetensors", torch.device("cpu"))


def test_shares_and_threshold_are_the_means(segmenter: Segmenter) -> None:
    """One member is the other with its logits doubled, and thresholds of 0.4 and 0.8."""
    specs = [msgspec.structs.replace(segmenter.spec, pixel_threshold=t) for t in (0.4, 0.8)]
    cpu = torch.device("cpu")
    single = [Segmenter(segmenter.network, specs[0], cpu),
              Segmenter(lambda pixels: 2 * segmenter.network(pixels), specs[1], cpu)]  # fmt: skip
    fused = FusedSegmenter(single)
    rgb = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    mean = np.mean([member.shares(rgb) for member in single], axis=0)
    np.testing.assert_allclose(fused.shares(rgb), mean, atol=1e-6)
    np.testing.assert_allclose(fused.score_mapper(rgb), 1 - mean[0], atol=1e-6)
    assert fused.default_score == pytest.approx(0.6)
    assert np.abs(single[0].shares(rgb) - single[1].shares(rgb)).max() > 0.01


def test_a_run_fused_with_itself_measures_the_same(
    seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--runs", tmp_path, "--name", "two", "--device", "cpu")
    assert run_command("train_seg", "fuse", seg_run, seg_run, *given) == 0
    fused = tmp_path / "seg" / "two"
    assert read_metrics(fused / "metrics.json").pixels == read_metrics(seg_run / "metrics.json").pixels
    assert read_metrics(fused / "metrics.json").score_maps == read_metrics(seg_run / "metrics.json").score_maps
    assert [p.segmentation for p in read_predictions(fused / "predictions/test.json")] == [
        p.segmentation for p in read_predictions(seg_run / "predictions/test.json")
    ]
    capsys.readouterr()
    assert run_command("train_seg", "fuse", seg_run, "--refine-by", seg_run, *given) == 2
    assert "refines the boxes of detectors; use train_det fuse" in only_line(capsys)


class Certain(Predictor):
    """A classifier that names one type with certainty, or none."""

    def __init__(self, categories: list[Category], chosen: int) -> None:
        self.categories, self.default_score, self.chosen = categories, 0.5, chosen

    def predict(
        self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        for image_id, rgb in images:
            box = (0, 0, rgb.shape[1], rgb.shape[0])
            yield [Prediction(image_id, c.id, box, float(c.id == self.chosen)) for c in self.categories]


def test_a_classifier_changes_types_and_no_mask(segmenter: Segmenter, coco_folder: Path) -> None:
    dataset = load_dataset(coco_folder)
    images = [(k, dataset.read_image(image)) for k, image in enumerate(dataset.images("test")[:3])]
    plain = [p for own in FusedSegmenter([segmenter]).predict(images) for p in own]
    assert plain
    for category in segmenter.categories:
        typer = Certain(list(segmenter.categories), category.id)
        typed = [p for own in FusedSegmenter([segmenter], typer).predict(images) for p in own]
        assert [(p.image_id, p.segmentation, p.score) for p in typed] == [
            (p.image_id, p.segmentation, p.score) for p in plain
        ]
        assert {p.category_id for p in typed} == {category.id}
    undecided = Certain(list(segmenter.categories), 0)
    assert [p for own in FusedSegmenter([segmenter], undecided).predict(images) for p in own] == plain


def test_only_segmenters_are_averaged(seg_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(seg_run, tmp_path / "det")
    config = tmp_path / "det" / "config.yaml"
    config.write_text(config.read_text().replace("kind: seg", "kind: det"))
    assert run_command("train_seg", "fuse", seg_run, tmp_path / "det", "--runs", tmp_path / "runs") == 2
    assert "a run of train_det; name runs of train_seg" in only_line(capsys)
