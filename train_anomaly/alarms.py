"""The threshold from good images alone: its share of false alarms, and the guarantee for this share."""

import math
from collections.abc import Sequence

import msgspec


class Guarantee(msgspec.Struct, frozen=True):
    """How a threshold was set: `asked` is the requested share of false alarms, `images` the number of good images.

    `kept` is the share that so many `images` can guarantee; it is above `asked` if they are too few.
    `left_out_in_turn`: each image was scored by a model that had learnt all the others.
    """

    asked: float
    images: int
    kept: float
    left_out_in_turn: bool


def alarm_threshold(scores: Sequence[float], rate: float, *, left_out_in_turn: bool) -> tuple[float, Guarantee]:
    """The threshold that at most `rate` of new good images exceed, by the scores of good images not learnt from.

    It is the k-th lowest of n scores with k = ceil((n + 1) (1 - rate)): if the n images and a new one are
    exchangeable, the new one is above it with a probability of at most 1 - k / (n + 1) <= rate. If n is too small
    for that, the highest score is used, which guarantees 1 / (n + 1). Source: Vovk et al., Algorithmic Learning in
    a Random World, 2005 (conformal prediction); Bates et al., Testing for outliers with conformal p-values, 2023.
    For scores of images left out in turn the probability is about the same, and at most twice as large (Barber et
    al., Predictive inference with the jackknife+, 2021, for models that change little).
    """
    ordered = sorted(scores)
    count = len(ordered)
    k = min(count, math.ceil((count + 1) * (1 - rate) - 1e-9))
    kept = max(rate, 1 / (count + 1))
    return ordered[k - 1], Guarantee(rate, count, kept, left_out_in_turn)


def describe_guarantee(guarantee: Guarantee) -> str:
    """The guarantee as a sentence."""
    how = "each left out in turn" if guarantee.left_out_in_turn else "held out"
    text = f"threshold from {guarantee.images} good images, {how}: at most {guarantee.kept:.2%} false alarms"
    if guarantee.kept > guarantee.asked:
        needed = math.ceil(1 / guarantee.asked - 1e-9) - 1
        text += f" ({guarantee.asked:.2%} as asked needs {needed} images)"
    text += " of new good images that come from the same process"
    return f"{text}; approximate, because they were left out in turn" if guarantee.left_out_in_turn else text
