"""`datasets summary` of COCO that other tools wrote."""

from pathlib import Path

import pytest

from datasets.summary import NEGATIVE, UNLABELLED, summarise
from system.errors import InputError
from tests.foreign_coco import annotation, coco_json, draw, image, single


def test_areas_that_cannot_be_are_measured(tmp_path: Path) -> None:
    source = single(tmp_path, area=3072)
    for path in (source, tmp_path):
        summary = summarise(path)
        assert (summary.kind, summary.images) == ("COCO export", 1)
        assert summary.types["chip"].area is not None
        assert summary.types["chip"].area.median == 240


def test_an_export_by_split_with_a_negative_and_images_without_labels(tmp_path: Path) -> None:
    for split, names in (("train", ["a.png", "b.png"]), ("test", ["c.png"])):
        for name in names:
            draw(tmp_path / split / name)
    images = [image(1, "a.png"), image(2, "b.png")]
    coco_json(tmp_path / "train/_annotations.coco.json", images, [annotation(1, 1)])
    coco_json(tmp_path / "test/_annotations.coco.json", [image(1, "c.png")], [], [])
    summary = summarise(tmp_path)
    assert summary.splits == {"train": 2, "test": 1}
    assert {name: t.images for name, t in summary.types.items()} == {
        "chip": {"train": 1}, NEGATIVE: {"train": 1}, UNLABELLED: {"test": 1}
    }  # fmt: skip


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    source = single(tmp_path)
    (tmp_path / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png: listed in c\.json but missing"):
        summarise(source)
