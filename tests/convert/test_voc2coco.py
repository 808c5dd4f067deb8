"""Pascal VOC XML to COCO: the origin of the corners, the image of each file, the splits that are kept."""

from pathlib import Path

import pytest
from PIL import Image as PilImage

from convert.execution import Execution
from convert.voc2coco import VocOptions, voc2coco
from datasets.formats.tool_export import PolygonShape
from datasets.formats.voc import read_voc
from datasets.formats.xml_elements import XmlElement
from datasets.masks.rle import decode
from system.errors import InputError
from tests.command import only_line, run_command
from tests.tool_exports import boxes, draw_image, splits, voc_object, write_voc, written

DEFAULT = VocOptions()


def convert(source: Path, options: VocOptions = DEFAULT) -> dict[str, int]:
    """Convert to `source`-coco and count the codes."""
    report = voc2coco(source, source.parent / f"{source.name}-coco", options, Execution())
    return {str(row["code"]): int(row["count"]) for row in report.summary()}


def voc(root: Path, *objects: str, name: str = "a", **other: object) -> Path:
    draw_image(root / f"JPEGImages/{name}.png")
    write_voc(root / f"Annotations/{name}.xml", *objects, filename=f"{name}.png", **other)
    return root


def test_pixels_count_from_1_and_both_ends_belong_to_the_box(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("crazing", (2, 2, 33, 44)))
    assert convert(source) == {}
    assert boxes(tmp_path / "v-coco") == {"a.png": [("crazing", (1, 1, 32, 43))]}


def test_a_box_of_one_pixel_and_one_of_the_whole_image(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (5, 6, 5, 6)), voc_object("x", (1, 1, 64, 48)))
    convert(source)
    assert boxes(tmp_path / "v-coco")["a.png"] == [("x", (4, 5, 1, 1)), ("x", (0, 0, 64, 48))]


def test_one_box_before_pixel_1_shows_that_all_count_from_0(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (0, 3, 10, 9)))
    voc(source, voc_object("x", (10, 20, 30, 40)), name="b")
    assert convert(source) == {"counts-from-zero": 1}
    found = boxes(tmp_path / "v-coco")
    assert found == {"a.png": [("x", (0, 3, 10, 6))], "b.png": [("x", (10, 20, 20, 20))]}


def test_decimals_everywhere_show_that_coordinates_count_from_0(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", ("10.0", "20.0", "30.5", "40.0")))
    assert convert(source) == {"counts-from-zero": 1}
    assert boxes(tmp_path / "v-coco")["a.png"] == [("x", (10, 20, 20.5, 20))]


def test_one_decimal_among_whole_numbers_is_not_evidence(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", ("10.5", "20", "30", "40")), voc_object("x", (2, 2, 3, 3)))
    assert convert(source) == {}
    assert boxes(tmp_path / "v-coco")["a.png"] == [("x", (9.5, 19, 20.5, 21)), ("x", (1, 1, 2, 2))]


@pytest.mark.parametrize(("first", "box"), [(0, (2, 2, 31, 42)), (1, (1, 1, 32, 43))])
def test_first_pixel_follows_the_option(tmp_path: Path, first: int, box: tuple[int, ...]) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 33, 44)))
    assert convert(source, VocOptions(first_pixel=first)) == {}
    assert boxes(tmp_path / "v-coco")["a.png"] == [("x", box)]


def test_difficult_objects_are_ignore_regions_unless_kept(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9), "<difficult>1</difficult>"))
    assert convert(source) == {"difficult": 1}
    ((_, ignored),) = written(tmp_path / "v-coco")["a.png"]
    assert ignored.iscrowd == 1
    voc2coco(source, tmp_path / "k", VocOptions(difficult="keep"))
    ((_, kept),) = written(tmp_path / "k")["a.png"]
    assert kept.iscrowd == 0


def test_a_file_without_object_is_a_negative_and_an_image_without_file_unlabelled(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9)))
    voc(source, name="good")
    draw_image(source / "JPEGImages/new.png")
    assert convert(source) == {"unlabelled": 1}
    assert boxes(tmp_path / "v-coco") == {"a.png": [("x", (1, 1, 8, 8))], "good.png": []}
    voc2coco(source, tmp_path / "n", VocOptions(unlabelled="negative"))
    assert set(boxes(tmp_path / "n")) == {"a.png", "good.png", "new.png"}


