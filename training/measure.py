"""A trained model applied to the images of a dataset, to be measured, and to any image files."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.coco import Image, Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import Dataset
from datasets.images.bit_depth import IntensityRange
from datasets.images.pixels import read_rgb
from evaluate.measure import measure_run
from evaluate.metric import ScoreMap
from evaluate.metrics import Metrics
from evaluate.operating import Rule, parse_rule
from evaluate.run_folder import Run
from evaluate.truth import run_truth
from evaluate.type_thresholds import check_annotations
from system.console import progress
from system.errors import OptionError
from system.links import check_own_folder
from system.shown_names import shown
from training.cluster_predict import RemotePredictor
from training.fused_predictor import load_predictor
from training.maps import ImageMaps, kept_score_maps, map_writer
from training.options import OptionsT
from training.predict import number_images
from training.read_ahead import read_ahead
from training.run_dataset import run_dataset
from training.same_types import check_same_types
from training.several_trainings import measure_several, trainings_of
from training.trainer import PredictOptions, Predictor, Trainer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OfSplits = dict[str, list[Prediction]]


def measure(
    run: Run, dataset: Dataset, predictor: Predictor, splits: Sequence[str], operating_point: str = "max-f1"
) -> Metrics | None:
    """Predict `splits` of the dataset as the run sees it, write predictions/{split}.json, and measure.

    None and no metrics.json where there is no test image. Nothing is written unless all can be predicted. Raises
    InputError for images that cannot be read, a folder of predictions that is a link and a model of other types,
    OptionError for the rule.
    """
    _write(run, _predict(run, dataset, predictor, splits))
    return _measure(run, dataset, predictor, operating_point)


def _predict(run: Run, dataset: Dataset, predictor: Predictor, splits: Sequence[str]) -> OfSplits:
    check_own_folder(run.predictions("test").parent)
    used = (predictor.for_image(image) for split in splits for image in dataset.images(split))
    for own in {id(one): one for one in used}.values():
        check_same_types(run, dataset, own)
    return {split: predict_images(predictor, dataset, dataset.images(split), split) for split in splits}


def _write(run: Run, predictions: OfSplits) -> None:
    for split, of_split in predictions.items():
        write_predictions(run.predictions(split), of_split)


def _measure(run: Run, dataset: Dataset, predictor: Predictor, operating_point: str) -> Metrics | None:
    if not dataset.images("test"):
        return None
    with kept_score_maps(run, _score_map(predictor, dataset)) as score_map:
        return measure_run(
            run,
            dataset,
            operating_point=operating_point,
            default=predictor.default_score,
            score_map=score_map,
            own_point=predictor.operating_point,
        )


def evaluate_run(
    trainer: Trainer[OptionsT],
    run: Run,
    data: Dataset,
    *,
    split: str,
    operating_point: str | None,
    device: str,
    tta: bool,
) -> Metrics | None:
    """Predict val and `split` of a run again, of folds and seeds in each, and measure.

    `data` is its dataset; without `operating_point` the rule is that of the trainer. Nothing is written unless all
    folds and seeds can be predicted. Raises InputError, OptionError, WeightsError.
    """
    parse_rule(operating_point or "max-f1")
    from training.device import choose_device

    learner = trainer.learner()
    rule = operating_point or learner.operating_rule
    chosen, trainings = choose_device(device), trainings_of(run)
    check_enough_of_each_type(parse_rule(rule), trainings, data)
    views = [run_dataset(one, data) for one in trainings]
    for view in views:
        view.split(split)

    @lru_cache(maxsize=1)  # one model at a time is in memory, and that of a single training is loaded once
    def predictor(number: int) -> Predictor:
        return load_predictor(trainer, trainings[number], chosen, PredictOptions(tta=tta))

    splits = sorted({"val", split})
    numbered = list(enumerate(zip(trainings, views, strict=True)))
    predicted = [_predict(one, view, predictor(number), splits) for number, (one, view) in numbered]
    for one, of_one in zip(trainings, predicted, strict=True):
        _write(one, of_one)
    metrics = None
    for number, (one, view) in numbered:
        metrics = _measure(one, view, predictor(number), rule)
    return metrics if trainings == [run] else measure_several(run, data, rule)


def check_enough_of_each_type(rule: Rule, trainings: Sequence[Run], dataset: Dataset) -> None:
    """Raise OptionError if `rule` is per type and a type is on too few images of val, or else of other folds.

    Also for runs that do not find defects of several types.
    """
    if not rule.per_type:
        return
    provides = trainings[0].provides
    if not (provides.boxes and provides.types):
        problem = f"runs of train_{trainings[0].task} do not find defects by type"
        raise OptionError(f"--operating-point {rule.text}", problem, "leave out /type")
    truths = {training.root: run_truth(training, dataset) for training in trainings}
    for root, truth in truths.items():
        others = [one["test"] for other, one in truths.items() if other != root and other.parent == root.parent]
        is_fold_of_several = root.name.startswith("fold-")
        seen = [truth["val"]] if truth["val"].images else others if is_fold_of_several else []
        check_annotations(rule, seen)


def predict_images(
    predictor: Predictor, dataset: Dataset, images: Sequence[Image], label: str
) -> list[Prediction]:
    """Predictions of images of a dataset, in their order. Raises InputError."""
    found: dict[int, list[Prediction]] = {}
    groups: dict[int, tuple[Predictor, list[Image]]] = {}
    for image in images:
        own = predictor.for_image(image)
        groups.setdefault(id(own), (own, []))[1].append(image)
    ordered = [image for _, of_own in groups.values() for image in of_own]
    shown = iter(progress(ordered, f"predicting {label}", len(ordered)))
    for own, of_own in groups.values():
        pixels = ((image.id, dataset.read_image(image)) for image in islice(shown, len(of_own)))
        for image, of_image in zip(of_own, own.predict(pixels), strict=True):
            found[image.id] = of_image
    return [prediction for image in images for prediction in found[image.id]]


def predict_files(
    predictor: Predictor,
    files: Sequence[Path],
    dataset: Dataset | None,
    min_score: float,
    intensities: Sequence[IntensityRange] = (),
    maps: Path | None = None,
    remote: RemotePredictor | None = None,
) -> tuple[list[Image], list[Prediction]]:
    """Predictions of image files, and which file has which id.

    Where all files are images of `dataset` they keep their ids there, else they are numbered from 1 in the order
    given. `intensities` is how the run scales images with more than 8 bits per channel. `maps` is a new folder for
    the map of each image. With `remote`, the workers of a cluster predict. Raises InputError; OptionError if the
    model has no map.
    """
    ids = number_images(files, dataset)
    with map_writer(predictor, maps) if maps else nullcontext() as writer:
        if remote:
            return _predict_there(remote, predictor, files, ids, min_score, intensities, writer)
        return _predict_here(predictor, files, ids, min_score, intensities, writer)


def _predict_here(
    predictor: Predictor,
    files: Sequence[Path],
    ids: Sequence[int],
    min_score: float,
    intensities: Sequence[IntensityRange],
    writer: ImageMaps | None,
) -> tuple[list[Image], list[Prediction]]:
    images: list[Image] = []

    def pixels() -> "Iterator[tuple[int, NDArray[np.uint8]]]":
        read = read_ahead(files, lambda file: read_rgb(file, intensities))
        for image_id, (file, rgb) in zip(ids, progress(read, "predicting", len(files)), strict=True):
            images.append(Image(image_id, shown(file.as_posix()), rgb.shape[1], rgb.shape[0]))
            if writer:
                writer.add(file, writer.make(rgb))
            yield image_id, rgb

    predictions = [p for of_image in predictor.predict(pixels(), min_score) for p in of_image]
    return images, predictions


def _predict_there(
    remote: RemotePredictor,
    predictor: Predictor,
    files: Sequence[Path],
    ids: Sequence[int],
    min_score: float,
    intensities: Sequence[IntensityRange],
    writer: ImageMaps | None,
) -> tuple[list[Image], list[Prediction]]:
    images: list[Image] = []
    predictions: list[Prediction] = []
    numbered = list(zip(ids, files, strict=True))
    results = remote.predict(numbered, min_score, intensities, predictor.image_scores, maps=bool(writer))
    for (image_id, file), found in zip(numbered, progress(results, "predicting", len(files)), strict=True):
        images.append(Image(image_id, shown(file.as_posix()), found.width, found.height))
        predictions += found.predictions
        if writer and found.map is not None:
            writer.add(file, found.map)
    return images, predictions


def _score_map(predictor: Predictor, dataset: Dataset) -> ScoreMap | None:
    def score_map(image: Image) -> "NDArray[np.float32]":
        mapper = predictor.for_image(image).score_mapper
        assert mapper is not None
        return mapper(dataset.read_image(image))

    tested = dataset.images("test")
    return score_map if tested and predictor.for_image(tested[0]).score_mapper else None
