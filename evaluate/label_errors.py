"""Suspected label errors: where confident predictions of models that did not train on an image contradict its
truth.

The predictions are of tested images: in a cross-validation each is of the fold that did not see the image. With
several seeds, only what all of them contradict is listed.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from datasets.coco import CocoFile, Prediction
from evaluate.cells import Table
from evaluate.instance_suspects import instance_suspects
from evaluate.label_suspects import Suspect, agreed
from evaluate.metric import Metric, Tested
from evaluate.pixel_suspects import pixel_suspects
from evaluate.run_folder import Provides
from evaluate.truth import has_masks
from evaluate.type_suspects import type_suspects

MAX_SUSPECTS = 200
SHOWN = 10


class LabelErrors(msgspec.Struct, frozen=True):
    """The suspects, the most suspicious first, at most MAX_SUSPECTS of the `total`; `runs` had to agree."""

    total: int
    runs: int
    suspects: list[Suspect]


class LabelErrorMetric(Metric[LabelErrors]):
    """The ranked list of suspected label errors."""

    key = "label_errors"
    value_type = LabelErrors

    def measure(self, tested: Tested) -> LabelErrors | None:
        """Over all scores; None for runs without boxes and without image types."""
        provides = tested.provides
        if not (provides.boxes or provides.image_types):
            return None
        runs = tested.seeds or [tested.predictions]
        suspects = agreed([suspects_of(tested.truth, one, provides) for one in runs])
        return LabelErrors(len(suspects), len(runs), suspects[:MAX_SUSPECTS])

    def definitions(self, truth: CocoFile) -> dict[str, str]:
        """When a label is suspect."""
        del truth
        return {
            "label_errors": "labels that confident predictions contradict, by models that did not train on the"
            " image: confident is a score of at least 0.8 of the mean score with which annotations of the type"
            " are found (of image types: the mean probability of the type over its images; Northcutt et al. 2021);"
            " types of which less than half of the confident predictions are near such an annotation are left"
            " out; with several seeds, what all contradict; a list to look at, not a list of errors"
        }

    def tables(self, value: LabelErrors, definitions: Mapping[str, str]) -> Iterator[Table]:
        """The first of the list."""
        if value.suspects:
            rows = [[s.image, s.kind.value, f"{s.suspicion:.2f}", s.reason] for s in value.suspects[:SHOWN]]
            stored = "all" if value.total == len(value.suspects) else f"the first {len(value.suspects)}"
            shown = f", the first {SHOWN}; {stored} are in metrics.json" if value.total > SHOWN else ""
            title = f"Suspected label errors: {value.total}{shown}"
            yield Table(title, ("image", "kind", "suspicion", "reason"), rows, definitions.get(self.key, ""))


LABEL_ERRORS = LabelErrorMetric()


def suspects_of(truth: CocoFile, predictions: Sequence[Prediction], provides: Provides) -> list[Suspect]:
    """The suspects of one run that provides boxes or image types."""
    if provides.image_types:
        return type_suspects(truth, predictions, several=provides.several_types)
    suspects = instance_suspects(truth, predictions)
    if provides.masks and has_masks(truth):
        suspects += pixel_suspects(truth, predictions)
    return suspects
