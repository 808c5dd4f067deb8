"""What is printed of predictions, and what is refused before a model is loaded."""

from pathlib import Path

import pytest

from datasets.coco import Category, Image, Prediction
from datasets.formats.dataset_folder import load_dataset
from system.errors import OptionError
from tests.fold_cases import Chosen
from tests.odd_datasets import odd_folder
from training.new_run import new_run
from training.predict import check_predict, dataset_of, prediction_rows


def test_a_row_counts_the_predictions_of_its_image() -> None:
    images = [Image(4, "a.png", 9, 9), Image(2, "b.png", 9, 9)]
    box = (0.0, 0.0, 1.0, 1.0)
    found = [Prediction(4, 1, box, 0.25), Prediction(4, 7, box, 0.5), Prediction(4, 1, box, 0.125)]
    assert prediction_rows(images, found, [Category(1, "dent"), Category(7, "chip")]) == [
        ("a.png", 3, "0.500", "chip, dent"),
        ("b.png", 0, "-", "-"),
    ]


@pytest.mark.parametrize("score", [-0.1, 1.0, float("nan")])
def test_what_is_not_a_score_is_refused(score: float) -> None:
    with pytest.raises(OptionError, match="--min-score"):
        check_predict(None, score)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="its folder does not exist"):
        check_predict(tmp_path / "none" / "found.json", None)
    check_predict(tmp_path / "found.json", 0.5)


def test_a_folder_as_out_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"is a folder; name a file, such as .*found\.json"):
        check_predict(tmp_path, None)


def test_a_dataset_that_lost_an_image_hinders_no_prediction_of_others(tmp_path: Path) -> None:
    dataset = load_dataset(odd_folder(tmp_path / "odd"))
    run = new_run("det", dataset, Chosen(), tmp_path / "runs", None)
    assert dataset_of(run) == dataset
    dataset.image_path(dataset.splits["test"].images[0]).unlink()
    assert dataset_of(run) is None
