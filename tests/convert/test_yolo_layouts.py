"""YOLO folders of Label Studio, labelImg, CVAT, darknet and Roboflow; pose labels and oriented boxes."""

import unicodedata
from pathlib import Path

import pytest
from PIL import Image as PillowImage

from convert.yolo2coco import YoloOptions, yolo2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.formats.dataset_folder import load_dataset
from system.errors import InputError
from tests.command import only_line, run_command

SIZE = (64, 48)
LINE = "0 0.3125 0.291666667 0.3125 0.25\n"  # columns 10 to 29, rows 8 to 19
BOX = (10, 8, 20, 12)
DEFAULT = YoloOptions()


def write(root: Path, files: dict[str, str | None]) -> Path:
    """A folder of text files, and of images for entries without a text."""
    for i, (name, text) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            PillowImage.new("RGB", SIZE, (i, 2 * i, 3 * i)).save(path)
        else:
            path.write_text(text, encoding="utf-8")
    return root


def converted(source: Path, dest: Path, options: YoloOptions = DEFAULT) -> tuple[dict, list[str]]:
    """Boxes by split and image, and the codes of the report."""
    report = yolo2coco(source, dest, options)
    boxes = {}
    for split, coco in load_dataset(dest).splits.items():
        names = {image.id: image.file_name for image in coco.images}
        boxes |= {(split, name): [] for name in names.values()}
        for annotation in coco.annotations:
            boxes[split, names[annotation.image_id]].append(annotation.bbox)
    return boxes, sorted(event.code for event in report.events)


def class_names(dest: Path) -> list[str]:
    return [category.name for category in load_dataset(dest).categories]


def test_label_studio_has_classes_txt_images_and_labels(tmp_path: Path) -> None:
    files = {
        "classes.txt": "chip\nscratch\n",
        "images/ab12-a.png": None,
        "labels/ab12-a.txt": LINE,
        "notes.json": "{}",
    }
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert boxes == {("train", "ab12-a.png"): [BOX]}
    assert codes == ["no-splits"]
    assert class_names(tmp_path / "c") == ["chip", "scratch"]


def test_labelimg_has_all_files_in_one_folder(tmp_path: Path) -> None:
    files = {"classes.txt": "chip\n", "a.png": None, "a.txt": LINE, "b.png": None, "b.txt": ""}
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert boxes == {("train", "a.png"): [BOX], ("train", "b.png"): []}
    assert codes == ["no-splits"]


@pytest.mark.parametrize("layout", ["{split}/images/{name}.png", "images/{split}/{name}.png"])
def test_folders_called_like_splits_are_the_splits(tmp_path: Path, layout: str) -> None:
    files: dict[str, str | None] = {"classes.txt": "chip\n"}
    for split in ("train", "valid"):
        image = layout.format(split=split, name=split)
        files |= {image: None, image.replace("images", "labels").replace(".png", ".txt"): LINE}
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert {split for split, _ in boxes} == {"train", "val"}
    assert list(boxes.values()) == [[BOX], [BOX]]
    assert codes == []
    write(tmp_path / "y", {("images/" if layout.startswith("images") else "") + "loose.png": None})
    with pytest.raises(InputError, match=r"loose\.png is not in the folder of a split"):
        yolo2coco(tmp_path / "y", tmp_path / "d")


def test_a_list_of_names_without_labels_is_not_a_yolo_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"obj\.data, or classes.txt and labels"):
        yolo2coco(write(tmp_path / "y", {"classes.txt": "chip\n", "a.png": None}), tmp_path / "c")


CVAT = {
    "obj.data": "classes = 1\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\n",
    "obj.names": "chip\n",
    "train.txt": "data/obj_train_data/a.png\n",
    "valid.txt": "data/obj_valid_data/sub/b.png\n",
    "obj_train_data/a.png": None,
    "obj_train_data/a.txt": LINE,
    "obj_valid_data/sub/b.png": None,
    "obj_valid_data/sub/b.txt": "",
}