def test_masks_of_the_devkit_are_not_images(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9)))
    draw_image(source / "SegmentationClass/b.png")
    draw_image(source / "SegmentationObject/a.png")
    report = voc2coco(source, tmp_path / "n", VocOptions(unlabelled="negative"))
    assert [(event.file, event.code) for event in report.events] == [("Annotations/a.xml", "mask-unread")]
    assert set(boxes(tmp_path / "n")) == {"a.png"}


def test_boxes_outside_or_without_area_are_reported(tmp_path: Path) -> None:
    objects = [(60, 1, 70, 9), (70, 1, 80, 9), (9, 1, 5, 3)]
    source = voc(tmp_path / "v", *(voc_object("x", corners) for corners in objects))
    assert convert(source) == {"clipped": 1, "outside": 1, "swapped-corners": 1}
    assert boxes(tmp_path / "v-coco")["a.png"] == [("x", (59, 0, 5, 9)), ("x", (4, 0, 5, 3))]


def test_an_image_whose_objects_are_all_lost_is_not_a_negative(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (70, 1, 80, 9)))
    voc(source, voc_object("x", (2, 2, 9, 9)), name="b")
    assert convert(source) == {"image-left-out": 1, "outside": 1}
    assert set(boxes(tmp_path / "v-coco")) == {"b.png"}


@pytest.mark.parametrize("filename", ["a", "a.jpg", r"C:\photos\a.png", "/home/u/a.png", "", "A.PNG"])
def test_the_image_is_found_without_ending_and_beside_foreign_paths(tmp_path: Path, filename: str) -> None:
    source = tmp_path / "v"
    draw_image(source / "IMAGES/a.png")
    write_voc(source / "ANNOTATIONS/a.xml", voc_object("x", (2, 2, 9, 9)), filename=filename)
    assert convert(source) == {}
    assert set(boxes(tmp_path / "v-coco")) == {"a.png"}


