"""Masks whose colours, folders, files or pages state the defect types and the instances."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from PIL import Image as Pillow

from convert.execution import Execution
from convert.masks2coco import MasksOptions, masks2coco
from datasets.coco import Annotation
from datasets.formats.dataset_folder import load_dataset
from datasets.formats.mask_types import MaskTypes, choose_types
from system.errors import CombinedInputError, InputError, OptionError
from tests.command import only_line, run_command
from tests.small_masks import BINARY, INDEX, TWO, at, boxes, save, spots, write_images

CHIP, SCRATCH, VOID = (250, 50, 83), (0, 128, 0), (224, 224, 192)
COLOURS = MasksOptions(Path("masks"), (), colours=(("chip", CHIP), ("scratch", SCRATCH)), ratios=(1, 0, 0))
LEFT, RIGHT = (slice(1, 4), slice(1, 5)), (slice(2, 6), slice(7, 11))


def paint(path: Path, *areas: tuple[tuple[slice, slice], tuple[int, int, int]], palette: bool = False) -> Path:
    """An 8 x 12 RGB mask, or one with Pascal VOC's palette, with coloured areas on black."""
    colours = np.zeros((8, 12, 3), np.uint8)
    for (rows, columns), colour in areas:
        colours[rows, columns] = colour
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Pillow.fromarray(colours)
    if palette:
        table = [(0, 0, 0), CHIP, SCRATCH, *[(9, 9, 9)] * 252, VOID]
        indices = np.array([[table.index(tuple(v)) for v in row] for row in colours.tolist()], np.uint8)
        image = Pillow.fromarray(indices)
        image.putpalette([v for colour in table for v in colour])
    image.save(path)
    return path


def annotations(folder: Path) -> list[Annotation]:
    return load_dataset(folder).splits["train"].annotations


def areas(folder: Path) -> list[tuple[int, tuple, int, int]]:
    return [(a.category_id, a.bbox, a.area, a.iscrowd) for a in annotations(folder)]


@pytest.mark.parametrize("palette", [False, True])
def test_colours_are_defect_types(tmp_path: Path, palette: bool) -> None:
    source = write_images(tmp_path / "p", "a.png")
    paint(tmp_path / "m/a.png", (LEFT, CHIP), (RIGHT, SCRATCH), palette=palette)
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", COLOURS))
    assert areas(tmp_path / "c") == [(1, (1, 1, 4, 3), 12, 0), (2, (7, 2, 4, 4), 16, 0)]
    assert [c.name for c in load_dataset(tmp_path / "c").categories] == ["chip", "scratch"]


def test_a_type_may_have_several_colours(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png")
    paint(tmp_path / "m/a.png", (LEFT, CHIP), (RIGHT, SCRATCH))
    options = msgspec.structs.replace(COLOURS, colours=(("dent", CHIP), ("dent", SCRATCH)))
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", options))
    assert boxes(tmp_path / "c") == {"a.png": [(1, (1, 1, 4, 3)), (1, (7, 2, 4, 4))]}


def test_unknown_colours_are_refused_with_the_colours_found(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png")
    paint(tmp_path / "m/a.png", (LEFT, CHIP), (RIGHT, (1, 2, 3)))
    with pytest.raises(InputError, match=r"unknown colours \(1,2,3 on 16 px\); give a --colours NAME=R,G,B"):
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", COLOURS))


@pytest.mark.parametrize("options", [COLOURS, INDEX])
def test_void_pixels_are_refused_left_out_or_an_ignore_region(tmp_path: Path, options: MasksOptions) -> None:
    source = write_images(tmp_path / "p", "a.png", "only_void.png")
    paint(tmp_path / "m/a.png", (LEFT, CHIP), (RIGHT, VOID), palette=True)
    paint(tmp_path / "m/only_void.png", (RIGHT, VOID), palette=True)
    with pytest.raises(CombinedInputError) as caught:
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", options))
    assert all("--void ignore" in error.remedy for error in caught.value.errors)
    lost = msgspec.structs.replace(options, void="leave-out")
    report = masks2coco(source, tmp_path / "lost", at(tmp_path / "m", lost))
    assert areas(tmp_path / "lost") == [(1, (1, 1, 4, 3), 12, 0)]
    assert [(e.file, e.code, e.value) for e in report.events] == [
        ("a.png", "void-lost", "16 px"),
        ("only_void.png", "image-left-out", "void pixels only"),
        ("only_void.png", "void-lost", "16 px"),
    ]
    kept = msgspec.structs.replace(options, void="ignore")
    report = masks2coco(source, tmp_path / "kept", at(tmp_path / "m", kept))
    regions = [(1, (7, 2, 4, 4), 16, 1), (2, (7, 2, 4, 4), 16, 1)]
    assert areas(tmp_path / "kept") == [(1, (1, 1, 4, 3), 12, 0), *regions, *regions]
    assert [e.code for e in report.events] == ["void-kept", "void-kept"]


def export_of_cvat(root: Path) -> Path:
    """Two touching chips that SegmentationObject separates, and a chip that it does not know."""
    write_images(root / "JPEGImages", "a.png", "b.png")
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nchip:250,50,83::\nscratch:0,128,0::\n"
    )
    touching = (slice(1, 4), slice(5, 7))
    paint(root / "SegmentationClass/a.png", (LEFT, CHIP), (touching, CHIP), (RIGHT, CHIP))
    paint(root / "SegmentationObject/a.png", (LEFT, (128, 0, 0)), (touching, (0, 128, 0)))
    paint(root / "SegmentationClass/b.png", (RIGHT, SCRATCH))
    lists = root / "ImageSets/Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a\n")
    (lists / "val.txt").write_text("b\n")
    return root


