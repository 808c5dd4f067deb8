"""The temperature of a trained classifier, chosen on val: predictions with probability 0.8 should be right in 80
%.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIMITS = (0.1, 10.0)


def choose_temperature(
    logits: "NDArray[np.float64]", types: "NDArray[np.intp] | NDArray[np.bool_]"
) -> float | None:
    """The temperature with the lowest cross entropy of N x K logits, within LIMITS.

    `types` is the index of the type of each image, or, N x K, whether an image has each of several types.

    None if all images are right, because then the entropy falls with every lower temperature, and
    without images. Source: Guo et al., On Calibration of Modern Neural Networks, 2017.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    several = types.ndim > 1
    predicted = logits > 0 if several else logits.argmax(axis=1)
    if not len(types) or (predicted == types).all():
        return None
    rows = np.arange(len(types))

    def entropy(log_temperature: float) -> float:
        if several:
            return float(np.logaddexp(0, np.where(types, -1, 1) * logits / np.exp(log_temperature)).mean())
        return float(-log_softmax(logits / np.exp(log_temperature), axis=1)[rows, types].mean())

    optimum = minimize_scalar(entropy, bounds=np.log(LIMITS), method="bounded")
    return float(np.exp(optimum.x))
