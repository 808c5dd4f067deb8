"""Self-training: which images get labels, which are left out, and that none of val or test is among them."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from datasets.coco import Category, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from evaluate.run_folder import Run, read_split
from system.errors import InputError
from system.json_file import read_json
from tests.fold_cases import Chosen
from tests.odd_datasets import DENT, odd_folder
from training.cross_validation import folds_of
from training.new_run import new_folds, new_run
from training.run_dataset import run_dataset
from training.trainer import Predictor
from training.unlabelled import RECORD, Unlabelled, add_unlabelled, teacher_for


class ByBrightness(Predictor):
    """A dent of 10 x 8 pixels, whose score is the red of the first pixel / 255; none below `min_score`."""

    default_score = 0.5
    categories = (Category(1, "dent"),)

    def predict(
        self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
    ) -> Iterator[list[Prediction]]:
        for image_id, rgb in images:
            found = Prediction(image_id, DENT.id, (2, 3, 10, 8), float(rgb[0, 0, 0]) / 255)
            yield [found] if found.score >= (min_score or 0) else []


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return load_dataset(odd_folder(tmp_path / "odd"))


@pytest.fixture
def run(dataset: Dataset, tmp_path: Path) -> Run:
    return new_run("det", dataset, Chosen(negatives="all"), tmp_path / "runs", "student")


def images(folder: Path, *reds: int) -> Path:
    folder.mkdir()
    for number, red in enumerate(reds):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((40, 30, 3), (number, 0, red), np.uint8))
    return folder


def test_sure_images_are_labelled_and_doubtful_ones_left_out(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """Scores 0.9, 0.8, 0.6, 0.4 and four below 0.35: two labelled, two doubtful, two good ones and two surplus."""
    folder = images(tmp_path / "line", 230, 204, 153, 102, 10, 20, 30, 40)
    shutil.copy(folder / "0.png", folder / "again.png")
    shutil.copy(dataset.image_path(dataset.images("train")[0]), folder / "known.png")
    view = run_dataset(run, dataset)
    add_unlabelled(run, view, folder, run, ByBrightness(), 0.7)
    assert read_json(run.root / RECORD, Unlabelled) == Unlabelled(
        teacher=str(run.root), score=0.7, doubt=0.35, images=10, labelled=2, good=2, doubtful=2, known=2, surplus=2
    )
    after = run_dataset(run, dataset)
    names = [f"unlabelled/0000{k}.png" for k in range(4)]
    assert read_split(run).images["train"][-4:] == names
    new = after.images("train")[len(view.images("train")) :]
    assert [image.file_name for image in new] == names
    assert [(image.width, image.height) for image in new] == [(30, 40)] * 4
    by_image = after.split("train").by_image()
    assert [[a.bbox for a in by_image[image.id]] for image in new] == [[(2, 3, 10, 8)]] * 2 + [[]] * 2
    assert after.read_image(new[1])[0, 0, 0] == 204
    everything = [i.id for split in after.splits.values() for i in split.images]
    assert len(set(everything)) == len(everything)
    assert after.images("test") == view.images("test")


def test_without_a_sure_image_nothing_is_added(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    add_unlabelled(run, run_dataset(run, dataset), images(tmp_path / "line", 10, 20), run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()
    assert read_json(run.root / RECORD, Unlabelled).surplus == 2


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_image_that_is_measured_is_refused(split: str, run: Run, dataset: Dataset, tmp_path: Path) -> None:
    folder = images(tmp_path / "line", 230)
    image = dataset.images(split)[0]
    shutil.copy(dataset.image_path(image), folder / "other-name.png")
    with pytest.raises(InputError, match=f"is the image {image.file_name}, which is in val or test"):
        add_unlabelled(run, run_dataset(run, dataset), folder, run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()


def test_a_link_out_of_the_folder_and_a_pipe_are_refused(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """A link in a received folder would bring a private file into the run; a pipe would be waited for."""
    private = images(tmp_path / "private", 230) / "0.png"
    for name, make, message in (
        ("linked", lambda path: path.symlink_to(private), "a link that points outside the folder"),
        ("broken", lambda path: path.symlink_to(path.parent / "nowhere.png"), "no such image"),
        ("pipe", os.mkfifo, "a pipe or a device"),
    ):
        folder = images(tmp_path / name, 230)
        make(folder / "z.png")
        with pytest.raises(InputError, match=message):
            add_unlabelled(run, run_dataset(run, dataset), folder, run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()


def test_the_teacher_has_not_seen_what_is_measured(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """Of a cross-validation each fold takes the same fold of the teacher; a run of other splits is refused."""
    assert teacher_for(run, run.root) == run
    crossed = [
        new_folds("det", dataset, Chosen(negatives="all"), tmp_path / "runs", name, 3, 0.0)
        for name in ("teacher", "pupil")
    ]
    for fold in folds_of(crossed[1]):
        assert teacher_for(fold, crossed[0].root).root == crossed[0].root / fold.root.name
        with pytest.raises(InputError, match="trained on images of val or test"):
            teacher_for(fold, folds_of(crossed[0])[int(fold.root.name[-1]) % 3].root)
