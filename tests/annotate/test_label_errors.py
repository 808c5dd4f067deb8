"""`annotate queue --by label-errors`: the list of a run, and the flags in the labelme files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.folder_images import list_folder_images
from annotate.label_errors import FLAG, suspects_in_folder
from convert.labelme2coco import labelme2coco
from datasets.coco import Prediction
from datasets.formats.coco_file import write_predictions
from datasets.formats.dataset_folder import load_dataset
from evaluate.measure import measure_run
from evaluate.run_folder import Run, RunConfig, load_run
from evaluate.truth import run_truth
from system.errors import InputError
from tests.annotate.conftest import box
from tests.command import only_line, run_command
from training.new_run import create_run, run_split

DENT = [box("dent", 10, 10, 30, 30)]


@pytest.fixture
def labelled(folder: Callable[..., Path]) -> Path:
    """Six dents, of which `gone` has no shape any more, and a good image."""
    return folder(a=DENT, b=DENT, c=DENT, d=DENT, e=DENT, gone=[], good=[])


@pytest.fixture
def run(labelled: Path, tmp_path: Path) -> Run:
    """A detector that finds every dent, that of `gone` with 0.95, but not that of `b`."""
    labelme2coco(labelled, tmp_path / "coco")
    dataset = load_dataset(tmp_path / "coco")
    images = {image.file_name: image for split in dataset.splits.values() for image in split.images}
    names = run_split(dataset, {"train": [], "val": [], "test": sorted(images)})
    run = create_run(tmp_path / "runs", "det", "coco", RunConfig("det", str(dataset.root), {}), names)
    scores = {"a.png": 0.9, "c.png": 0.9, "d.png": 0.9, "e.png": 0.9, "gone.png": 0.95}
    found = [
        Prediction(image.id, 1, (10, 10, 20, 20), scores[image.file_name])
        for image in run_truth(run, dataset)["test"].images
        if image.file_name in scores
    ]
    write_predictions(run.predictions("val"), [])
    write_predictions(run.predictions("test"), found)
    measure_run(run, dataset)
    return load_run(run.root)


def flags(root: Path, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((root / f"{name}.json").read_text())["flags"]
    return read


def test_the_list_and_the_flags(run: Run, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gone`: 0.95; `b`: nothing near it, where 4 x 0.9 / 5 = 0.72 is usual."""
    before = (labelled / "b.json").read_bytes()
    assert run_command("annotate", "queue", labelled, "--from", run.root, "--by", "label-errors") == 0
    streams = capsys.readouterr()
    assert streams.out.splitlines() == ["gone.png", "b.png"]
    assert "2 images with suspected label errors" in streams.err
    assert flags(labelled, "gone") == {f"{FLAG}dent is predicted with 0.95 where nothing is labelled": True}
    assert list(flags(labelled, "b")) == [f"{FLAG}dent is not met: best score near it 0.00, usually 0.72"]
    assert flags(labelled, "a") == {}
    assert (labelled / ".annotate-backup/1/b.json").read_bytes() == before
    assert (
        run_command("annotate", "queue", labelled, "--from", run.root, "--by", "label-errors", "--most", "1") == 0
    )
    assert flags(labelled, "b") == {}  # no longer in the list
    assert len(flags(labelled, "gone")) == 1


def test_flags_do_not_change_the_dataset(run: Run, labelled: Path, tmp_path: Path) -> None:
    assert run_command("annotate", "queue", labelled, "--from", run.root, "--by", "label-errors", "--values") == 0
    labelme2coco(labelled, tmp_path / "again")
    first, second = (load_dataset(tmp_path / name).splits for name in ("coco", "again"))
    assert first == second


def test_what_cannot_be_listed(run: Run, folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    strangers = folder("strangers", x=None)
    assert run_command("annotate", "queue", strangers, "--from", run.root, "--by", "label-errors") == 2
    assert "none of its suspected images is in the folder" in only_line(capsys)
    run.metrics.unlink()
    with pytest.raises(InputError, match="is not measured"):
        suspects_in_folder(run, list_folder_images(strangers))


def test_a_run_that_was_measured_before_there_was_a_list(run: Run, labelled: Path) -> None:
    stored = json.loads(run.metrics.read_text())
    del stored["label_errors"]
    run.metrics.write_text(json.dumps(stored))
    with pytest.raises(InputError, match="no list of suspected label errors"):
        suspects_in_folder(run, list_folder_images(labelled))


def test_an_image_of_another_folder_with_the_same_name_is_not_flagged(
    run: Run, labelled: Path, folder: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two images of the dataset are called gone.png; the folder has another than the suspected one, and b.png."""
    for path in (run.metrics, run.root / "split.json"):
        path.write_text(path.read_text().replace('"gone.png"', '"line/gone.png"'))
    split = json.loads((run.root / "split.json").read_text())
    split["images"]["train"] = ["other/gone.png"]
    (run.root / "split.json").write_text(json.dumps(split))
    other = folder("other", gone=DENT, b=DENT)
    assert run_command("annotate", "queue", other, "--from", run.root, "--by", "label-errors") == 0
    streams = capsys.readouterr()
    assert streams.out.splitlines() == ["b.png"]
    assert "1 suspected labels are of images that are not in the folder, such as line/gone.png" in streams.err
    assert flags(other, "gone") == {}


def test_a_list_that_was_cut_off_is_counted(run: Run, labelled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored = json.loads(run.metrics.read_text())
    stored["label_errors"]["total"] = 202
    run.metrics.write_text(json.dumps(stored))
    assert run_command("annotate", "queue", labelled, "--from", run.root, "--by", "label-errors") == 0
    assert "200 less suspicious labels are not in the list of the run" in capsys.readouterr().err
