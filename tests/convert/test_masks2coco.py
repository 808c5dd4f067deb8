"""Folders of images and masks: pairs of files, the meaning of values, refusals."""

import errno
import os
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from convert.mask_instances import Cut
from convert.masks2coco import masks2coco
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError, OptionError
from tests.command import only_line, run_command
from tests.small_masks import BINARY, INDEX, TWO, at, boxes, save, spots, write_images


def test_binary_masks_of_equal_names_one_annotation_per_component(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.jpg", "sub/b.png")
    save(tmp_path / "m/a.png", TWO)
    save(tmp_path / "m/sub/b.bmp", TWO * 0)
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert boxes(tmp_path / "c") == {"a.jpg": [(1, (1, 1, 3, 2)), (1, (6, 5, 5, 2))], "sub/b.png": []}
    assert report.written == {"images": 2, "negatives": 1, "annotations": 2}
    dataset = load_dataset(tmp_path / "c")
    painted = np.asarray(Pillow.open(dataset.mask_path(dataset.splits["train"].images[0])))
    np.testing.assert_array_equal(painted, TWO > 0)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_index_masks_separate_touching_categories(tmp_path: Path, mode: str) -> None:
    source = write_images(tmp_path / "p", "a.png")
    mask = spots((slice(1, 4), slice(1, 4), 1), (slice(1, 4), slice(4, 6), 2), (slice(6, 7), slice(0, 1), 2))
    save(tmp_path / "m/a.png", mask, mode)
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", INDEX))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (1, 1, 3, 3)), (2, (4, 1, 2, 3)), (2, (0, 6, 1, 1))]}
    dataset = load_dataset(tmp_path / "c")
    assert [(c.id, c.name) for c in dataset.categories] == [(1, "dent"), (2, "crack")]
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "c/masks/a.png")), mask)


