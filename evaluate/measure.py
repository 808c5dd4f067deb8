"""Measure a run: its predictions against the ground truth, operating point chosen on val and applied to test."""

from collections.abc import Iterable, Mapping, Sequence

from datasets.coco import CocoFile, Prediction
from datasets.formats.dataset_folder import Dataset
from evaluate.bootstrap import draw_images
from evaluate.defect_threshold import choose_by_defects
from evaluate.images import defective_images, image_scores
from evaluate.metric import ScoreMap, Tested
from evaluate.metrics import Metrics, measure_all
from evaluate.one_type import types_by_image
from evaluate.operating import Rule, choose_operating_point, parse_rule
from evaluate.protocol import protocol_of
from evaluate.run_folder import Provides, Run
from evaluate.tables import metrics_markdown
from evaluate.truth import checked_predictions, defect_types, run_truth
from evaluate.type_of_image import image_answers
from evaluate.type_thresholds import choose_type_thresholds, counted_predictions
from evaluate.values import DEFAULT_SCORE_THRESHOLD, OperatingPoint, Protocol
from system.files import write_atomic
from system.json_file import write_json


def measure_run(
    run: Run,
    dataset: Dataset,
    *,
    operating_point: str = "max-f1",
    default: float = DEFAULT_SCORE_THRESHOLD,
    seed: int = 0,
    score_map: ScoreMap | None = None,
    own_point: OperatingPoint | None = None,
) -> Metrics:
    """Measure predictions/{val,test}.json of `run`, write metrics.json and metrics.md, and return the numbers.

    `operating_point` is max-f1, miss<=X, alarms<=Y or good, `default` the score threshold where val cannot decide
    one, `own_point` that of the model by the rule `good`; `seed` is that of the bootstrap. `score_map` gives, for
    an image of the test split, the H x W defect score at original size; without it the measures of score maps are
    null. Raises OptionError, InputError.
    """
    rule = parse_rule(operating_point)
    truth = run_truth(run, dataset)
    provides = run.provides
    predictions = {
        name: checked_predictions(run.predictions(name), coco, provides) for name, coco in truth.items()
    }
    if rule.limited == "good":
        point = own_point or OperatingPoint(rule.text, default, "default")
    else:
        answers = image_answers(predictions["val"], provides)
        point = choose_point(rule, [(truth["val"], answers)], default, boxes=provides.boxes)
    protocol = protocol_of(run, dataset, truth, operating_point=describe(point), seed=seed)
    metrics = measure(
        protocol,
        point,
        truth["test"],
        predictions["test"],
        provides=provides,
        seed=seed,
        score_map=score_map,
        types=defect_types(run, dataset),
    )
    write_metrics(run, metrics)
    return metrics


def write_metrics(run: Run, metrics: Metrics) -> None:
    """Write metrics.json, and metrics.md for people."""
    write_json(run.metrics, metrics)
    write_atomic(run.metrics.with_suffix(".md"), metrics_markdown(metrics).encode())


def measure(
    protocol: Protocol,
    point: OperatingPoint,
    truth: CocoFile,
    predictions: Sequence[Prediction],
    *,
    provides: Provides,
    counted: Sequence[Prediction] | None = None,
    seed: int = 0,
    score_map: ScoreMap | None = None,
    types: Mapping[int, str] | None = None,
) -> Metrics:
    """Every metric of `predictions` at an operating point that is already chosen.

    `counted` are the predictions that reach it, if that is not one threshold for all images. A metric that needs
    what the run does not provide, or masks that the annotations do not have, is None. `types` are the defect types
    of each defective image id, by default those of `truth`.
    """
    if counted is None:
        counted = counted_predictions(image_answers(predictions, provides), point, truth.names())
    tested = Tested(
        truth=truth,
        predictions=predictions,
        counted=counted,
        point=point,
        provides=provides,
        draws=draw_images(len(truth.images), seed),
        score_map=score_map,
        types=types_by_image(truth) if types is None else types,
    )
    return measure_all(tested, protocol)


def choose_point(
    rule: Rule,
    seen: Iterable[tuple[CocoFile, Sequence[Prediction]]],
    default: float = DEFAULT_SCORE_THRESHOLD,
    *,
    boxes: bool = True,
) -> OperatingPoint:
    """Apply `rule` to the images of all of `seen` together, each a ground truth with its image_answers.

    `default` is the score threshold where they cannot decide one; `boxes`: the predictions are of defects, not of
    whole images. Raises OptionError if the rule is per type and a type is on too few images.
    """
    seen = list(seen)
    scores: list[float] = []
    defective: list[bool] = []
    for truth, predictions in seen:
        score_of = image_scores(truth, predictions)
        for image, is_defective in defective_images(truth).items():
            scores.append(score_of[image])
            defective.append(is_defective)
    if boxes and rule.limited == "max-f1" and defective and all(defective):
        point = choose_by_defects(rule, seen, default)
    else:
        point = choose_operating_point(rule, scores, defective, default)
    return choose_type_thresholds(rule, seen, point) if rule.per_type else point


def describe(point: OperatingPoint) -> str:
    """How the operating point was chosen, in a sentence."""
    if point.rule == "good" and point.chosen_on != "default":
        return f"score threshold {point.score_threshold:g}: {point.chosen_on}"
    if point.chosen_on == "default":
        return (
            f"default score threshold {point.score_threshold:g}, because val has no image or no prediction that"
            f" could decide {point.rule}"
        )
    kept = "" if point.met else " (which no threshold keeps there)"
    types = "".join(f", {name} {threshold:g}" for name, threshold in point.types.items())
    chosen = f"score threshold {point.score_threshold:g}{types} by {point.rule} on {point.chosen_on}"
    return f"{chosen}{kept}, applied to test"
