"""The fitted head: its logistic regression, its parts, and a real fit on synthetic bottles."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from datasets.coco import Annotation, Image
from datasets.masks.rle import encode
from evaluate.history_file import read_history
from evaluate.metrics import read_metrics
from tests.command import only_line, run_command
from tests.train_cls.conftest import SMALL
from train_cls.fitted_net import PatchModel, eight_views
from train_cls.head_fit import INNER_FOLDS, inner_folds
from train_cls.linear_fit import fit_logistic, fit_standardised
from train_cls.patch_truth import patch_cover

FITTED = ("--head", "fitted", "--layers", "8,16", "--imgsz", 64)


@pytest.fixture(scope="module")
def fitted_run(coco_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a fitted head and random features."""
    runs = tmp_path_factory.mktemp("fitted") / "runs"
    assert run_command("train_cls", "fit", coco_folder, *SMALL, *FITTED, "--runs", runs) == 0
    return runs / "cls" / coco_folder.name


def test_logistic_regression_is_that_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 5))
    y = (x @ random.normal(size=(5, 3)) + random.normal(size=(60, 3))).argmax(1)
    model = linear_model.LogisticRegression(C=2.0, tol=1e-10, max_iter=5000).fit(x, y)
    wanted = torch.nn.functional.one_hot(torch.from_numpy(y), 3)
    weight, bias = fit_logistic(torch.from_numpy(x), wanted, 0.5, softmax=True)
    found = (torch.from_numpy(x).float() @ weight.T + bias).softmax(1).numpy()
    assert found == pytest.approx(model.predict_proba(x), abs=1e-3)
    two = linear_model.LogisticRegression(C=2.0, tol=1e-10, max_iter=5000).fit(x, y == 1)
    weight, bias = fit_logistic(torch.from_numpy(x), wanted[:, 1:2], 0.5)
    assert weight.numpy() == pytest.approx(two.coef_, abs=1e-3)
    assert bias.numpy() == pytest.approx(two.intercept_, abs=1e-3)


def test_one_class_gives_finite_weights() -> None:
    weight, bias = fit_logistic(torch.randn(8, 3), torch.ones(8, 1), 1.0)
    assert torch.isfinite(weight).all()
    assert float(bias) > 3


def test_image_weights_count_like_repeated_images() -> None:
    torch.manual_seed(1)
    x, y = torch.randn(12, 3), (torch.rand(12, 1) > 0.5).float()
    repeated = fit_logistic(torch.cat([x, x[:4]]), torch.cat([y, y[:4]]), 0.3)
    weights = torch.tensor([2.0] * 4 + [1.0] * 8)
    weighted = fit_logistic(x, y, 0.3, weights=weights)
    for one, other in zip(repeated, weighted, strict=True):
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-4)


def test_standardised_columns_give_the_same_logits_at_any_scale() -> None:
    torch.manual_seed(2)
    x, y = torch.randn(30, 4), (torch.rand(30, 1) > 0.4).float()
    layers = []
    for scale in (1.0, 1000.0):
        layer = nn.Linear(4, 1)
        moved = x * torch.tensor([scale, 1, 1, 1]) + torch.tensor([5.0, 0, 0, 0])
        fit_standardised(layer, moved, {(0, 1): 1.0, (1, 3): 1.0}, y, 0.1)
        layers.append((layer(moved).detach().numpy(), layer.weight.detach()))
    assert layers[0][0] == pytest.approx(layers[1][0], abs=1e-3)
    assert float(layers[0][1][0, 3]) == 0  # a column outside of all blocks


def test_the_evidence_is_area_strength_and_types() -> None:
    model = PatchModel(2, 2)
    with torch.no_grad():
        model.defect.weight.copy_(torch.tensor([[100.0, 0]]))
        model.defect.bias.copy_(torch.tensor([-50.0]))
        model.types.weight.copy_(torch.tensor([[0, 100.0], [0, -100.0]]))
        model.types.bias.zero_()
    patches = torch.zeros(1, 50, 2)
    patches[0, :30, 0] = 1  # 30 defective patches, of the first type 10
    patches[0, :10, 1], patches[0, 10:30, 1] = 1, -1
    evidence, appearance = model(patches)
    wanted = [np.log(31), np.log(31), 1, 1, np.log(11), np.log(21), 1 / 3, 2 / 3]
    assert evidence[0].detach().numpy() == pytest.approx(wanted, abs=1e-3)
    assert appearance[0].detach().numpy() == pytest.approx([1, -1 / 3], abs=1e-3)