def test_darknet_as_cvat_writes_it(tmp_path: Path) -> None:
    boxes, codes = converted(write(tmp_path / "y", CVAT), tmp_path / "c")
    assert boxes == {("train", "obj_train_data/a.png"): [BOX], ("val", "obj_valid_data/sub/b.png"): []}
    assert codes == []


def test_darknet_with_the_paths_of_another_machine(tmp_path: Path) -> None:
    moved = CVAT | {"train.txt": "/home/someone/darknet/data/obj_train_data/a.png\n", "valid.txt": ""}
    boxes, _ = converted(write(tmp_path / "y", moved), tmp_path / "c")
    assert boxes == {("train", "obj_train_data/a.png"): [BOX]}
    (tmp_path / "y/train.txt").write_text("/etc/passwd\n../../etc/passwd\n")
    with pytest.raises(InputError, match="not an image inside"):
        yolo2coco(tmp_path / "y", tmp_path / "d")


MIXED = LINE + "0 0.625 0.625 0.78125 0.625 0.78125 0.833333333 0.625 0.833333333\n"
ROBOFLOW = {
    "data.yaml": "train: ../train/images\nval: ../valid/images\nnc: 1\nnames: ['chip']\n",
    "train/images/t.jpg": None,
    "train/labels/t.txt": MIXED,
    "valid/images/v.jpg": None,
    "valid/labels/v.txt": MIXED,
}


def test_boxes_and_segments_of_one_file_are_kept_with_the_option(tmp_path: Path) -> None:
    source = write(tmp_path / "y", ROBOFLOW)
    with pytest.raises(InputError, match="--mixed keep keeps both"):
        yolo2coco(source, tmp_path / "c")
    boxes, codes = converted(source, tmp_path / "c", YoloOptions(mixed="keep"))
    assert boxes == {("train", "t.jpg"): [BOX, (40, 30, 10, 10)], ("val", "v.jpg"): [BOX, (40, 30, 10, 10)]}
    assert codes == ["mixed-boxes", "mixed-boxes"]
    assert not (tmp_path / "c/masks").exists()  # a pixel mask would show the boxes as background


def test_four_points_are_a_polygon_or_the_box_around_them(tmp_path: Path) -> None:
    line = "0 0.25 0.125 0.5 0.25 0.4375 0.5 0.1875 0.375\n"
    files = {"classes.txt": "chip\n", "images/a.png": None, "labels/a.txt": line}
    source = write(tmp_path / "y", files)
    yolo2coco(source, tmp_path / "polygon")
    (annotation,) = load_dataset(tmp_path / "polygon").splits["train"].annotations
    assert annotation.segmentation
    assert annotation.area < 20 * 18
    boxes, codes = converted(source, tmp_path / "box", YoloOptions(oriented="box"))
    assert list(boxes.values()) == [[(12, 6, 20, 18)]]
    assert codes == ["no-splits", "oriented-box"]


POSE = "train: images\nval: images\nnames: [chip]\nkpt_shape: [2, {}]\n"


@pytest.mark.parametrize(("values", "keypoints"), [(2, "0.2 0.2 0.4 0.4"), (3, "0.2 0.2 2 0.4 0.4 1")])
def test_a_pose_label_is_reduced_to_its_box(tmp_path: Path, values: int, keypoints: str) -> None:
    files = {
        "data.yaml": POSE.format(values),
        "images/a.png": None,
        "labels/a.txt": f"{LINE.strip()} {keypoints}\n",
    }
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert list(boxes.values()) == [[BOX]]
    assert codes == ["empty-split", "keypoints-lost"]
    (tmp_path / "y/labels/a.txt").write_text(f"{LINE.strip()} {keypoints} 0.1 0.1\n")
    with pytest.raises(InputError, match=r"a\.txt:1: \d+ columns, but kpt_shape requires"):
        yolo2coco(tmp_path / "y", tmp_path / "d")


