"""Whether new images still look like the good images of the training: a test of the scores of a batch."""

from collections.abc import Sequence

import msgspec

LEVEL = 0.001  # probability of a warning for a batch of good images that have not changed
MIN_IMAGES = 20  # fewer images show too little


class Drift(msgspec.Struct, frozen=True):
    """The outcome of the test: `p_value` of `images` new images without an alarm against `good` good ones."""

    images: int
    good: int
    p_value: float

    @property
    def found(self) -> bool:
        """Whether good images have changed, by a test at LEVEL."""
        return self.p_value < LEVEL

    def describe(self) -> str:
        """The warning."""
        return (
            f"good images seem to have changed: the scores of {self.images} images without an alarm differ from"
            f" those of {self.good} good images of the training (Kolmogorov-Smirnov, p = {self.p_value:.1g});"
            " the threshold may no longer keep its share of false alarms"
        )


def compare_scores(scores: Sequence[float], good: Sequence[float], limit: float) -> Drift | None:
    """Compare the image scores of a batch with those of good images that were not learnt from.

    Only scores below `limit`, the threshold, are compared, on both sides: defects do not count as drift, and of
    unchanged good images the scores below the threshold have the same distribution. Two-sample
    Kolmogorov-Smirnov test, two-sided. None for fewer than 20 scores on one side.
    """
    from scipy.stats import ks_2samp

    new, old = ([score for score in each if score < limit] for each in (scores, good))
    if min(len(new), len(old)) < MIN_IMAGES:
        return None
    return Drift(len(new), len(old), float(ks_2samp(new, old).pvalue))
