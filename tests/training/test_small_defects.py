"""Before a training, one line states the defects that the network would see with few pixels."""

from pathlib import Path

import pytest

from datasets.coco import Annotation, Category, CocoFile, Image
from datasets.formats.dataset_folder import Dataset
from tests.command import run_command
from train_anomaly.options import AnomalyOptions
from train_det.options import DetectorOptions
from train_seg.options import SegmenterOptions
from training.options import SharedOptions
from training.small_defects import report_small_defects, small_defects


def dataset(width: int, *boxes: tuple[float, float, float, float], ignored: int = 0) -> Dataset:
    """An image of `width` x 100 pixels with `boxes`, of which the last `ignored` are ignore regions."""
    crowd = [0] * (len(boxes) - ignored) + [1] * ignored
    annotations = [
        Annotation(i, 1, 1, box, 1, iscrowd=one) for i, (box, one) in enumerate(zip(boxes, crowd, strict=True), 1)
    ]
    return Dataset(
        Path("d"), {"test": CocoFile([Image(1, "a.png", width, 100)], annotations, [Category(1, "x")])}, None
    )


LARGE = (0, 0, 500, 60)
SMALL = (10, 10, 90, 20)  # 20 of 4000 pixels are 1.6 of 320


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (dataset(4000, LARGE, SMALL), SegmenterOptions(imgsz=320), ["1 of 2 defects has", "1.6", "--tile 320"]),
        (dataset(4000, SMALL, SMALL), DetectorOptions(imgsz=640), ["2 of 2 defects have", "3.2", "--tile 640"]),
        (dataset(4000, SMALL), SegmenterOptions(imgsz=320, tile=2000), ["3.2", "a smaller --tile or a larger"]),
        (dataset(4000, SMALL), SegmenterOptions(good_map="run"), ["a larger --imgsz"]),
        (dataset(100, (0, 0, 2, 2)), SegmenterOptions(imgsz=128), ["smallest 2.6", "a larger --imgsz"]),
        (dataset(100, (0, 0, 2, 2)), SegmenterOptions(imgsz=128, tile=400), ["smallest 2.6", "a larger --imgsz"]),
    ],
)  # fmt: skip
def test_the_smallest_and_the_remedy(
    data: Dataset, options: SegmenterOptions | DetectorOptions, words: list[str]
) -> None:
    line = small_defects(data, options)
    for word in words:
        assert word in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (dataset(4000, LARGE), SegmenterOptions(imgsz=320)),  # 60 pixels are 4.8
        (dataset(4000, (0, 0, 50, 50)), SegmenterOptions(imgsz=320)),  # exactly 4
        (dataset(4000, SMALL), SegmenterOptions(imgsz=320, tile=1600)),
        (dataset(4000, LARGE, SMALL, ignored=1), SegmenterOptions()),
        (dataset(4000), SegmenterOptions()),
        (dataset(4000, SMALL), AnomalyOptions()),  # judges at its own resolution and has no crops
        (dataset(4000, SMALL), SharedOptions()),
    ],
)
def test_nothing_is_printed(data: Dataset, options: SharedOptions, capsys: pytest.CaptureFixture[str]) -> None:
    report_small_defects(data, options)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folds", [[], ["--folds", "2"]])
def test_fit_prints_it_once_before_the_training(
    folds: list[str], coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--imgsz", "32", "--encoder-weights", "none", "--epochs", "1", "--runs", tmp_path, *folds]
    assert run_command("train_seg", "fit", coco_folder, *flags) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sum("pixels in the network's square of 32 " in line for line in lines) == 1
