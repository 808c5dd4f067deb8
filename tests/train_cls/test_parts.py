"""Parts of the classifier by themselves: balance, augmentation, temperature, learning rate."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, log_softmax

from train_cls.augment import augment
from train_cls.balance import BalancedBatches, TypeLoss, epoch_batches, logit_offsets, type_weights
from train_cls.data import collate, to_square
from train_cls.loop import learning_rate
from train_cls.options import ClassifierAugmentation, ClassifierOptimisation, ClassifierOptions
from train_cls.temperature import choose_temperature

TYPES = np.array([0] * 90 + [1] * 9 + [2])


def test_the_sampler_draws_each_type_as_often() -> None:
    order = epoch_batches(TYPES, ClassifierOptions(balance="sampler", batch=10))
    assert isinstance(order, BalancedBatches)
    drawn: list[int] = []
    for epoch in range(60):
        order.set_epoch(epoch)
        batches = list(order)
        assert [len(batch) for batch in batches] == [10] * 10
        drawn += [number for batch in batches for _, number in batch]
    shares = np.bincount(TYPES[drawn], minlength=3) / len(drawn)
    assert shares == pytest.approx([1 / 3] * 3, abs=0.03)
    order.set_epoch(3)
    assert list(order) == list(order)


def test_weights_make_the_mean_weight_of_an_image_1() -> None:
    weights = type_weights(TYPES, 4, "weights")
    assert weights is not None
    assert weights.tolist() == pytest.approx([100 / 270, 100 / 27, 100 / 3, 0])
    assert float(weights[torch.from_numpy(TYPES)].mean()) == pytest.approx(1)
    assert type_weights(TYPES, 4, "none") is None


def test_adjusted_logits_are_those_of_the_shares() -> None:
    offsets = logit_offsets(TYPES, 4, "logit-adjust")
    assert offsets is not None
    assert offsets.exp().tolist() == pytest.approx([0.9, 0.09, 0.01, 0.9])
    logits = torch.zeros(1, 4)
    loss = TypeLoss(TYPES, 4, ClassifierOptions(balance="logit-adjust"))(logits, torch.tensor([2]))
    assert float(loss) == pytest.approx(-np.log(0.01 / 1.9), rel=1e-5)


def test_the_loss_is_cross_entropy_and_mixes_labels() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    loss = TypeLoss(TYPES, 3, ClassifierOptions(label_smoothing=0.2))
    assert float(loss(logits, labels)) == pytest.approx(float(cross_entropy(logits, labels, label_smoothing=0.2)))
    partner = torch.tensor([1, 0, 3, 2, 4])
    plain = TypeLoss(TYPES, 3, ClassifierOptions())
    wanted = 0.3 * cross_entropy(logits, labels) + 0.7 * cross_entropy(logits, labels[partner])
    assert float(plain(logits, labels, (0.3, partner))) == pytest.approx(float(wanted))


def test_augmentation_repeats_with_its_seed_and_off_changes_nothing() -> None:
    square = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    one, two, other = (augment(square, ClassifierAugmentation(), np.random.default_rng(k)) for k in (1, 1, 2))
    assert (one == two).all()
    assert (one != other).any()
    off = ClassifierAugmentation(symmetries=False, rotation=0, scale=0, shift=0, brightness=0, contrast=0)
    assert (augment(square, off, np.random.default_rng(1)) == square).all()


def test_symmetries_are_the_8_of_the_square() -> None:
    square = np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8)
    only = ClassifierAugmentation(rotation=0, scale=0, shift=0, brightness=0, contrast=0)
    found = {augment(square, only, np.random.default_rng(k)).tobytes() for k in range(100)}
    wanted = {
        np.ascontiguousarray(np.rot90(side, k)).tobytes() for side in (square, square[:, ::-1]) for k in range(4)
    }
    assert found == wanted


def test_a_shift_moves_by_at_most_its_share() -> None:
    square = np.zeros((100, 100, 3), np.uint8)
    square[45:55, 45:55] = 255
    only = ClassifierAugmentation(symmetries=False, rotation=0, scale=0, shift=0.1, brightness=0, contrast=0)
    places = []
    for k in range(50):
        rows, columns = np.nonzero(augment(square, only, np.random.default_rng(k))[..., 0] > 127)
        places += [abs(rows.mean() - 49.5), abs(columns.mean() - 49.5)]
    assert max(places) <= 10.5
    assert max(places) > 7


@pytest.mark.parametrize("factor", [0.5, 2.0, 4.0])
def test_the_temperature_is_found_again(factor: float) -> None:
    """Labels drawn by the probabilities of logits that are then made sharper or flatter."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (20000, 4))
    shares = np.exp(log_softmax(torch.from_numpy(logits), 1).numpy())
    types = np.array([random.choice(4, p=row) for row in shares])
    assert choose_temperature(logits * factor, types) == pytest.approx(factor, rel=0.05)


def test_no_temperature_where_val_cannot_decide() -> None:
    assert choose_temperature(np.zeros((0, 3)), np.zeros(0, np.intp)) is None
    assert choose_temperature(np.eye(3) * 4, np.arange(3)) is None


def test_the_learning_rate_rises_and_falls() -> None:
    schedule = ClassifierOptimisation(warmup_share=0.1, final_lr=0.01)
    shares = [learning_rate(step, 100, schedule) for step in range(100)]
    assert shares[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert shares[10] == 1
    assert shares[-1] == pytest.approx(0.01)
    assert all(a >= b for a, b in pairwise(shares[10:]))
    constant = ClassifierOptimisation(warmup_share=0, final_lr=1)
    assert {learning_rate(step, 7, constant) for step in range(7)} == {1.0}


def test_a_single_image_is_taken_twice() -> None:
    pixels, labels = collate([(torch.zeros(3, 4, 4, dtype=torch.uint8), 2)])
    assert (tuple(pixels.shape), labels.tolist()) == ((2, 3, 4, 4), [2, 2])


def test_padding_has_the_mean_of_the_weights() -> None:
    """100 x 200 pixels in a square of 64: 16 rows above and 16 below are padding."""
    square = to_square(np.full((100, 200, 3), 80, np.uint8), 64, (0.5, 0.2, 0.0))
    outside = np.vstack([square[:16], square[48:]])
    assert (outside == (128, 51, 0)).all()
    assert (square[16:48] == 80).all()
    assert tuple(to_square(np.zeros((10, 20, 3), np.uint8), 64)[0, 0]) == (124, 116, 104)
