"""The suspected label errors of the runs on a page, as reasons by image."""

from collections.abc import Sequence

from evaluate.label_errors import LABEL_ERRORS
from evaluate.metrics import read_metrics
from evaluate.run_folder import Run


def suspects_by_image(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The reasons of all measured `runs` by file name, the most suspicious first, each once.

    Raises InputError if a metrics.json cannot be read.
    """
    reasons: dict[str, list[str]] = {}
    for run in runs:
        errors = read_metrics(run.metrics).get(LABEL_ERRORS) if run.metrics.is_file() else None
        for suspect in errors.suspects if errors else []:
            of_image = reasons.setdefault(suspect.image, [])
            if suspect.reason not in of_image:
                of_image.append(suspect.reason)
    return reasons
