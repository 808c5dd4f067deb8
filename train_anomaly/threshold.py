"""The threshold and the usual distances of a trained method, from good images that it did not learn from."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from features.input_frame import InputFrame
from features.regions import DistanceLimits, learn_limits
from features.score_map import smoothed
from system.console import print_status
from system.errors import OptionError
from train_anomaly.alarms import alarm_threshold, describe_guarantee
from train_anomaly.options import parse_alarms
from train_anomaly.spec import AnomalySpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 4  # every 4th row and column is enough for the quantiles of all pixels
ABOVE = 1 + 1e-6  # the good image that sets the threshold raises no alarm itself
LEAST = 1e-9


def with_threshold(
    spec: AnomalySpec,
    raw: "Sequence[NDArray[np.float32]]",
    sizes: Sequence[tuple[int, int]],
    *,
    left_out_in_turn: bool,
) -> AnomalySpec:
    """`spec` with the threshold by the raw distances h x w of good images of `sizes`; prints its guarantee.

    Raises OptionError if a good image has no finite distance.
    """
    maps = [
        smoothed(one, InputFrame(*size, spec.rows, spec.columns), spec.options.smoothing, spec.enlarging)
        for one, size in zip(raw, sizes, strict=True)
    ]
    scores = sorted(float(one.max()) for one in maps)
    if not np.isfinite(scores).all():  # nothing is remembered of the other images, or a network has diverged
        problem, remedy = "gives good images a distance that is not a number", "lower --lr, or give another method"
        if left_out_in_turn:
            problem = f"remembers too little to measure each of {len(scores)} good images without itself"
            remedy = "give more --patches, or more good images"
        raise OptionError(f"--method {spec.options.method}", problem, remedy)
    rate = parse_alarms(spec.options.alarms)
    peak, guarantee = alarm_threshold(scores, rate, left_out_in_turn=left_out_in_turn)
    usual = learn_limits([one[::STEP, ::STEP] for one in maps])
    limits = DistanceLimits(usual.usual, usual.floor, max(peak * ABOVE, LEAST))
    print_status(describe_guarantee(guarantee))
    return msgspec.structs.replace(spec, good_scores=scores, limits=limits, guarantee=guarantee)