def test_the_export_of_cvat_is_read_with_its_objects_and_splits(tmp_path: Path) -> None:
    root = export_of_cvat(tmp_path / "export")
    arguments = ("masks2coco", root / "JPEGImages", root, tmp_path / "c", "--split", "original")
    assert run_command("convert", *arguments) == 0
    dataset = load_dataset(tmp_path / "c")
    assert [c.name for c in dataset.categories] == ["chip", "scratch"]
    assert {split: [i.file_name for i in coco.images] for split, coco in dataset.splits.items()} == {
        "train": ["a.png"],
        "val": ["b.png"],
        "test": [],
    }
    assert sorted((a.category_id, a.bbox) for a in dataset.splits["train"].annotations) == [
        (1, (1, 1, 4, 3)),
        (1, (5, 1, 2, 3)),
        (1, (7, 2, 4, 4)),
    ]
    options = msgspec.structs.replace(COLOURS, ratios=(0.5, 0.5, 0))
    report = masks2coco(root / "JPEGImages", tmp_path / "d", at(root, options))
    assert [(e.code, e.value) for e in report.events] == [("splits-ignored", "train, val")]
    (root / "ImageSets/Segmentation/val.txt").unlink()
    with pytest.raises(InputError, match=r"ImageSets/Segmentation has no list with b\.png"):
        masks2coco(
            root / "JPEGImages", tmp_path / "e", at(root, msgspec.structs.replace(options, split="original"))
        )


