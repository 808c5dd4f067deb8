"""Ultralytics' own loader on our YOLO folders: from anywhere, without a warning, without dropping an image."""

import logging
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.yolo_segments import Style
from datasets.coco import Image
from datasets.formats.dataset_folder import load_dataset
from tests.small_coco import box_annotation, write_folder

STYLES = {"detect": Style(), "segment": Style(segments=True)}


def load(
    folder: Path, split: str, task: str, caplog: pytest.LogCaptureFixture
) -> tuple[list[dict], dict[str, Any]]:
    """Labels and description as Ultralytics reads them; what it logs goes to `caplog`."""
    import_module("train_det.ultralytics_api")  # first: protects the home folder
    yolo_dataset = import_module("ultralytics.data.dataset").YOLODataset
    check_det_dataset = import_module("ultralytics.data.utils").check_det_dataset
    logger = import_module("ultralytics.utils").LOGGER
    logger.addHandler(caplog.handler)
    try:
        described = check_det_dataset(str(folder / "data.yaml"), autodownload=False)
        dataset = yolo_dataset(described[split], data=described, task=task, augment=False, imgsz=96)
    finally:
        logger.removeHandler(caplog.handler)
    assert dataset.ni == len(dataset.labels)
    return dataset.labels, described


@pytest.mark.parametrize("task", list(STYLES))
def test_every_file_is_read_and_the_boxes_are_ours(
    coco_folder: Path,
    tmp_path: Path,
    task: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coco2yolo(coco_folder, tmp_path / "y", YoloExportOptions(style=STYLES[task]), Execution(jobs=1))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    dataset = load_dataset(coco_folder)
    for split, coco in dataset.splits.items():
        caplog.clear()
        labels, described = load(Path("../y"), split, task, caplog)
        assert described["names"] == dict(enumerate(category.name for category in dataset.categories))
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert "duplicate" not in caplog.text
        assert "corrupt" not in caplog.text.replace(" 0 corrupt", "")
        by_name = {
            Path(label["im_file"]).relative_to(tmp_path / f"y/images/{split}").as_posix(): label
            for label in labels
        }
        assert set(by_name) == {image.file_name for image in coco.images}
        annotations = coco.by_image()
        for image in coco.images:
            found, ours = by_name[image.file_name], annotations[image.id]
            assert found["shape"] == (image.height, image.width)
            assert found["cls"].ravel().tolist() == [a.category_id - 1 for a in ours]
            pixels = found["bboxes"] * [image.width, image.height, image.width, image.height]
            corners = np.hstack([pixels[:, :2] - pixels[:, 2:] / 2, pixels[:, 2:]])
            np.testing.assert_allclose(corners, np.array([a.bbox for a in ours]).reshape(-1, 4), atol=1e-3)
            assert len(found["segments"]) == (len(ours) if task == "segment" else 0)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_a_dataset_of_one_split_is_accepted_from_anywhere(
    tmp_path: Path, split: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_folder(
        tmp_path / "c", {split: [Image(1, "a.png", 32, 24)]}, [box_annotation(1, 1, 3, (1, 1, 10, 8))]
    )
    coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for named in {"train", "val", split}:
        labels, _ = load(Path("../y"), named, "detect", caplog)
        assert [Path(label["im_file"]).name for label in labels] == ["a.png"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_folders_named_images_and_odd_names_keep_their_labels(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ["images/a.png", "images/deep/images/b.png", "Prüfung 1/c.d.png", "e.PNG"]
    images = [Image(i, name, 32, 24) for i, name in enumerate(names, 1)]
    annotations = [box_annotation(i, i, 3 if i % 2 else 7, (i, i, 10, 8)) for i in range(1, 5)]
    source = write_folder(tmp_path / "c", {"train": images, "val": [Image(9, "v.png", 32, 24)]}, annotations)
    coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style()))
    labels, _ = load(tmp_path / "y", "train", "detect", caplog)
    found = {Path(label["im_file"]).relative_to(tmp_path / "y/images/train").as_posix(): label for label in labels}
    for image, annotation in zip(images, annotations, strict=True):
        (box,) = found[image.file_name]["bboxes"] * [32, 24, 32, 24]
        assert box[2:].tolist() == pytest.approx([10, 8], abs=1e-4)
        assert (box[:2] - box[2:] / 2).tolist() == pytest.approx(annotation.bbox[:2], abs=1e-4)
