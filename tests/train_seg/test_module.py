import itertools

import numpy as np
import pytest
import torch

from datasets.coco import Category
from train_seg.loss import coverage_to_target, segmentation_loss
from train_seg.model import ModelSpec, SegmentationModel
from train_seg.module import SegmenterModule, ema_average, lr_share
from train_seg.options import SegmenterOptimisation

HOW = SegmenterOptimisation(lr=1e-3, encoder_lr_share=0.2)
SPEC = ModelSpec("resnet18", 3, 64, [Category(1, "a"), Category(2, "b")])


def test_the_learning_rate_rises_then_falls_along_a_cosine() -> None:
    shares = [lr_share(step, 100, SegmenterOptimisation()) for step in range(101)]
    assert shares[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert all(a >= b for a, b in itertools.pairwise(shares[4:]))
    assert lr_share(5 + 95 // 2, 100, SegmenterOptimisation()) == pytest.approx(0.5, abs=0.02)
    assert shares[100] == pytest.approx(0.01)


def test_the_average_starts_fast_and_ends_slow() -> None:
    old, new = torch.tensor([0.0]), torch.tensor([1.0])
    assert float(ema_average(old, new, 0, 0.98)) == pytest.approx(0.9)
    assert float(ema_average(old, new, 10**6, 0.98)) == pytest.approx(0.02)
    assert int(ema_average(torch.tensor(3), torch.tensor(8), 5, 0.98)) == 8


def test_shares_of_the_target_sum_to_one() -> None:
    coverage = torch.tensor([[[[0, 255, 51]], [[0, 0, 102]], [[255, 0, 51]]]], dtype=torch.uint8)
    target, weight = coverage_to_target(coverage)
    assert weight[0, 0].tolist() == pytest.approx([0, 1, 0.8])
    assert target[0, :, 0].T.tolist() == [
        pytest.approx([1, 0, 0]),
        pytest.approx([0, 1, 0]),
        pytest.approx([0.4, 0.2, 0.4]),
    ]


def weights_like(target: torch.Tensor) -> torch.Tensor:
    return torch.ones(len(target), *target.shape[2:])


def logits_of(classes: np.ndarray, sure: float) -> torch.Tensor:
    return sure * torch.nn.functional.one_hot(torch.from_numpy(classes), 3).permute(0, 3, 1, 2).float()


def test_the_loss_is_zero_for_the_truth_and_grows_with_the_error() -> None:
    truth = np.zeros((2, 16, 16), np.int64)
    truth[0, 4:8, 4:8] = 1
    target = logits_of(truth, 1.0)
    wrong_type = truth * 2
    nothing = truth * 0
    right, typed, missed = (
        float(segmentation_loss(logits_of(t, 30.0), target, weights_like(target), 0.5))
        for t in (truth, wrong_type, nothing)
    )
    assert right == pytest.approx(0, abs=1e-4)
    assert typed == pytest.approx(0.5 * 30, rel=0.01)
    assert missed > 1


def test_a_batch_without_defects_has_a_finite_loss_about_places_only() -> None:
    """Two of three equal classes are defects: the cross-entropy of their share 2/3 is log 3, the Dice is zero."""
    target = logits_of(np.zeros((2, 8, 8), np.int64), 1.0)
    assert float(segmentation_loss(torch.zeros(2, 3, 8, 8), target, weights_like(target), 0.5)) == pytest.approx(
        np.log(3) + 1, abs=0.02
    )


def test_the_type_of_a_small_defect_weighs_as_much_as_that_of_a_large_one() -> None:
    truth = np.zeros((2, 16, 16), np.int64)
    truth[0, :2, :2] = 1
    truth[1, :12, :12] = 1
    target = logits_of(truth, 1.0)
    losses = []
    for wrong in (0, 1):
        claimed = truth.copy()
        claimed[wrong] *= 2
        losses.append(float(segmentation_loss(logits_of(claimed, 9.0), target, weights_like(target), 0.5)))
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


class Fixed(torch.nn.Module):
    """Answers with logits that were fixed beforehand."""

    def __init__(self, logits: torch.Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, _: torch.Tensor) -> torch.Tensor:
        return self.logits


def test_validation_metrics_are_pooled_over_pixels() -> None:
    truth = np.zeros((2, 8, 8), np.int64)
    truth[0, :4, :4] = 1
    truth[1, :2, :2] = 2
    found = np.zeros_like(truth)
    found[0, :4, :2] = 1  # half of the first
    found[1, :2, :2] = 1  # the second whole, with the wrong type
    coverage = torch.from_numpy(np.stack([(truth == k) * 255 for k in (1, 2, 3)], 1).astype(np.uint8))
    module = SegmenterModule(
        SegmentationModel(ModelSpec("resnet18", 3, 64, [Category(1, "a"), Category(2, "b")])), HOW, 1
    )
    module.model = Fixed(logits_of(found, 9.0))  # type: ignore[assignment]
    module.on_validation_epoch_start()
    module.validation_step((torch.zeros(2, 3, 8, 8), coverage), 0)
    metrics = module.validation_metrics()
    assert metrics["val_dice"] == pytest.approx(2 * 12 / (12 + 20))
    assert metrics["val_iou"] == pytest.approx((8 / 20 + 0) / 2)


def test_pixels_of_ignore_regions_change_neither_the_loss_nor_its_gradient_nor_the_measures() -> None:
    truth = np.zeros((1, 8, 8), np.int64)
    truth[0, :2, :2] = 1
    ignored = np.zeros((1, 8, 8), np.uint8)
    ignored[0, 4:] = 255
    coverage = torch.from_numpy(np.stack([(truth == 1) * 255, (truth == 2) * 255, ignored], 1).astype(np.uint8))
    target, weight = coverage_to_target(coverage)
    losses, metrics = [], []
    for claimed in (0, 1, 2):
        found = truth.copy()
        found[0, 4:] = claimed
        logits = logits_of(found, 9.0).requires_grad_()
        loss = segmentation_loss(logits, target, weight, 0.5)
        loss.backward()  # type: ignore[no-untyped-call]
        assert logits.grad is not None
        assert logits.grad[0, :, :4].abs().sum() > 0
        assert (logits.grad[0, :, 4:] == 0).all()
        losses.append(float(loss))
        module = SegmenterModule(
            SegmentationModel(ModelSpec("resnet18", 3, 64, [Category(1, "a"), Category(2, "b")])), HOW, 1
        )
        module.model = Fixed(logits.detach())  # type: ignore[assignment]
        module.validation_step((torch.zeros(1, 3, 8, 8), coverage), 0)
        metrics.append(module.validation_metrics())
    assert losses[0] == losses[1] == losses[2]
    assert metrics[0] == metrics[1] == metrics[2]
    assert metrics[0]["val_dice"] == 1


def test_without_annotations_there_is_a_loss_and_no_dice() -> None:
    module = SegmenterModule(SegmentationModel(ModelSpec("resnet18", 3, 64, [Category(1, "a")])), HOW, 1)
    module.model = Fixed(torch.zeros(1, 2, 8, 8))  # type: ignore[assignment]
    assert module.validation_metrics() == {}
    module.validation_step((torch.zeros(1, 3, 8, 8), torch.zeros(1, 2, 8, 8, dtype=torch.uint8)), 0)
    assert set(module.validation_metrics()) == {"val_loss"}


def test_norms_and_biases_do_not_decay_and_a_pretrained_encoder_moves_less() -> None:
    model = SegmentationModel(ModelSpec("resnet18", 3, 64, [Category(1, "a")]))
    module = SegmenterModule(model, HOW, 10, pretrained=True)
    groups = module.configure_optimizers()["optimizer"].param_groups
    found = {id(p): (group["weight_decay"] > 0, group["initial_lr"]) for group in groups for p in group["params"]}
    assert len(found) == sum(len(group["params"]) for group in groups)
    for name, parameter in model.named_parameters():
        rate = 2e-4 if name.startswith("net.encoder") else 1e-3
        assert found[id(parameter)] == (parameter.ndim > 1, pytest.approx(rate)), name