def test_folders_of_types_may_overlap(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/scratch/a.png", spots((*LEFT, 255)))
    save(tmp_path / "m/chip/a.png", TWO)
    save(tmp_path / "m/chip/b.png", TWO * 0)
    assert run_command("convert", "masks2coco", source, tmp_path / "m", tmp_path / "c", "--ratios", "1,0,0") == 0
    assert [c.name for c in load_dataset(tmp_path / "c").categories] == ["chip", "scratch"]
    assert boxes(tmp_path / "c") == {
        "a.png": [(1, (1, 1, 3, 2)), (1, (6, 5, 5, 2)), (2, (1, 1, 4, 3))],
        "b.png": [],
    }
    save(tmp_path / "m/stray.png", TWO)
    folders = msgspec.structs.replace(BINARY, categories=(), type_folders=True)
    with pytest.raises(InputError, match=r"stray\.png: a mask outside the folders of the defect types"):
        masks2coco(source, tmp_path / "d", at(tmp_path / "m", folders))


def test_numbered_masks_are_instances_even_where_they_overlap(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "a_1.png")
    save(tmp_path / "m/a_1.png", TWO)
    save(tmp_path / "m/a_2.png", spots((slice(1, 3), slice(2, 6), 255)))
    save(tmp_path / "m/a_1_7.png", spots((*RIGHT, 255)))
    options = msgspec.structs.replace(BINARY, pattern="{stem}_{n}")
    masks2coco(source, tmp_path / "c", at(tmp_path / "m", options))
    assert areas(tmp_path / "c") == [
        (1, (1, 1, 10, 6), 16, 0),
        (1, (2, 1, 4, 2), 8, 0),
        (1, (7, 2, 4, 4), 16, 0),
    ]
    ambiguous = msgspec.structs.replace(BINARY, pattern="{stem}{n}")
    write_images(tmp_path / "q", "b.png", "b1.png")
    save(tmp_path / "n/b12.png", TWO)
    with pytest.raises(InputError, match=r"b12\.png: may be the mask of b1\.png or b\.png"):
        masks2coco(tmp_path / "q", tmp_path / "d", at(tmp_path / "n", ambiguous))


def test_each_page_of_a_mask_is_an_instance(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png")
    pages = [Pillow.fromarray(page) for page in (spots((*LEFT, 255)), TWO)]
    (tmp_path / "m").mkdir()
    pages[0].save(tmp_path / "m/a.tif", save_all=True, append_images=pages[1:])
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert areas(tmp_path / "c") == [(1, (1, 1, 4, 3), 12, 0), (1, (1, 1, 10, 6), 16, 0)]
    assert [(e.code, e.value) for e in report.events] == [("mask-pages", "2 pages")]
    pages[0].save(tmp_path / "m/a.tif", save_all=True, append_images=[pages[1].resize((6, 4))])
    with pytest.raises(InputError, match=r"page 1 has 12 x 8 pixels, page 2 6 x 4"):
        masks2coco(source, tmp_path / "d", at(tmp_path / "m", BINARY))


def test_values_that_differ_between_files_may_be_types(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a.png", TWO // 255)
    save(tmp_path / "m/b.png", TWO)
    masks2coco(source, tmp_path / "white", at(tmp_path / "m", BINARY))  # 1 and 255 are both white
    save(tmp_path / "m/b.png", TWO // 255 * 2)
    problem = r"different values \(1 in the mask of a\.png, 2 in the mask of b\.png\)"
    for execution in (Execution(), Execution(dry_run=True)):
        with pytest.raises(InputError, match=problem) as caught:
            masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY), execution)
    assert not (tmp_path / "c").exists()
    assert "--categories A,B,C" in caught.value.remedy
    assert "--threshold 1" in caught.value.remedy
    same = msgspec.structs.replace(BINARY, threshold=1)
    masks2coco(source, tmp_path / "same", at(tmp_path / "m", same))
    assert [category for category, _, _, _ in areas(tmp_path / "same")] == [1, 1, 1, 1]
    masks2coco(source, tmp_path / "types", at(tmp_path / "m", INDEX))
    assert [category for category, _, _, _ in areas(tmp_path / "types")] == [1, 1, 2, 2]


def test_a_mask_that_looks_inverted_is_noted(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png")
    save(tmp_path / "m/a.png", 255 - TWO)
    save(tmp_path / "m/b.png", TWO)
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert [(e.file, e.code, e.value) for e in report.events] == [("a.png", "looks-inverted", "83% of the image")]


def test_masks_that_do_not_pair_are_reported_together_or_left_out(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.png", "b.png", "c.png")
    for name in ("a.png", "b.png", "b.bmp", "x.png", "y.png"):
        save(tmp_path / "m" / name, TWO)
    with pytest.raises(CombinedInputError) as caught:
        masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY))
    assert [Path(error.where).name for error in caught.value.errors] == ["b.png", "x.png", "y.png"]
    report = masks2coco(source, tmp_path / "c", at(tmp_path / "m", BINARY), Execution(skip_bad=True))
    assert list(boxes(tmp_path / "c")) == ["a.png"]
    assert [(e.file, e.code) for e in report.events] == [
        ("b.png", "bad-input"),
        ("c.png", "unlabelled"),
        ("x.png", "bad-input"),
        ("y.png", "bad-input"),
    ]


def test_an_image_and_a_mask_of_one_name_in_one_folder_cannot_be_distinguished(tmp_path: Path) -> None:
    source = write_images(tmp_path / "p", "a.jpg")
    save(source / "a.png", TWO)
    with pytest.raises(InputError, match="move images and masks into folders of their own"):
        masks2coco(source, tmp_path / "c", at(source, BINARY))


def choose(root: Path, **given: object) -> MaskTypes:
    values = {"category": None, "categories": None, "colours": [], "labelmap": None, "type_folders": False}
    return choose_types(root / "p", root / "m", **(values | given))  # type: ignore[arg-type]


def test_one_option_states_the_types(tmp_path: Path) -> None:
    write_images(tmp_path / "p", "a.png")
    for folder in ("chip", "scratch"):
        save(tmp_path / "m" / folder / "a.png", TWO)
    assert choose(tmp_path, category="dent") == MaskTypes(("dent",))
    assert choose(tmp_path, categories="a, b") == MaskTypes(("a", "b"), indices=True)
    assert choose(tmp_path) == choose(tmp_path, type_folders=True) == MaskTypes(folders=True)
    (tmp_path / "labelmap.txt").write_text("chip:250,50,83::\n")
    assert choose(tmp_path) == MaskTypes(colours=(("chip", CHIP),))
    more = choose(tmp_path, colours=["dent=250,50,83", "chip=255,255,255"])
    assert more == MaskTypes(colours=(("dent", CHIP), ("chip", (255, 255, 255))))
    with pytest.raises(OptionError, match="--category, --type-folders cannot be combined"):
        choose(tmp_path, category="a", type_folders=True)


@pytest.mark.parametrize("folders", [("masks",), ("train", "test")])
def test_a_folder_or_splits_are_not_types(tmp_path: Path, folders: tuple[str, ...]) -> None:
    write_images(tmp_path / "p", "a.png")
    for folder in folders:
        save(tmp_path / "m" / folder / "a.png", TWO)
    with pytest.raises(OptionError, match="the defect types of the masks are unknown"):
        choose(tmp_path)


@pytest.mark.parametrize(
    ("changes", "match"),
    [({"threshold": 9}, "no grey values"), ({"colours": (), "categories": ("a",), "void": "ignore"}, "no void")],
)
def test_options_that_exclude_each_other(tmp_path: Path, changes: dict, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        masks2coco(tmp_path, tmp_path / "c", at(tmp_path, msgspec.structs.replace(COLOURS, **changes)))


def test_a_wrong_colour_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("masks2coco", tmp_path, tmp_path, tmp_path / "c", "--colours", "chip=250,50")
    assert run_command("convert", *arguments) == 2
    assert "give NAME=R,G,B" in only_line(capsys)