def test_eight_views_are_the_symmetries_of_the_square() -> None:
    square = torch.arange(9.0).view(1, 1, 3, 3)
    wanted = {
        tuple(torch.rot90(view, k, (2, 3)).flatten().tolist())
        for view in (square, square.flip(3))
        for k in range(4)
    }
    assert {tuple(view.flatten().tolist()) for view in eight_views(square)} == wanted
    assert len(wanted) == 8


def test_the_cover_of_patches_is_counted_in_pixels() -> None:
    image = Image(1, "a.png", 32, 64)  # width, height: padded to a square of 64 by 16 on both sides
    mask = np.zeros((64, 32), np.uint8)
    mask[:16, :8] = 1
    annotations = [
        Annotation(1, 1, 7, (0, 0, 8, 16), 128, segmentation=encode(mask)),
        Annotation(2, 1, 3, (16, 48, 16, 16), 256),
        Annotation(3, 1, 3, (0, 32, 32, 8), 256, iscrowd=1),
    ]
    cover = patch_cover(image, annotations, [3, 7], 64, 4).reshape(3, 4, 4)
    ignored, boxes, masks = np.zeros((4, 4)), np.zeros((4, 4)), np.zeros((4, 4))
    ignored[2, 1:3] = 0.5
    boxes[3, 2] = 1
    masks[0, 1] = 0.5
    assert cover[0] == pytest.approx(ignored, abs=0.01)
    assert cover[1] == pytest.approx(boxes, abs=0.01)
    assert cover[2] == pytest.approx(masks, abs=0.01)


def test_inner_folds_spread_every_type() -> None:
    types = np.array([0] * 9 + [1] * 8 + [2] * 4)
    folds = inner_folds(types, 3)
    assert set(folds.tolist()) == set(range(INNER_FOLDS))
    for kind in range(3):
        counts = np.bincount(folds[types == kind], minlength=INNER_FOLDS)
        assert counts.max() - counts.min() <= 1
    assert (inner_folds(types, 3) == folds).all()


def test_a_fitted_run_has_one_epoch_and_finds_the_types(fitted_run: Path) -> None:
    rows = read_history(fitted_run / "history.csv")
    assert [row["epoch"] for row in rows] == [1]
    assert {"train_loss", "val_loss", "val_accuracy"} <= rows[0].keys()
    assert [path.name for path in (fitted_run / "weights").iterdir()] == ["best.safetensors"]
    assert read_metrics(fitted_run / "metrics.json").protocol.task == "cls"


def test_a_fitted_run_repeats_and_ignores_tta(fitted_run: Path, coco_folder: Path, tmp_path: Path) -> None:
    again = ("--runs", tmp_path / "runs", "--name", "again")
    assert run_command("train_cls", "fit", coco_folder, *SMALL, *FITTED, *again) == 0
    one, other = (read_metrics(run / "metrics.json") for run in (fitted_run, tmp_path / "runs/cls/again"))
    assert one == other
    assert run_command("train_cls", "evaluate", tmp_path / "runs/cls/again", "--tta", "--device", "cpu") == 0
    assert read_metrics(tmp_path / "runs/cls/again/metrics.json") == one


@pytest.mark.parametrize(("export_format", "package"), [("onnx", "onnxscript"), ("openvino", "openvino")])
def test_a_fitted_head_is_exported_even_where_it_is_sure(
    fitted_run: Path, tmp_path: Path, export_format: str, package: str, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(package, reason=f"{package} is not installed, so the export is not tested")
    run = Path(shutil.copytree(fitted_run, tmp_path / "run"))
    weights = run / "weights/best.safetensors"
    with safe_open(weights, "pt") as stored:
        described = stored.metadata()
    sure = load_file(weights) | {"detect.bias": torch.tensor([100.0])}  # as a log odds far below -17 for good
    save_file(sure, weights, described)
    assert run_command("train_cls", "export", run, "--format", export_format) == 0
    assert "no probability differs by more than" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layers", "8"], "--layers 8: less than two layers"),
        (["--layers", "8,nothing"], "--layers nothing: no such layer of resnet18"),
        (["--layers", "8,8"], "--layers 8,8: are the same layer"),
        (["--mixup", 0.2], "--mixup 0.2: is for a trained head"),
        (["--balance", "sampler"], "--balance sampler: is for a trained head"),
        (["--arch", "resnet19"], "--arch resnet19: neither torchvision nor timm"),
        (["--head", "trained", "--layers", "8,16"], "--layers 8,16: is for a fitted head"),
        (["--head", "none"], "--head none: not a value it takes"),
    ],
)
def test_bad_options_end_in_one_line(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[object], message: str
) -> None:
    flags = (*SMALL, *FITTED, *arguments, "--runs", tmp_path / "runs")
    assert run_command("train_cls", "fit", coco_folder, *flags) == 2
    assert message in only_line(capsys)
    assert not (tmp_path / "runs").exists()