@pytest.mark.parametrize(("key", "split"), [("valid", "val"), ("Validation", "val"), ("testing", "test")])
def test_a_split_under_another_name_is_read_and_reported(tmp_path: Path, key: str, split: str) -> None:
    files = {
        "data.yaml": f"train: train/images\n{key}: other/images\nnames: [chip]\n",
        "train/images/t.png": None,
        "train/labels/t.txt": LINE,
        "other/images/o.png": None,
        "other/labels/o.txt": LINE,
    }
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert boxes == {("train", "t.png"): [BOX], (split, "o.png"): [BOX]}
    assert codes == ["split-alias"]


def test_images_under_an_unknown_key_are_reported_as_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "data.yaml": "train: a/images\nholdout: b/images\nauthor: nobody\nnames: [chip]\n",
        "a/images/t.png": None,
        "a/labels/t.txt": LINE,
        "b/images/h.png": None,
    }
    source = write(tmp_path / "y", files)
    report = yolo2coco(source, tmp_path / "c")
    assert [(event.code, event.value) for event in report.events] == [("unknown-split", "holdout: b/images")]
    assert run_command("convert", "yolo2coco", source, tmp_path / "d", "--strict") == 2
    assert "unknown-split (holdout: b/images)" in only_line(capsys)
    assert "unknown-split" in {finding.code for finding in check(source, Limits()).findings}


@pytest.mark.parametrize("names", ["[no, off, 01, '1:30', 1.10]", "{0: no, 1: off, 2: 01, 3: 1:30, 4: 1.10}"])
def test_class_names_stay_text(tmp_path: Path, names: str) -> None:
    files = {"data.yaml": f"train: images\nnames: {names}\n", "images/a.png": None, "labels/a.txt": LINE}
    converted(write(tmp_path / "y", files), tmp_path / "c")
    assert class_names(tmp_path / "c") == ["no", "off", "01", "1:30", "1.10"]


def test_classes_that_are_only_counted_get_the_names_of_ultralytics(tmp_path: Path) -> None:
    files = {"data.yaml": "train: images\nnc: 2\n", "images/a.png": None, "labels/a.txt": LINE}
    _, codes = converted(write(tmp_path / "y", files), tmp_path / "c")
    assert class_names(tmp_path / "c") == ["class_0", "class_1"]
    assert codes == ["names-made"]


@pytest.mark.parametrize("image_form", ["NFC", "NFD"])
def test_a_label_file_in_the_other_unicode_form_is_found(tmp_path: Path, image_form: str) -> None:
    label_form = {"NFC": "NFD", "NFD": "NFC"}[image_form]
    image = unicodedata.normalize(image_form, "images/größe.png")
    labels = unicodedata.normalize(label_form, "labels/größe.txt")
    files = {"data.yaml": "train: images\nnames: [chip]\n", image: None, labels: LINE}
    boxes, codes = converted(write(tmp_path / "y", files), tmp_path / "c", YoloOptions(unlabelled="negative"))
    assert list(boxes.values()) == [[BOX]]
    assert codes == ["unicode-form"]


def test_darknet_as_roboflow_writes_it(tmp_path: Path) -> None:
    """A list of names in the folder of each split, labels next to the images."""
    for split in ("train", "valid", "test"):
        write(
            tmp_path / "y",
            {f"{split}/{split}_jpg.rf.0a.png": None, f"{split}/{split}_jpg.rf.0a.txt": "1 .5 .5 .5 .5"},
        )
        (tmp_path / f"y/{split}/_darknet.labels").write_text("chip\ndent\n")
    report = yolo2coco(tmp_path / "y", tmp_path / "c")
    assert report.written == {"images": 3, "negatives": 0, "annotations": 3}
    assert {split: len(coco.images) for split, coco in load_dataset(tmp_path / "c").splits.items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }
    assert class_names(tmp_path / "c") == ["chip", "dent"]
    alone = yolo2coco(tmp_path / "y/train", tmp_path / "d")
    assert alone.written["annotations"] == 1