def test_a_stale_filename_gives_way_to_the_name_of_the_file_and_is_reported(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for name in ("a", "b"):
        draw_image(source / f"{name}.png")
        write_voc(source / f"{name}.xml", voc_object(name, (2, 2, 9, 9)), filename="a.png")
    assert convert(source) == {"image-moved": 1}
    assert {name: items[0][0] for name, items in boxes(tmp_path / "v-coco").items()} == {
        "a.png": "a",
        "b.png": "b",
    }


def test_a_file_named_otherwise_finds_its_image_by_filename(tmp_path: Path) -> None:
    source = tmp_path / "v"
    draw_image(source / "a.png")
    write_voc(source / "label_1.xml", voc_object("x", (2, 2, 9, 9)), filename="a.png")
    assert convert(source) == {"image-moved": 1}


def test_image_sets_keep_the_splits(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for name in ("a", "b.1", "c"):
        voc(source, voc_object("x", (2, 2, 9, 9)), name=name)
    sets = source / "ImageSets/Main"
    sets.mkdir(parents=True)
    (sets / "train.txt").write_text("a\n")
    (sets / "val.txt").write_text("JPEGImages/b.1.png\n")
    (sets / "test.txt").write_text("c\nnew\n")
    (sets / "x_train.txt").write_text("a 1\nc -1\n")
    (sets / "trainval.txt").write_text("a\nb.1\n")
    convert(source)
    assert splits(tmp_path / "v-coco") == {"train": ["a.png"], "val": ["b.1.png"], "test": ["c.png"]}
    draw_image(source / "JPEGImages/new.png")
    voc2coco(source, tmp_path / "n", VocOptions(unlabelled="negative"))
    assert splits(tmp_path / "n")["test"] == ["c.png", "new.png"]
    report = voc2coco(source, tmp_path / "s", VocOptions(split="stratified", ratios=(1, 0, 0)))
    assert [(e.code, e.value) for e in report.events if e.file == "."] == [("splits-ignored", "train, val, test")]
    assert len(splits(tmp_path / "s")["train"]) == 3


def test_folders_named_like_splits_keep_them_and_equal_names_stay_apart(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for i, split in enumerate(("train", "valid", "test")):
        draw_image(source / f"{split}/a.jpg", shade=40 * i)
        write_voc(source / f"{split}/a.xml", voc_object(split, (2, 2, 9, 9)), filename="a.jpg")
    convert(source)
    assert splits(tmp_path / "v-coco") == {
        "train": ["train/a.jpg"],
        "val": ["valid/a.jpg"],
        "test": ["test/a.jpg"],
    }
    assert boxes(tmp_path / "v-coco")["valid/a.jpg"][0][0] == "valid"


def test_an_image_in_no_split_is_refused(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9)))
    voc(source, voc_object("x", (2, 2, 9, 9)), name="b")
    (source / "ImageSets/Main").mkdir(parents=True)
    (source / "ImageSets/Main/train.txt").write_text("a\n")
    with pytest.raises(InputError, match=r"1 images, such as b\.png, are not in any split.*--split stratified"):
        convert(source)
    (source / "ImageSets/Main/val.txt").write_text("a\nb\n")
    with pytest.raises(InputError, match="a is also in train"):
        convert(source)


def test_the_rarest_category_is_in_every_split(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for i in range(20):
        rare = [voc_object("rare", (20, 20, 30, 30))] if i < 4 else []
        draw_image(source / f"{i:02}.png", shade=i)
        write_voc(source / f"{i:02}.xml", voc_object("common", (2, 2, 9, 9)), *rare)
    convert(source)
    found = boxes(tmp_path / "v-coco")
    held = {s: sum(len(found[n]) == 2 for n in names) for s, names in splits(tmp_path / "v-coco").items()}
    assert held == {"train": 2, "val": 1, "test": 1}
    assert {s: len(names) for s, names in splits(tmp_path / "v-coco").items()} == {
        "train": 13,
        "val": 3,
        "test": 4,
    }


@pytest.mark.parametrize("size", [None, (0, 0)])
def test_a_size_of_zero_is_replaced_by_that_of_the_image(tmp_path: Path, size: tuple[int, int] | None) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9)), size=size)
    assert convert(source) == {"size-from-image": 1}


def test_a_size_that_is_not_that_of_the_image_is_refused(tmp_path: Path) -> None:
    source = voc(tmp_path / "v", voc_object("x", (2, 2, 9, 9)), size=(100, 80))
    with pytest.raises(InputError, match=r"100 x 80 pixels, .*a\.png has 64 x 48"):
        convert(source)


