"""The operating point: the score from which a prediction counts, chosen on images that are not the test images.

Three rules, all about images of val: `max-f1` (best F1 of finding the defective images), `miss<=X` (fewest false
alarms with at most X misses) and `alarms<=Y` (fewest misses with at most Y false alarms).
Where no image of val is good, `max-f1` is the best F1 of the defects (evaluate.defect_threshold).
X and Y are counts, or percentages of the defective or good images. A fourth, `good`, takes the threshold that the
model itself has from good images. With `/type` after one of the three, as in `max-f1/type`, each defect type has a
threshold of its own (evaluate.type_thresholds).
"""

import math
import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from evaluate.run_folder import Run
from evaluate.values import DEFAULT_SCORE_THRESHOLD, OperatingPoint
from system.errors import OptionError
from system.json_file import read_json

PER_TYPE = "/type"
FORMS = (
    "give max-f1, miss<=X, alarms<=Y or good, the first three also with /type, where X and Y are counts such as 1"
    " or percentages such as 5%"
)
Limited = Literal["max-f1", "miss", "alarms", "good"]
PATTERN = re.compile(r"(miss|alarms)\s*<=\s*(\d+|\d+(?:\.\d+)?%)")


class Rule(msgspec.Struct, frozen=True):
    """A rule in parts: what is limited, and `limit`, a count, or a percentage with `percent`.

    `per_type`: each defect type has its own threshold.
    """

    text: str
    limited: Limited
    limit: float = 0
    percent: bool = False
    per_type: bool = False

    def allowed(self, images: int) -> int:
        """How many of `images` may be missed or raise a false alarm."""
        return math.floor(self.limit * images / 100 + 1e-9) if self.percent else int(self.limit)


def parse_rule(text: str) -> Rule:
    """Read --operating-point. Raises OptionError naming the forms."""
    if text == "good":
        return Rule(text, "good")
    plain = text.strip().removesuffix(PER_TYPE)
    per_type = plain != text.strip()
    if plain == "max-f1":
        return Rule(text, "max-f1", per_type=per_type)
    match = PATTERN.fullmatch(plain)
    number = match[2].rstrip("%") if match else ""
    percent = bool(match) and plain.endswith("%")
    if not match or (percent and float(number) > 100):
        raise OptionError(f"--operating-point {text}", "not a rule", FORMS)
    return Rule(text, "miss" if match[1] == "miss" else "alarms", float(number), percent, per_type)


class _Threshold(msgspec.Struct, frozen=True):
    score_threshold: float
    types: dict[str, float] = {}


class _MetricsFile(msgspec.Struct, frozen=True):
    """The part of metrics.json that is the same in every version of the file."""

    operating_point: _Threshold


def operating_score(run: Run, default: float = DEFAULT_SCORE_THRESHOLD) -> float:
    """The score from which a prediction of `run` counts: its operating point, or `default` if not measured.

    Raises InputError if metrics.json cannot be read.
    """
    return operating_scores(run, default).score_threshold


def operating_scores(run: Run, default: float = DEFAULT_SCORE_THRESHOLD) -> OperatingPoint:
    """The score from which a prediction of `run` counts, per type if the run has such; as `operating_score`."""
    if not run.metrics.is_file():
        return OperatingPoint("", default, "default")
    point = read_json(run.metrics, _MetricsFile).operating_point
    return OperatingPoint("", point.score_threshold, "metrics.json", types=point.types)


def choose_operating_point(
    rule: Rule, scores: Sequence[float], defective: Sequence[bool], default: float = DEFAULT_SCORE_THRESHOLD
) -> OperatingPoint:
    """Apply `rule` to the image scores of val (highest prediction score, 0 where there is none).

    The threshold is the middle between the lowest score that still counts and the next lower one: anything between
    the two gives the same result on val, and the middle generalises best. Of equally good thresholds the highest
    is taken. Where val cannot decide (no prediction, or none of the images that the rule is about), the threshold
    is `default`.
    """
    levels = sorted({s for s in scores if s > 0})
    bad = [s for s, d in zip(scores, defective, strict=True) if d]
    good = [s for s, d in zip(scores, defective, strict=True) if not d]
    undecided = OperatingPoint(rule.text, default, "default")
    if not levels or not (good if rule.limited == "alarms" else bad):
        return undecided
    missed = [sum(s < level for s in bad) for level in levels]
    alarms = [sum(s >= level for s in good) for level in levels]
    if rule.limited == "max-f1":
        f1 = [2 * (len(bad) - m) / (2 * len(bad) - m + a) for m, a in zip(missed, alarms, strict=True)]
        if max(f1) == 0:
            return undecided
        best = max(range(len(levels)), key=lambda i: (f1[i], i))
        return OperatingPoint(rule.text, threshold_between(levels, best), "val")
    if rule.limited == "miss":
        kept = [i for i, m in enumerate(missed) if m <= rule.allowed(len(bad))]
        return OperatingPoint(rule.text, threshold_between(levels, kept[-1] if kept else 0), "val", met=bool(kept))
    kept = [i for i, a in enumerate(alarms) if a <= rule.allowed(len(good))]
    return OperatingPoint(rule.text, threshold_between(levels, kept[0] if kept else len(levels)), "val")


def threshold_between(levels: list[float], accepted: int) -> float:
    """A short number above level `accepted` - 1 (or 0) and not above `accepted` (or, past the last, anything)."""
    low = levels[accepted - 1] if accepted else 0.0
    high = levels[accepted] if accepted < len(levels) else max(1.0, math.nextafter(low, math.inf))
    middle = (low + high) / 2
    for digits in (3, 4, 6):
        if low < round(middle, digits) <= high:
            return round(middle, digits)
    return middle if middle > low else high
