"""YOLO folders of Ultralytics, of Roboflow and written by hand, and their refusals."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from datasets.formats.yolo import label_path, read_yolo
from datasets.formats.yolo_data_yaml import write_data_yaml
from datasets.formats.yolo_lines import Label, format_label, parse_label, read_labels, write_labels
from system.errors import DefectlineError, InputError

NAMES = "names: [scratch, dent]\n"


def image_file(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10)).save(path)
    return path


def yolo(root: Path, text: str, *images: str) -> Path:
    for name in images:
        image_file(root / name)
    root.mkdir(exist_ok=True)
    (root / "data.yaml").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("images/train/a.png", "labels/train/a.txt"),
        ("/d/images/x/images/a.b.png", "/d/images/x/labels/a.b.txt"),
        ("d/train/images/a.JPG", "d/train/labels/a.txt"),
        ("d/images.old/images/images/images.png", "d/images.old/images/labels/images.txt"),
    ],
)
def test_labels_are_where_ultralytics_looks(image: str, labels: str) -> None:
    assert label_path(Path(image)) == Path(labels)


def test_the_folder_of_the_documentation(tmp_path: Path) -> None:
    text = "path: .\ntrain: images/train\nval: images/val\ntest:\nnames:\n  0: scratch\n  1: dent\n"
    root = yolo(tmp_path / "d", text, "images/train/b.png", "images/train/sub/a.jpg", "images/val/c.PNG")
    (root / "images/train/.hidden.png").write_bytes(b"")
    found = read_yolo(root)
    assert found.names == ("scratch", "dent")
    assert [(i.split, i.relative) for i in found.images] == [
        ("train", "b.png"),
        ("train", "sub/a.jpg"),
        ("val", "c.PNG"),
    ]
    assert found.images[1].labels == root / "labels/train/sub/a.txt"


def test_roboflows_way_to_its_folders_is_understood(tmp_path: Path) -> None:
    text = "train: ../train/images\nval: ../valid/images\nnc: 2\n" + NAMES
    root = yolo(tmp_path / "d", text, "train/images/a.png", "valid/images/b.png")
    assert [i.labels for i in read_yolo(root).images] == [root / "train/labels/a.txt", root / "valid/labels/b.txt"]


def test_paths_as_windows_writes_them_are_understood(tmp_path: Path) -> None:
    text = "train: images\\train\nval: val.txt\nnames: [a]\n"
    root = yolo(tmp_path / "y", text, "images/train/1.png", "images/val/2.png")
    (root / "val.txt").write_text(".\\images\\val\\2.png\r\n")
    assert [(i.relative, i.split) for i in read_yolo(root).images] == [
        ("1.png", "train"),
        ("images/val/2.png", "val"),
    ]


def test_lists_of_folders_and_list_files(tmp_path: Path) -> None:
    root = yolo(
        tmp_path / "d", f"train: [images/a, images/b]\nval: val.txt\n{NAMES}", "images/a/1.png", "images/b/2.png"
    )
    image_file(root / "images/c/3.png")
    (root / "val.txt").write_text("./images/c/3.png\n")
    assert [(i.split, i.relative) for i in read_yolo(root).images] == [
        ("train", "1.png"),
        ("train", "2.png"),
        ("val", "images/c/3.png"),
    ]
    (root / "val.txt").write_text("../outside.png\n")
    image_file(tmp_path / "outside.png")
    with pytest.raises(InputError, match=r"outside\.png, which is not an image inside"):
        read_yolo(root)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("train: [", "not valid YAML"),
        ("- 1\n", "not a YOLO dataset description"),
        ("train: images\n", "names is missing"),
        ("train: images\nnames: {0: a, 2: b}\n", "number them 0, 1, 2"),
        ("train: images\nnames: {a: 0}\n", "number them 0, 1, 2"),
        ("train: images\nnames: [a, a]\n", "occurs twice"),
        ("train: images\nnc: 3\n" + NAMES, "nc is 3, but 2 names"),
        ("train: images/none\n" + NAMES, "train images/none does not exist"),
        ("train: 5\n" + NAMES, "train 5 is not a folder"),
        ("path: elsewhere\ntrain: images\n" + NAMES, "path elsewhere is not a folder"),
        ("path: [a]\ntrain: images\n" + NAMES, "is not a folder"),
        ("val:\n" + NAMES, "no images in the folders"),
        ("train: images\nval: [images, images]\n" + NAMES, "in train and in val"),
    ],
)
def test_a_broken_description_is_refused(tmp_path: Path, text: str, match: str) -> None:
    root = yolo(tmp_path / "d", text, "images/a.png")
    with pytest.raises(InputError, match=match):
        read_yolo(root)


def test_two_images_cannot_share_a_label_file(tmp_path: Path) -> None:
    root = yolo(tmp_path / "d", "train: images\n" + NAMES, "images/a.png", "images/a.jpg")
    with pytest.raises(InputError, match=r"same label file as a\.jpg"):
        read_yolo(root)


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("0 0.5 0.5 0.1", "4 columns"),
        ("0 0.5 0.5 0.1 0.1 0.9", "6 columns"),
        ("0 .1 .1 .2 .1 .2 .2 .3", "8 columns"),
        ("x 0.5 0.5 0.1 0.1", "not numbers"),
        ("0 0.5 0.5 nan 0.1", "coordinate nan is outside"),
        ("0 0.5 inf 0.1 0.1", "coordinate inf is outside"),
        ("0 450 300 20 20", "coordinate 450 is outside 0..1"),
        ("2 0.5 0.5 0.1 0.1", r"class 2 is not in 0\.\.1"),
        ("-1 0.5 0.5 0.1 0.1", r"class -1 is not in 0\.\.1"),
        ("0.5 0.5 0.5 0.1 0.1", "not a whole number"),
        ("nan 0.5 0.5 0.1 0.1", "not a whole number"),
        ("0 0.5 0.5 -0.005 0.1", "cannot be negative"),
    ],
)
def test_a_broken_line_is_refused_with_file_and_line(tmp_path: Path, line: str, match: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"1 0.5 0.5 0.25 0.25\n\n{line}\n")
    with pytest.raises(InputError, match=match) as caught:
        read_labels(path, 2)
    assert str(caught.value).startswith(f"{path}:3: ")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\x89PNG\xff")
    with pytest.raises(InputError, match="not a text file"):
        read_labels(tmp_path / "a.txt", 1)


def test_byte_order_mark_blank_lines_and_whole_floats_pass(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf1.0 0.5 0.5 1 1\r\n\r\n0 0 0 1 0 1 1.005\r\n")
    boxes, segment = read_labels(tmp_path / "a.txt", 2)
    assert boxes == Label(1, (0.5, 0.5, 1.0, 1.0))
    assert boxes.is_box
    assert not segment.is_box


@given(st.integers(0, 80), st.lists(st.floats(0, 1), min_size=6, max_size=20).filter(lambda v: len(v) % 2 == 0))
def test_a_written_line_reads_the_same_within_a_thousandth_of_a_pixel(index: int, values: list[float]) -> None:
    back = parse_label("here", format_label(Label(index, tuple(values))), 81)
    assert back.class_index == index
    assert back.values == pytest.approx(values, abs=5.1e-10)


@given(st.text(max_size=40))
def test_no_line_brings_another_error(line: str) -> None:
    try:
        label = parse_label("here", line, 3)
    except DefectlineError:
        return
    assert 0 <= label.class_index < 3


def test_a_written_folder_reads_back_with_any_names(tmp_path: Path) -> None:
    names = ["no", "1", "null", "it's: #odd", "Kratzer übel"]
    image_file(tmp_path / "images/train/a.png")
    (tmp_path / "labels/train").mkdir(parents=True)
    write_labels(tmp_path / "labels/train/a.txt", ["4 0.5 0.5 1 1"])
    write_data_yaml(tmp_path, names, {"train": "images/train"})
    found = read_yolo(tmp_path / "data.yaml")
    assert list(found.names) == names
    assert read_labels(found.images[0].labels, 5) == [Label(4, (0.5, 0.5, 1, 1))]


@pytest.mark.parametrize(
    ("text", "split", "stand_in"),
    [("train: images\nval: images\n", "train", "val"), ("train: images/val\nval: images/val\n", "val", "train")],
)
def test_a_split_that_stands_in_for_another_counts_once(
    tmp_path: Path, text: str, split: str, stand_in: str
) -> None:
    found = read_yolo(yolo(tmp_path / "d", text + NAMES, "images/val/a.png"))
    assert [image.split for image in found.images] == [split]
    assert found.substitute_splits == {stand_in: split}
    assert len(read_yolo(tmp_path / "d", strict=False).images) == 2


def test_an_image_named_as_a_list_is_refused(tmp_path: Path) -> None:
    # found by fuzzing
    root = yolo(tmp_path / "d", "train: images/a.png\n" + NAMES, "images/a.png")
    with pytest.raises(InputError, match="train is neither a folder nor a list of images"):
        read_yolo(root)


@pytest.mark.parametrize("text", ["train: {}\n", "path: {}\ntrain: images\n"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path, text: str) -> None:
    # found by fuzzing
    root = yolo(tmp_path / "d", text.format("x" * 400) + NAMES, "images/a.png")
    with pytest.raises(InputError):
        read_yolo(root)