def test_grey_masks_need_a_threshold(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a.png", spots((slice(0, 2), slice(0, 4), 120), (slice(0, 2), slice(0, 2), 200)))
    save(tmp_path / "m/b.png", spots((slice(0, 2), slice(0, 4), 120)))
    with pytest.raises(InputError, match="give --threshold T"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", msgspec.structs.replace(BINARY, threshold=150)))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (0, 0, 2, 2))], "b.png": []}


def test_masks_beside_their_images_by_pattern(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.jpg", "b.jpg")
    save(source / "a_mask.png", TWO)
    options = msgspec.structs.replace(BINARY, pattern="{stem}_mask")
    report = masks2coco(source, tmp_path / "c", at(source, options))
    assert list(boxes(tmp_path / "c")) == ["a.jpg"]
    assert [(event.file, event.code) for event in report.events] == [("b.jpg", "unlabelled")]
    negative = msgspec.structs.replace(options, unlabelled="negative")
    masks2coco(source, tmp_path / "n", at(source, negative))
    assert {name: len(found) for name, found in boxes(tmp_path / "n").items()} == {"a.jpg": 2, "b.jpg": 0}


def test_no_image_is_its_own_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    with pytest.raises(InputError, match=r"has no mask a\.\* for a\.png; give the --pattern"):
        masks2coco(source, tmp_path / "c", at(source, BINARY))
    save(source / "a_gt.png", TWO)
    by_name = msgspec.structs.replace(BINARY, pattern="{stem}_gt", unlabelled="negative")
    monkeypatch.chdir(tmp_path)
    masks2coco(source, tmp_path / "c", at(Path("p"), by_name))
    assert {name: len(found) for name, found in boxes(tmp_path / "c").items()} == {"a.png": 2, "b.png": 0}


def test_names_in_another_form_and_hidden_folders(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "\u00fc.png", ".ipynb_checkpoints/x.png")
    save(tmp_path / "m/u\u0308.png", TWO)
    save(tmp_path / "m/.thumbs/y.png", TWO)
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert [len(found) for found in boxes(tmp_path / "c").values()] == [2]
    (tmp_path / "p/z\udcff.png").write_bytes((source / "\u00fc.png").read_bytes())
    with pytest.raises(InputError, match="is not Unicode"):
        masks2coco(source, tmp_path / "d", at(tmp_path / "m", BINARY))


def test_a_folder_that_cannot_be_listed_is_reported(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "sub/b.png")
    save(tmp_path / "m/a.png", TWO)
    scandir = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, "denied", str(path))
        return scandir(path)

    with mock.patch("os.scandir", denied), pytest.raises(PermissionError, match="sub"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))


def test_an_image_that_cannot_be_reached_is_reported(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png")
    (source / "b.png").symlink_to("nowhere.png")
    save(tmp_path / "m/a.png", TWO)
    with pytest.raises(InputError, match=r"b\.png: no such image"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))


def test_small_components_are_dropped_and_reported_but_never_all(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png")
    save(tmp_path / "m/a.png", TWO)
    options = msgspec.structs.replace(BINARY, cut=Cut(min_area=7))
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", options))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (6, 5, 5, 2))]}
    assert [(event.code, event.value) for event in report.events] == [("below-min-area", "6 px")]
    assert int(np.asarray(Pillow.open(tmp_path / "c/masks/a.png")).sum()) == 10
    with pytest.raises(InputError, match="would become a negative"):
        masks2coco(
            source, tmp_path / "d", at(tmp_path / "m", msgspec.structs.replace(BINARY, cut=Cut(min_area=99)))
        )


def test_files_that_do_not_pair_or_fit_are_refused(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a_gt.png", TWO)
    with pytest.raises(InputError, match=r"has no mask a\.\* for a\.png; give the --pattern"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    by_name = msgspec.structs.replace(BINARY, pattern="{stem}_gt")
    save(tmp_path / "m/z_gt.png", TWO)
    with pytest.raises(InputError, match=r"z_gt\.png: no image in .* matches this mask"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", by_name))
    (tmp_path / "m/z_gt.png").unlink()
    save(tmp_path / "m/a_gt.bmp", TWO)
    with pytest.raises(InputError, match="a second mask"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", by_name))
    save(tmp_path / "n/a.png", TWO[:-1])
    with pytest.raises(InputError, match="12 x 7 pixels, but its image has 12 x 8"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", BINARY))
    save(tmp_path / "n/a.png", TWO // 255 * 3)
    with pytest.raises(InputError, match="values 3 in an index mask of 2 categories"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", INDEX))
    Pillow.fromarray(TWO.astype(np.float32)).save(tmp_path / "n/a.tiff")
    (tmp_path / "n/a.png").unlink()
    with pytest.raises(InputError, match="with fractional values"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", INDEX))
    with pytest.raises(InputError, match="no such folder"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "none", BINARY))
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"pattern": "mask"}, "not a pattern"),
        ({"pattern": "../{stem}"}, "not a pattern"),
        ({"categories": ("a", "a")}, "given twice"),
        ({"categories": ("a", "")}, "an empty name"),
        ({"categories": (" ",), "indices": False}, "--category  : an empty name"),
        ({"categories": tuple(map(str, range(256)))}, "256 names"),
        ({"threshold": 0}, "every pixel"),
        ({"indices": True, "threshold": 9}, "index masks have no grey values"),
        ({"cut": Cut(min_area=0)}, "less than one pixel"),
    ],
)
def test_options_that_cannot_be_meant(tmp_path: Path, changes: dict, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        masks2coco(tmp_path, tmp_path / "c", at(tmp_path, msgspec.structs.replace(BINARY, **changes)))


def test_the_command_needs_one_of_category_and_categories(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_images(tmp_path / "p", "a.png")
    save(tmp_path / "m/a.png", TWO)
    arguments = ("masks2coco", source, tmp_path / "m", tmp_path / "c")
    assert run_command("convert", *arguments) == 2
    assert "--category" in only_line(capsys)
    assert run_command("convert", *arguments, "--category", "crack", "--dry-run") == 0
    assert not (tmp_path / "c").exists()
    assert run_command("convert", *arguments, "--category", "crack", "--ratios", "1,0,0") == 0
    assert len(boxes(tmp_path / "c")["a.png"]) == 2


def test_images_and_masks_may_both_have_a_prefix(tmp_path: Path) -> None:
    root = write_images(tmp_path / "p", "img_0.png", "img_1.png", "other.png")
    save(tmp_path / "m" / "gt_0.png", TWO)
    save(tmp_path / "m" / "gt_1.png", spots((slice(2, 4), slice(3, 6), 255)))
    options = msgspec.structs.replace(at(tmp_path / "m", BINARY), pattern="img_{stem}=gt_{stem}")
    report = masks2coco(root, tmp_path / "coco", options)
    assert boxes(tmp_path / "coco") == {
        "img_0.png": [(1, (1, 1, 3, 2)), (1, (6, 5, 5, 2))],
        "img_1.png": [(1, (3, 2, 3, 2))],
    }
    assert [(e.file, e.code) for e in report.events] == [("other.png", "unlabelled")]


def test_a_folder_of_masks_for_each_type_is_refused_with_a_way_forward(tmp_path: Path) -> None:
    root = write_images(tmp_path / "p", "a.png")
    for folder in ("chip", "scratch"):
        save(tmp_path / "m" / folder / "a.png", TWO)
    with pytest.raises(InputError, match=r"give --type-folders to read the folders chip, scratch"):
        masks2coco(root, tmp_path / "coco", at(tmp_path / "m", BINARY))


@pytest.mark.parametrize("pattern", ["img_{stem}=gt", "img=gt_{stem}", "a/{stem}", "{stem}{stem}"])
def test_a_pattern_names_the_common_part_once_on_each_side(tmp_path: Path, pattern: str) -> None:
    options = msgspec.structs.replace(BINARY, pattern=pattern)
    with pytest.raises(OptionError, match="not a pattern for the names of masks"):
        masks2coco(tmp_path, tmp_path / "coco", options)
