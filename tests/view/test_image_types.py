"""The page of a classifier's run: the truth of an image is its type, as a box of the whole image."""

from pathlib import Path

import msgspec

from datasets.coco import Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.measure import measure_run
from evaluate.run_folder import RunConfig
from evaluate.type_of_image import type_of_image
from tests.command import run_command
from tests.view.fakes import make_dataset
from training.new_run import create_run, run_split
from view.data import page_data
from view.scene import run_scene


def classifier_run(folder: Path) -> Path:
    """A run that is right about every defective image but the first of test, which gets another type."""
    dataset = load_dataset(make_dataset(folder / "data"))
    names = {name: [image.file_name for image in coco.images] for name, coco in dataset.splits.items()}
    config = RunConfig("cls", str(dataset.root), {})
    run = create_run(folder / "runs", "cls", "mine", config, run_split(dataset, names))
    for name, coco in dataset.splits.items():
        annotations, stored, wrong = coco.by_image(), [], name == "test"
        for image in coco.images:
            likely = type_of_image(annotations[image.id])
            if likely and wrong:
                likely, wrong = likely % 3 + 1, False
            whole = (0, 0, image.width, image.height)
            stored += [Prediction(image.id, k, whole, 0.9 if k == likely else 0.02) for k in (1, 2, 3)]
        write_predictions(run.predictions(name), stored)
    measure_run(run, dataset)
    return run.root


def test_the_truth_is_the_type_of_the_image_and_is_met_by_the_same_type_only(tmp_path: Path) -> None:
    root = classifier_run(tmp_path)
    data = page_data(run_scene([root], "test"))
    threshold = data.models[0].threshold
    assert threshold is not None
    outcomes = []
    for image in data.images:
        shown = [row for row in image.predictions[0] if row[5] >= threshold]
        assert len(shown) == len(image.truths) == (0 if int(Path(image.name).stem) % 3 == 0 else 1)
        for truth, prediction in zip(image.truths, shown, strict=True):
            assert truth[1:5] == prediction[1:5] == (0, 0, image.width, image.height)
            outcomes.append(truth[0] == prediction[0])
            assert (0, 0, 1.0, -1.0) in image.overlaps[0]
    assert outcomes == [False] + [True] * (len(outcomes) - 1)


def test_the_page_has_the_confusion_of_types(tmp_path: Path) -> None:
    root = classifier_run(tmp_path)
    assert run_command("view", root) == 0
    page = (root / "view.html").read_text()
    assert "Image types: rows are truth, columns predictions" in page
    accuracy = msgspec.json.decode((root / "metrics.json").read_bytes())["accuracy"]
    assert f"{accuracy:.3f}" in page
