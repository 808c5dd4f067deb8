"""Pixel masks of any COCO dataset."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from convert.coco2masks import coco2masks
from convert.masks2coco import MasksOptions, masks2coco
from datasets.coco import Annotation, Category, Image, Rle
from datasets.formats.dataset_folder import load_dataset
from tests.command import only_line, run_command
from tests.small_coco import box_annotation, mask_annotation, write_folder
from tests.small_masks import at, spots


def test_pixel_masks_have_the_smaller_on_top_and_count_the_overlap(tmp_path: Path) -> None:
    large = spots((slice(0, 4), slice(0, 6), 1))
    small = spots((slice(2, 5), slice(4, 8), 1))
    annotations = [
        mask_annotation(1, 1, 7, small),
        mask_annotation(2, 1, 3, large),
        box_annotation(3, 1, 3, (0, 0, 12, 8)),
        Annotation(4, 2, 3, (0, 0, 1, 1), 0, Rle((8, 12), [96])),
    ]
    images = {"train": [Image(1, "s/a.jpg", 12, 8)], "val": [Image(2, "b.png", 12, 8)], "test": []}
    images["val"].append(Image(3, "negative.png", 12, 8))
    source = write_folder(tmp_path / "c", images, annotations, [Category(7, "scratch"), Category(3, "dent")])
    report = coco2masks(source, tmp_path / "m")
    expected = large.copy()
    expected[small > 0] = 2
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "m/s/a.png")), expected)
    assert not np.asarray(Pillow.open(tmp_path / "m/negative.png")).any()
    assert not (tmp_path / "m/b.png").exists()  # as a negative, it would teach that its defects are background
    assert report.written == {"pixel masks": 2, "negatives": 1, "instances": 2}
    names = msgspec.json.decode((tmp_path / "m/categories.json").read_bytes())
    assert names == {"0": "background", "1": "dent", "2": "scratch"}
    assert [(event.file, event.where, event.code, event.value) for event in report.events] == [
        ("b.png", "", "image-left-out", "1 annotations"),
        ("b.png", "annotation 4", "no-area", "[0, 0, 1, 1]"),
        ("s/a.jpg", "", "overlap", "4 px of two categories"),
        ("s/a.jpg", "annotation 3", "no-mask", "[0, 0, 12, 8]"),
    ]


def test_pixel_masks_of_a_file_alone_and_on_the_command_line(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lonely = tmp_path / "any.json"
    lonely.write_bytes((coco_folder / "annotations/instances_train.json").read_bytes())
    assert run_command("convert", "coco2masks", lonely, tmp_path / "m", "--jobs", "2") == 0
    found = sorted(p.relative_to(tmp_path / "m") for p in (tmp_path / "m").rglob("*.png"))
    assert len(found) == len(load_dataset(coco_folder).splits["train"].images)
    for path in found:
        assert (tmp_path / "m" / path).read_bytes() == (coco_folder / "masks" / path).read_bytes()
    assert run_command("convert", "coco2masks", lonely, tmp_path / "m") == 2
    assert "--overwrite" in only_line(capsys)
    assert run_command("convert", "coco2masks", lonely, tmp_path / "n", "--dry-run") == 0
    assert not (tmp_path / "n").exists()


def test_masks_to_coco_to_masks_gives_the_same_masks(coco_folder: Path, tmp_path: Path) -> None:
    names = tuple(category.name for category in load_dataset(coco_folder).categories)
    options = MasksOptions(Path("masks"), names, indices=True)
    masks2coco(coco_folder / "images", tmp_path / "c", at(coco_folder / "masks", options))
    coco2masks(tmp_path / "c", tmp_path / "m")
    for path in sorted((coco_folder / "masks").rglob("*.png")):
        relative = path.relative_to(coco_folder / "masks")
        assert (tmp_path / "m" / relative).read_bytes() == path.read_bytes()
        assert (tmp_path / "c/masks" / relative).read_bytes() == path.read_bytes()
