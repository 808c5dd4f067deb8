"""Folders of pictures and masks: pairing, what values mean, what is refused; and pixel masks of any COCO."""

import errno
import os
from pathlib import Path
from unittest import mock

import msgspec
import numpy as np
import pytest
from PIL import Image as Picture

from convert.coco2masks import coco2masks
from convert.mask_instances import Cut
from convert.masks2coco import MasksOptions, masks2coco
from datasets.coco import Annotation, Category, Image, Rle
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError, OptionError
from tests.command import only_line, run_command
from tests.small_coco import box_annotation, mask_annotation, write_folder

BINARY = MasksOptions(Path("masks"), ("crack",), ratios=(1, 0, 0))
INDEX = MasksOptions(Path("masks"), ("dent", "crack"), indices=True, ratios=(1, 0, 0))


def at(masks: Path, options: MasksOptions) -> MasksOptions:
    return msgspec.structs.replace(options, masks=masks)


def save(path: Path, values: np.ndarray, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Picture.fromarray(values.astype(np.uint8))
    if mode == "P":
        picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    picture.save(path)
    return path


def pictures(root: Path, *names: str) -> Path:
    for i, name in enumerate(names, 1):
        save(root / name, np.full((8, 12), 20 * i))
    return root


def spots(*spots: tuple[slice, slice, int]) -> np.ndarray:
    mask = np.zeros((8, 12), np.uint8)
    for rows, columns, value in spots:
        mask[rows, columns] = value
    return mask


TWO = spots((slice(1, 3), slice(1, 4), 255), (slice(5, 7), slice(6, 11), 255))


def boxes(folder: Path) -> dict[str, list[tuple[int, tuple]]]:
    coco = load_dataset(folder).splits["train"]
    found = coco.by_image()
    return {i.file_name: [(a.category_id, a.bbox) for a in found[i.id]] for i in coco.images}


def test_binary_masks_of_equal_names_one_annotation_per_component(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.jpg", "sub/b.png")
    save(tmp_path / "m/a.png", TWO)
    save(tmp_path / "m/sub/b.bmp", TWO * 0)
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert boxes(tmp_path / "c") == {"a.jpg": [(1, (1, 1, 3, 2)), (1, (6, 5, 5, 2))], "sub/b.png": []}
    assert report.written == {"images": 2, "negatives": 1, "annotations": 2}
    dataset = load_dataset(tmp_path / "c")
    painted = np.asarray(Picture.open(dataset.mask_path(dataset.splits["train"].images[0])))
    np.testing.assert_array_equal(painted, TWO > 0)


@pytest.mark.parametrize("mode", ["L", "P"])
def test_index_masks_tell_touching_categories_apart(tmp_path: Path, mode: str) -> None:
    source = pictures(tmp_path / "p", "a.png")
    mask = spots((slice(1, 4), slice(1, 4), 1), (slice(1, 4), slice(4, 6), 2), (slice(6, 7), slice(0, 1), 2))
    save(tmp_path / "m/a.png", mask, mode)
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", INDEX))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (1, 1, 3, 3)), (2, (4, 1, 2, 3)), (2, (0, 6, 1, 1))]}
    dataset = load_dataset(tmp_path / "c")
    assert [(c.id, c.name) for c in dataset.categories] == [(1, "dent"), (2, "crack")]
    np.testing.assert_array_equal(np.asarray(Picture.open(tmp_path / "c/masks/a.png")), mask)


def test_grey_masks_need_a_threshold(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a.png", spots((slice(0, 2), slice(0, 4), 120), (slice(0, 2), slice(0, 2), 200)))
    save(tmp_path / "m/b.png", spots((slice(0, 2), slice(0, 4), 120)))
    with pytest.raises(InputError, match="give --threshold T"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", msgspec.structs.replace(BINARY, threshold=150)))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (0, 0, 2, 2))], "b.png": []}


def test_masks_beside_their_pictures_by_pattern(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.jpg", "b.jpg")
    save(source / "a_mask.png", TWO)
    options = msgspec.structs.replace(BINARY, pattern="{stem}_mask")
    report = masks2coco(source, tmp_path / "c", at(source, options))
    assert list(boxes(tmp_path / "c")) == ["a.jpg"]
    assert [(event.file, event.code) for event in report.events] == [("b.jpg", "unlabelled")]
    negative = msgspec.structs.replace(options, unlabelled="negative")
    masks2coco(source, tmp_path / "n", at(source, negative))
    assert {name: len(found) for name, found in boxes(tmp_path / "n").items()} == {"a.jpg": 2, "b.jpg": 0}


def test_no_picture_is_its_own_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = pictures(tmp_path / "p", "a.png", "b.png")
    with pytest.raises(InputError, match=r"has no mask a\.\* for a\.png; give the --pattern"):
        masks2coco(source, tmp_path / "c", at(source, BINARY))
    save(source / "a_gt.png", TWO)
    by_name = msgspec.structs.replace(BINARY, pattern="{stem}_gt", unlabelled="negative")
    monkeypatch.chdir(tmp_path)
    masks2coco(source, tmp_path / "c", at(Path("p"), by_name))
    assert {name: len(found) for name, found in boxes(tmp_path / "c").items()} == {"a.png": 2, "b.png": 0}


def test_names_in_another_form_and_hidden_folders(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "\u00fc.png", ".ipynb_checkpoints/x.png")
    save(tmp_path / "m/u\u0308.png", TWO)
    save(tmp_path / "m/.thumbs/y.png", TWO)
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert [len(found) for found in boxes(tmp_path / "c").values()] == [2]
    (tmp_path / "p/z\udcff.png").write_bytes((source / "\u00fc.png").read_bytes())
    with pytest.raises(InputError, match="is not Unicode"):
        masks2coco(source, tmp_path / "d", at(tmp_path / "m", BINARY))


def test_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.png", "sub/b.png")
    save(tmp_path / "m/a.png", TWO)
    scandir = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, "denied", str(path))
        return scandir(path)

    with mock.patch("os.scandir", denied), pytest.raises(PermissionError, match="sub"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))


def test_picture_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.png")
    (source / "b.png").symlink_to("nowhere.png")
    save(tmp_path / "m/a.png", TWO)
    with pytest.raises(InputError, match=r"b\.png: no such image"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))


def test_small_components_are_dropped_and_told_but_never_all(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.png")
    save(tmp_path / "m/a.png", TWO)
    options = msgspec.structs.replace(BINARY, cut=Cut(min_area=7))
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", options))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (6, 5, 5, 2))]}
    assert [(event.code, event.value) for event in report.events] == [("below-min-area", "6 px")]
    assert int(np.asarray(Picture.open(tmp_path / "c/masks/a.png")).sum()) == 10
    with pytest.raises(InputError, match="would become a negative"):
        masks2coco(
            source, tmp_path / "d", at(tmp_path / "m", msgspec.structs.replace(BINARY, cut=Cut(min_area=99)))
        )


def test_what_does_not_pair_or_fit_is_refused(tmp_path: Path) -> None:
    source = pictures(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a_gt.png", TWO)
    with pytest.raises(InputError, match=r"has no mask a\.\* for a\.png; give the --pattern"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    by_name = msgspec.structs.replace(BINARY, pattern="{stem}_gt")
    save(tmp_path / "m/z_gt.png", TWO)
    with pytest.raises(InputError, match=r"z_gt\.png: no picture in .* has this mask"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", by_name))
    (tmp_path / "m/z_gt.png").unlink()
    save(tmp_path / "m/a_gt.bmp", TWO)
    with pytest.raises(InputError, match="a second mask"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", by_name))
    save(tmp_path / "n/a.png", TWO[:-1])
    with pytest.raises(InputError, match="12 x 7 pixels, its image 12 x 8"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", BINARY))
    save(tmp_path / "n/a.png", TWO // 255 * 3)
    with pytest.raises(InputError, match="values 3 in an index mask of 2 categories"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", INDEX))
    Picture.fromarray(TWO.astype(np.float32)).save(tmp_path / "n/a.tiff")
    (tmp_path / "n/a.png").unlink()
    with pytest.raises(InputError, match="with fractions"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "n", INDEX))
    with pytest.raises(InputError, match="no such folder"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "none", BINARY))
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"pattern": "mask"}, "no pattern"),
        ({"pattern": "../{stem}"}, "no pattern"),
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
    source = pictures(tmp_path / "p", "a.png")
    save(tmp_path / "m/a.png", TWO)
    arguments = ("masks2coco", source, tmp_path / "m", tmp_path / "c")
    assert run_command("convert", *arguments) == 2
    assert "--category" in only_line(capsys)
    assert run_command("convert", *arguments, "--category", "crack", "--dry-run") == 0
    assert not (tmp_path / "c").exists()
    assert run_command("convert", *arguments, "--category", "crack", "--ratios", "1,0,0") == 0
    assert len(boxes(tmp_path / "c")["a.png"]) == 2


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
    np.testing.assert_array_equal(np.asarray(Picture.open(tmp_path / "m/s/a.png")), expected)
    assert not np.asarray(Picture.open(tmp_path / "m/negative.png")).any()
    assert not (tmp_path / "m/b.png").exists()  # as a negative it would teach that there is nothing
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


def test_images_and_masks_may_both_have_a_prefix(tmp_path: Path) -> None:
    root = pictures(tmp_path / "p", "img_0.png", "img_1.png", "other.png")
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
    root = pictures(tmp_path / "p", "a.png")
    for folder in ("chip", "scratch"):
        save(tmp_path / "m" / folder / "a.png", TWO)
    with pytest.raises(InputError, match=r"join the masks in chip, scratch into index masks for --categories"):
        masks2coco(root, tmp_path / "coco", at(tmp_path / "m", BINARY))


@pytest.mark.parametrize("pattern", ["img_{stem}=gt", "img=gt_{stem}", "a/{stem}", "{stem}{stem}"])
def test_a_pattern_names_the_common_part_once_on_each_side(tmp_path: Path, pattern: str) -> None:
    options = msgspec.structs.replace(BINARY, pattern=pattern)
    with pytest.raises(OptionError, match="no pattern for the name of a mask"):
        masks2coco(tmp_path, tmp_path / "coco", options)
