"""YOLO folders that supervision writes, read by yolo2coco; folders of coco2yolo, read by supervision."""

from pathlib import Path

import numpy as np
import supervision as sv
from PIL import Image as PillowImage

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.yolo2coco import yolo2coco
from convert.yolo_segments import Style
from datasets.coco import Image
from datasets.formats.dataset_folder import load_dataset
from datasets.masks.rle import decode
from tests.small_coco import mask_annotation, write_folder

HEIGHT, WIDTH = 60, 80


def masks() -> list[np.ndarray]:
    """A blob with corners, and a crack of 3 pixels."""
    blob, crack = np.zeros((2, HEIGHT, WIDTH), bool)
    blob[10:30, 12:40] = True
    blob[20:30, 12:20] = False
    for i in range(30):
        crack[22 + i : 25 + i, 45 + i // 2] = True
    return [blob, crack]


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def test_segments_of_supervision_are_read(tmp_path: Path) -> None:
    images, labels = tmp_path / "y/images/train", tmp_path / "y/labels/train"
    images.mkdir(parents=True)
    source = str(images / "a.png")
    PillowImage.new("RGB", (WIDTH, HEIGHT)).save(source)
    drawn = np.stack(masks())
    boxes = np.array([[12, 10, 39, 29], [45, 22, 59, 53]], float)
    detections = sv.Detections(xyxy=boxes, mask=drawn, class_id=np.array([1, 0]))
    dataset = sv.DetectionDataset(["crack", "no"], [source], {source: detections})
    dataset.as_yolo(annotations_directory_path=str(labels), data_yaml_path=str(tmp_path / "y/data.yaml"))
    text = (tmp_path / "y/data.yaml").read_text()
    (tmp_path / "y/data.yaml").write_text(f"{text}train: images/train\n")
    yolo2coco(tmp_path / "y", tmp_path / "c")
    back = load_dataset(tmp_path / "c")
    assert [category.name for category in back.categories] == ["crack", "no"]
    found = {a.category_id: decode(a.segmentation, HEIGHT, WIDTH) for a in back.splits["train"].annotations}
    # supervision traces pixel indices, which lose up to a pixel to rounding
    assert iou(found[2].astype(bool), masks()[0]) > 0.9
    assert iou(found[1].astype(bool), masks()[1]) > 0.6


def test_our_segments_are_read_by_supervision(tmp_path: Path) -> None:
    annotations = [mask_annotation(i, 1, 3, mask) for i, mask in enumerate(masks(), 1)]
    source = write_folder(tmp_path / "c", {"train": [Image(1, "a.png", WIDTH, HEIGHT)]}, annotations)
    coco2yolo(source, tmp_path / "y", YoloExportOptions(style=Style(segments=True)))
    dataset = sv.DetectionDataset.from_yolo(
        images_directory_path=str(tmp_path / "y/images/train"),
        annotations_directory_path=str(tmp_path / "y/labels/train"),
        data_yaml_path=str(tmp_path / "y/data.yaml"),
        force_masks=True,
    )
    ((_, _, detections),) = list(dataset)
    # supervision rounds where Ultralytics cuts off, so its masks differ; its boxes are those of the points
    wanted = [(x, y, x + w, y + h) for x, y, w, h in (annotation.bbox for annotation in annotations)]
    np.testing.assert_allclose(detections.xyxy, wanted, atol=0.01)
    blob, crack = (iou(mask, found) for mask, found in zip(masks(), detections.mask, strict=True))
    assert blob > 0.9
    assert crack > 0.5
