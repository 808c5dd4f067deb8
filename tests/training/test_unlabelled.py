"""Self-training: which images get labels, which are left out, and that none of val or test is among them."""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from datasets.coco import Category, Prediction
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.masks.rle import encode
from evaluate.run_folder import Run, read_config, read_split
from system.errors import InputError
from system.json_file import read_json
from tests.command import run_command
from tests.fold_cases import Chosen
from tests.odd_datasets import DENT, odd_folder
from train_det.options import DetectorOptions
from train_seg.options import SegmenterOptions
from training.cross_validation import folds_of
from training.early_checks import check_named_runs
from training.new_run import new_folds, new_run, write_config
from training.run_dataset import run_dataset
from training.seen_images import check_teacher_unseen
from training.trainer import Predictor
from training.unlabelled import RECORD, Unlabelled, add_unlabelled, teacher_for


class ByBrightness(Predictor):
    """A dent of 10 x 8 pixels, whose score is the red of the first pixel / 255; none below `min_score`."""

    default_score = 0.5
    categories: tuple[Category, ...] = (Category(1, "dent"), Category(2, "scratch"))

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


def test_an_image_with_a_mask_without_a_pixel_is_doubtful(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """It would be learnt as an image without a defect."""

    class Empty(ByBrightness):
        def predict(
            self, images: Iterable[tuple[int, NDArray[np.uint8]]], min_score: float | None = None
        ) -> Iterator[list[Prediction]]:
            for (found,) in super().predict(images, min_score):
                yield [msgspec.structs.replace(found, segmentation=encode(np.zeros((40, 30), np.uint8)))]

    add_unlabelled(run, run_dataset(run, dataset), images(tmp_path / "line", 230), run, Empty(), 0.7)
    counts = read_json(run.root / RECORD, Unlabelled)
    assert (counts.labelled, counts.doubtful) == (0, 1)
    assert not (run.root / "unlabelled").exists()


def test_without_a_sure_image_nothing_is_added(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    add_unlabelled(run, run_dataset(run, dataset), images(tmp_path / "line", 10, 20), run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()
    assert read_json(run.root / RECORD, Unlabelled).surplus == 2


def test_a_teacher_needs_weights_of_its_own(run: Run) -> None:
    """One of several seeds, or of the runs that are fused, has to be named."""
    check_named_runs("det", "", str(run.root))
    config = read_config(run.root)
    write_config(run, msgspec.structs.replace(config, seeds=[3, 4]))
    with pytest.raises(InputError, match=r"several seeds, without weights .* name one: .*seed-3"):
        check_named_runs("det", "", str(run.root))
    write_config(run, msgspec.structs.replace(config, options={"fuse": ["../a"]}))
    with pytest.raises(InputError, match="made of other runs, without weights of its own; name one of these"):
        check_named_runs("det", "", str(run.root))


@pytest.mark.parametrize("task", ["seg", "det"])
def test_a_fold_whose_images_were_not_labelled_is_not_trained_without_them(
    task: str, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kill while the images of the second fold are labelled leaves folds that look as if none were asked for."""
    weights = {"encoder_weights": "none"} if task == "seg" else {"weights": "none"}
    asked = {"teacher": "runs/seg/teacher", "unlabelled": "line", **weights}
    options = SegmenterOptions(**asked) if task == "seg" else DetectorOptions(**asked)  # type: ignore[arg-type]
    run = new_folds(task, dataset, options, tmp_path / "runs", "student", 2, 0.0)
    assert run_command(f"train_{task}", "fit", "--resume", run.root / "fold-2") == 2
    problem = "fold-2: was interrupted before unlabelled.json, which its option unlabelled needs, was written"
    assert f"{problem}; delete the run and train again" in capsys.readouterr().err
    assert not (run.root / "fold-2/history.csv").exists()


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_image_that_is_measured_is_refused(split: str, run: Run, dataset: Dataset, tmp_path: Path) -> None:
    folder = images(tmp_path / "line", 230)
    image = dataset.images(split)[0]
    shutil.copy(dataset.image_path(image), folder / "other-name.png")
    with pytest.raises(InputError, match=f"is the image {image.file_name}, which is in val or test"):
        add_unlabelled(run, run_dataset(run, dataset), folder, run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()


@pytest.mark.parametrize("ending", ["bmp", "tiff", "webp"])
@pytest.mark.parametrize("split", ["val", "test"])
def test_an_image_that_is_measured_is_refused_in_another_format(
    split: str, ending: str, run: Run, dataset: Dataset, tmp_path: Path
) -> None:
    folder = images(tmp_path / "line", 230)
    image = dataset.images(split)[0]
    pixels = Pillow.fromarray(dataset.read_image(image))
    pixels.save(folder / f"other-name.{ending}", **({"lossless": True} if ending == "webp" else {}))
    with pytest.raises(InputError, match=f"is the image {image.file_name}, which is in val or test"):
        add_unlabelled(run, run_dataset(run, dataset), folder, run, ByBrightness(), 0.7)
    assert not (run.root / "unlabelled").exists()


def textured(seed: int) -> NDArray[np.uint8]:
    """A smooth pattern in which another seed has a tenth of its cells in common."""
    cells = np.random.default_rng(seed).integers(30, 230, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, (96, 96), interpolation=cv2.INTER_CUBIC))


def test_copies_are_left_out_by_their_pixels(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """A training image as BMP, one image in two formats, and an image of test compressed again with loss."""
    view = run_dataset(run, dataset)
    image = view.images("test")[0]
    view.elsewhere[image.file_name] = tmp_path / "textured.png"
    view.splits["test"].images[0] = msgspec.structs.replace(image, width=96, height=96)
    cv2.imwrite(str(tmp_path / "textured.png"), textured(1))
    folder = images(tmp_path / "line", 230)
    shutil.copy(folder / "0.png", folder / "0.old.png")
    cv2.imwrite(str(folder / "0.bmp"), cv2.imread(str(folder / "0.png")))
    cv2.imwrite(str(folder / "train.bmp"), cv2.imread(str(view.image_path(view.images("train")[0]))))
    cv2.imwrite(str(folder / "lossy.jpg"), textured(1), [cv2.IMWRITE_JPEG_QUALITY, 60])
    cv2.imwrite(str(folder / "smaller.jpg"), cv2.resize(textured(1), (60, 60), interpolation=cv2.INTER_AREA))
    other = textured(2)
    other[..., 2] = 230
    cv2.imwrite(str(folder / "other.png"), other)
    add_unlabelled(run, view, folder, run, ByBrightness(), 0.7)
    counts = read_json(run.root / RECORD, Unlabelled)
    assert (counts.images, counts.known, counts.near, counts.labelled) == (7, 3, 2, 2)


def test_types_are_matched_by_name_and_must_be_the_same(run: Run, dataset: Dataset, tmp_path: Path) -> None:
    """The ids of a teacher with another dataset differ; a type that it does not find would look like no defect."""
    folder = images(tmp_path / "line", 230)
    teacher = ByBrightness()
    teacher.categories = (Category(1, "dent"),)
    with pytest.raises(InputError, match=f"{run.root.name}: does not find scratch, a type of odd; give a run"):
        add_unlabelled(run, run_dataset(run, dataset), folder, run, teacher, 0.7)
    teacher.categories = (Category(1, "dent"), Category(2, "scratch"), Category(3, "bubble"))
    with pytest.raises(InputError, match="finds bubble, which is not a type of odd"):
        add_unlabelled(run, run_dataset(run, dataset), folder, run, teacher, 0.7)
    teacher.categories = (Category(1, "scratch"), Category(2, "dent"))
    add_unlabelled(run, run_dataset(run, dataset), folder, run, teacher, 0.7)
    (added,) = load_dataset(run.root / "unlabelled").split("train").annotations
    assert added.category_id == next(c.id for c in dataset.categories if c.name == "scratch")


def test_a_teacher_that_learnt_a_measured_image_under_another_name(
    run: Run, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In its dataset of other names, or among the images without labels that it learnt."""
    measured = dataset.image_path(dataset.images("test")[0])
    renamed = load_dataset(odd_folder(tmp_path / "renamed"))
    copy = renamed.image_path(renamed.images("train")[0])
    shutil.copy(measured, copy)
    teacher = new_run("det", renamed, Chosen(negatives="all"), tmp_path / "runs", "teacher")
    problem = f"trained on .*, which is {dataset.images('test')[0].file_name} of val or test of student"
    with pytest.raises(InputError, match=problem):
        check_teacher_unseen(run, dataset, teacher)
    shutil.copytree(dataset.root / "images", renamed.root / "images", dirs_exist_ok=True)
    check_teacher_unseen(run, dataset, teacher)
    shutil.rmtree(renamed.root)
    check_teacher_unseen(run, dataset, teacher)
    assert "the images that teacher learnt are compared by name alone: its dataset" in capsys.readouterr().err
    add_unlabelled(run, run_dataset(run, dataset), images(tmp_path / "line", 230), run, ByBrightness(), 0.7)
    check_teacher_unseen(teacher, dataset, run)
    shutil.copy(measured, run.root / "unlabelled/images/unlabelled/00000.png")
    with pytest.raises(InputError, match=r"trained on unlabelled/00000\.png, which is"):
        check_teacher_unseen(teacher, dataset, run)


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
