"""Stock Ultralytics on one fold: its defaults, trained on the same images as `train_det fit`, tested on the rest.

    python -m benchmarks.stock_det FOLD --weights yolo11n.pt --out predictions.json

FOLD is a dataset folder with train and test. The last epoch is used, because Ultralytics would choose the best
epoch on the test images: its `val` must name them.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import msgspec

from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.yolo_segments import Style
from datasets.coco import Prediction
from datasets.formats.coco_file import write_coco, write_predictions
from datasets.formats.dataset_folder import annotation_path, load_dataset
from training.negatives import choose_negatives

IMGSZ, EPOCHS, BATCH = 320, 60, 16  # 16 is Ultralytics' default
MIN_SCORE = 0.001  # as in the validation of Ultralytics


def main() -> None:
    """Train, predict and write COCO results with the image ids of FOLD."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("fold", type=Path)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--negatives", default="0.5")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        write_predictions(given.out, train_and_predict(given, Path(scratch)))


def train_and_predict(given: argparse.Namespace, scratch: Path) -> list[Prediction]:
    """COCO predictions of the test images of the fold, best first within an image."""
    data = yolo_folder(given.fold, scratch, given.negatives, given.seed)
    os.environ |= {"YOLO_CONFIG_DIR": str(scratch), "YOLO_AUTOINSTALL": "False", "YOLO_OFFLINE": "True"}
    from ultralytics import YOLO  # noqa: PLC0415  it reads the environment when it is imported

    model = YOLO(str(given.weights.resolve()))
    model.train(
        data=str(data), imgsz=IMGSZ, epochs=given.epochs, batch=BATCH, seed=given.seed, device="cpu", workers=0,
        project=str(scratch / "runs"), name="stock", amp=False, plots=False, val=False,
    )  # fmt: skip
    trained = YOLO(str(scratch / "runs/stock/weights/last.pt"))
    fold = load_dataset(given.fold)
    ids = [category.id for category in fold.categories]
    found: list[Prediction] = []
    for image in fold.split("test").images:
        result = trained.predict(
            str(fold.image_path(image)), imgsz=IMGSZ, conf=MIN_SCORE, iou=0.7, max_det=300, device="cpu",
            verbose=False,
        )[0]  # fmt: skip
        for (x1, y1, x2, y2), score, kind in zip(
            result.boxes.xyxy.tolist(), result.boxes.conf.tolist(), result.boxes.cls.tolist(), strict=True
        ):
            found.append(Prediction(image.id, ids[int(kind)], (x1, y1, x2 - x1, y2 - y1), score))
    return found


def yolo_folder(fold: Path, scratch: Path, negatives: str, seed: int) -> Path:
    """A YOLO folder with the chosen training images and the test images as val; returns its data.yaml."""
    dataset = load_dataset(fold)
    train = dataset.split("train")
    chosen = choose_negatives(train, negatives, seed)
    coco = scratch / "coco"
    (coco / "annotations").mkdir(parents=True)
    shutil.copytree(fold / "images", coco / "images")  # a link to it leads out of the dataset, which is refused
    write_coco(annotation_path(coco, "train"), msgspec.structs.replace(train, images=chosen))
    write_coco(annotation_path(coco, "val"), dataset.split("test"))
    coco2yolo(coco, scratch / "yolo", YoloExportOptions(style=Style()))
    return scratch / "yolo" / "data.yaml"


if __name__ == "__main__":
    main()