@pytest.mark.parametrize(("size", "shown"), [((48, 64), (48, 64)), ((64, 48), (64, 48))])
def test_a_turned_image_is_written_as_it_was_labelled(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    exif = PilImage.Exif()
    exif[0x0112] = 6
    source = tmp_path / "v"
    source.mkdir()
    PilImage.new("RGB", (64, 48)).save(source / "a.jpg", exif=exif)
    write_voc(source / "a.xml", voc_object("x", (2, 2, 9, 9)), size=size)
    assert convert(source) == {"exif-upright": 1}
    with PilImage.open(tmp_path / "v-coco/images/a.jpg") as image:
        assert (image.size, image.getexif().get(0x0112)) == (shown, None)


def test_polygons_of_roboflow_and_rotated_boxes_get_masks(tmp_path: Path) -> None:
    corners = "".join(
        f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate([(4, 4), (14, 4), (14, 9)], 1)
    )
    polygon = voc_object("poly", (4, 4, 14, 9), f"<polygon>{corners}</polygon>")
    angle = "<attributes><attribute><name>rotation</name><value>90.0</value></attribute></attributes>"
    turned = voc_object("turned", (21, 21, 40, 30), angle)
    source = voc(tmp_path / "v", polygon, turned)
    assert convert(source) == {}
    (_, first), (_, second) = written(tmp_path / "v-coco")["a.png"]
    # columns 5 to 13 have 1, 1, 2, 2, 3, 3, 4, 4, 5 pixel centres above the side from (4, 4) to (14, 9)
    assert (first.bbox, first.area) == ((5, 4, 9, 5), 25)
    assert int(decode(first.segmentation, 48, 64).sum()) == 25
    assert (second.bbox, second.area) == ((25, 15, 10, 20), 200)  # 20 x 10 about its centre (30, 25)


def test_a_polygon_of_many_corners_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search for each corner among all corners takes time that grows with their square."""
    corners = [(10 + number % 20, 5 + number // 1000) for number in range(2000)]
    text = "".join(f"<x{n}>{x}</x{n}><y{n}>{y}</y{n}>" for n, (x, y) in enumerate(corners, 1))
    source = voc(tmp_path / "v", voc_object("poly", (4, 4, 14, 9), f"<polygon>{text}<x1>99</x1></polygon>"))
    searches: list[str] = []
    first = XmlElement.first

    def search(self: XmlElement, name: str) -> XmlElement | None:
        searches.append(name)
        return first(self, name)

    monkeypatch.setattr(XmlElement, "first", search)
    (image,) = read_voc(source).images
    (shape,) = image.shapes
    assert isinstance(shape.geometry, PolygonShape)
    assert shape.geometry.points == corners
    assert len(searches) < 50


def test_a_box_among_polygons_is_filled_or_kept(tmp_path: Path) -> None:
    corners = "<x1>4</x1><y1>4</y1><x2>14</x2><y2>4</y2><x3>14</x3><y3>9</y3>"
    polygon = voc_object("poly", (4, 4, 14, 9), f"<polygon>{corners}</polygon>")
    source = voc(tmp_path / "v", voc_object("box", (21, 21, 40, 30)), polygon)
    assert convert(source) == {"box-as-mask": 1}
    (_, box), _ = written(tmp_path / "v-coco")["a.png"]
    assert (box.bbox, box.area) == ((20, 20, 20, 10), 200)
    report = voc2coco(source, tmp_path / "k", VocOptions(mixed="keep"))
    assert [event.code for event in report.events] == ["no-mask"]
    (_, box), _ = written(tmp_path / "k")["a.png"]
    assert (box.bbox, box.segmentation) == ((20, 20, 20, 10), [])


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<object><bndbox/></object>", "object 1 has no <name>"),
        ("<object><name>x</name></object>", "object 1 has no <bndbox>"),
        (voc_object("x", (1, 2, "three", 4)), "<xmax> of object 1 is 'three'"),
        (voc_object("x", (1, 2, "inf", 4)), "<xmax> of object 1 is 'inf'"),
        (voc_object("x", (1, 2, "", 4)), "<xmax> of object 1 is ''"),
    ],
)
def test_invalid_exports_are_refused_in_one_line(
    tmp_path: Path, inside: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = voc(tmp_path / "v", inside)
    assert run_command("convert", "voc2coco", source, tmp_path / "c") == 2
    assert problem in only_line(capsys)
    assert not (tmp_path / "c").exists()


def test_a_missing_image_two_files_of_one_image_and_other_xml_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "v"
    write_voc(source / "a.xml", voc_object("x", (2, 2, 9, 9)), filename="a.png")
    with pytest.raises(InputError, match=r"its image a\.png is missing.*--images"):
        convert(source)
    draw_image(source / "a.png")
    write_voc(source / "more/a.xml", voc_object("x", (2, 2, 9, 9)), filename="a.png")
    with pytest.raises(InputError, match=r"annotates a\.png, as a\.xml does"):
        convert(source)
    (source / "more/a.xml").write_text("<annotations/>")
    with pytest.raises(InputError, match="cvat2coco"):
        convert(source)


def test_two_images_of_one_name_are_refused_unless_a_folder_decides(tmp_path: Path) -> None:
    source = tmp_path / "v"
    for folder in ("x", "y"):
        draw_image(source / f"JPEGImages/{folder}/a.png")
    write_voc(source / "Annotations/a.xml", voc_object("x", (2, 2, 9, 9)), filename="a.png")
    with pytest.raises(InputError, match="2 images have the name of its image"):
        convert(source)
    (source / "Annotations/a.xml").unlink()
    write_voc(source / "Annotations/y/a.xml", voc_object("x", (2, 2, 9, 9)), filename="a.png")
    assert convert(source) == {"unlabelled": 1}
