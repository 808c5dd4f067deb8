"""`datasets check` reports what a conversion refuses, in the same words."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.coco2labelme import coco2labelme
from convert.coco2masks import coco2masks
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.execution import Execution
from convert.labelme2coco import labelme2coco
from convert.mvtec2coco import MvtecOptions, mvtec2coco
from convert.report import Report
from convert.yolo2coco import yolo2coco
from convert.yolo_labels import Style
from datasets.check.check import check
from datasets.check.facts import Limits
from datasets.check.read_labelme import LabelmeFolder
from datasets.coco import Category, Image, Rle
from datasets.formats.dataset_folder import annotation_path
from system.errors import InputError
from tests.labelme_files import shape, write_case
from tests.small_coco import box_annotation, write_folder

RUN = Execution(jobs=1)
CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])


def reported_by_check(root: Path) -> list[str]:
    try:
        return [finding.value for finding in check(root, Limits(), jobs=1).findings]
    except InputError as error:
        return [error.problem]


def agree(root: Path, convert: Callable[[], Report], dest: Path) -> None:
    with pytest.raises(InputError) as refused:
        convert()
    assert not dest.exists()
    assert refused.value.problem in reported_by_check(root)


def break_png(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def turn(path: Path) -> None:
    with PilImage.open(path) as opened:
        image = opened.copy()
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def add_link(root: Path) -> None:
    outside = root.parent / "outside.png"
    shutil.move(root / "a.png", outside)
    (root / "a.png").symlink_to(outside)


def add_second(root: Path, image: str) -> None:
    write_case(root, CHIP, name="b", imagePath=image)


LABELME: dict[str, Callable[[Path], object]] = {
    "an unknown shape type": lambda r: write_case(r, shape("chip", "spiral", [[1, 1], [9, 9]])),
    "an empty label": lambda r: write_case(r, shape(" ", "rectangle", [[10, 8], [30, 20]])),
    "a rectangle of three corners": lambda r: write_case(
        r, shape("chip", "rectangle", [[10, 8], [30, 8], [30, 20]])
    ),
    "a circle of one point": lambda r: write_case(r, shape("chip", "circle", [[10, 8]])),
    "too many points": lambda r: write_case(
        r, shape("chip", "polygon", [[i % 50, i % 30] for i in range(20_001)])
    ),
    "a mask shape without a mask": lambda r: write_case(r, shape("chip", "mask", [[1, 1], [3, 3]])),
    "a mask that is not a PNG": lambda r: write_case(r, shape("chip", "mask", [[1, 1], [3, 3]], mask="AAAA")),
    "a label that is a number": lambda r: write_case(r, {**CHIP, "label": 3}),
    "a group that is a list": lambda r: write_case(r, {**CHIP, "group_id": [1]}),
    "not a number": lambda r: write_case(r, shape("chip", "rectangle", [[float("nan"), 8], [30, 20]])),
    "half a file": lambda r: (r / "a.json").write_text((r / "a.json").read_text()[:80]),
    "a missing image": lambda r: (r / "a.png").unlink(),
    "an image path outside": lambda r: ((r / "a.png").unlink(), edit(r / "a.json", imagePath="../../b.png")),
    "an image of an unknown kind": lambda r: ((r / "a.png").unlink(), edit(r / "a.json", imagePath="a.gif")),
    "image data that is not base64": lambda r: ((r / "a.png").unlink(), edit(r / "a.json", imageData="iVBO*w0K")),
    "image data that is not an image": lambda r: ((r / "a.png").unlink(), edit(r / "a.json", imageData="AAAA")),
    "a broken image": lambda r: break_png(r / "a.png"),
    "an image of another size": lambda r: edit(r / "a.json", imageWidth=61),
    "an image labelled twice": lambda r: (add_second(r, "a.png"), (r / "b.png").unlink()),
    "a link that leads outside": add_link,
    "images of one stem": lambda r: (
        write_case(r, CHIP, name="b", imagePath="a.jpg"),
        (r / "b.png").rename(r / "b.bin"),
        PilImage.new("RGB", (60, 40), (9, 9, 9)).save(r / "a.jpg"),
    ),
}


@pytest.mark.parametrize("case", list(LABELME))
def test_labelme2coco(tmp_path: Path, case: str) -> None:
    write_case(tmp_path / "src", CHIP)
    LABELME[case](tmp_path / "src")
    dest = tmp_path / "out"
    agree(tmp_path / "src", lambda: labelme2coco(tmp_path / "src", dest, execution=RUN), dest)


def test_a_fault_of_every_file_is_reported_for_every_file(tmp_path: Path) -> None:
    for name in "abcde":
        write_case(tmp_path, {**CHIP, "group_id": [1]}, name=name)
    checked = check(tmp_path, Limits(), jobs=1)
    assert checked.format == "labelme folder"
    faults = [(finding.file, finding.code) for finding in checked.findings]
    assert faults == [(f"{name}.json", "unreadable-labels") for name in "abcde"]
    assert all("group_id" in finding.value for finding in checked.findings)


def test_json_of_other_programs_is_not_a_labelme_folder(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x"}')
    with pytest.raises(InputError, match="neither an MVTec tree nor"):
        check(tmp_path, Limits(), jobs=1)


def test_images_of_another_case_are_found_by_check_as_by_the_conversion(tmp_path: Path) -> None:
    for i in range(3):
        rng = np.random.default_rng(i)
        write_case(tmp_path / "src", CHIP, name=f"pic{i}", imagePath=f"PIC{i}.PNG")
        PilImage.fromarray(rng.integers(0, 255, (40, 60), np.uint8)).save(tmp_path / f"src/pic{i}.png")
    report = labelme2coco(tmp_path / "src", tmp_path / "out", execution=RUN)
    assert report.events == []
    assert check(tmp_path / "src", Limits(imgsz=60), jobs=1).findings == []


def test_a_circle_has_the_pixels_of_the_conversion(tmp_path: Path) -> None:
    """A polygon of 64 corners covers 0.2 % less than the disc."""
    write_case(tmp_path / "src", shape("dent", "circle", [[30, 20], [30, 35.3]]))
    labelme2coco(tmp_path / "src", tmp_path / "out", execution=RUN)
    coco = json.loads(annotation_path(tmp_path / "out", "train").read_text())
    listing = LabelmeFolder().list_entries(tmp_path / "src")
    assert listing is not None
    (annotation,) = LabelmeFolder().read(listing.entries[0], 60, 40).annotations
    assert annotation.area == coco["annotations"][0]["area"]
    assert annotation.box == pytest.approx((14.7, 4.7, 30.6, 30.6))


def tree(root: Path) -> Path:
    for k, folder in enumerate(("train/good", "test/good", "test/dent")):
        (root / folder).mkdir(parents=True)
        rng = np.random.default_rng(k)
        PilImage.fromarray(rng.integers(0, 255, (40, 60), np.uint8)).save(root / folder / "000.png")
    write_mask(root / "ground_truth/dent/000_mask.png")
    return root


def write_mask(path: Path, size: tuple[int, int] = (40, 60), value: int = 255) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(size, np.uint8)
    mask[5:20, 10:30] = value
    PilImage.fromarray(mask).save(path)


def grey_mask(path: Path) -> None:
    PilImage.fromarray((np.arange(2400) % 200).astype(np.uint8).reshape(40, 60)).save(path)


MASK = "ground_truth/dent/000_mask.png"
TREE: dict[str, Callable[[Path], object]] = {
    "a defect without a mask": lambda r: shutil.copy(r / "test/dent/000.png", r / "test/dent/001.png"),
    "no masks for a type": lambda r: (r / MASK).unlink(),
    "a mask without an image": lambda r: write_mask(r / "ground_truth/dent/009_mask.png"),
    "a second mask": lambda r: write_mask(r / "ground_truth/dent/000.png"),
    "images of one stem": lambda r: PilImage.new("L", (60, 40)).save(r / "test/dent/000.bmp"),
    "a defect type in train": lambda r: shutil.copytree(r / "train/good", r / "train/dent"),
    "a mask of another size": lambda r: write_mask(r / MASK, (40, 50)),
    "a grey mask": lambda r: grey_mask(r / MASK),
    "a black mask": lambda r: write_mask(r / MASK, value=0),
    "a broken mask": lambda r: break_png(r / MASK),
    "the mask of a good image": lambda r: write_mask(r / "ground_truth/good/000_mask.png"),
    "a broken image": lambda r: break_png(r / "test/dent/000.png"),
    "an image that EXIF rotates": lambda r: turn(r / "test/dent/000.png"),
}


@pytest.mark.parametrize("case", list(TREE))
def test_mvtec2coco(tmp_path: Path, case: str) -> None:
    root, dest = tree(tmp_path / "part"), tmp_path / "out"
    TREE[case](root)
    agree(root, lambda: mvtec2coco([root], dest, MvtecOptions(), RUN), dest)


def test_a_tree_of_another_layout_that_does_not_pair_is_broken(tmp_path: Path) -> None:
    for folder in ("kos01", "kos02"):
        (tmp_path / "ksdd" / folder).mkdir(parents=True)
        PilImage.new("L", (60, 40), 9).save(tmp_path / "ksdd" / folder / "Part0.jpg")
        write_mask(tmp_path / "ksdd" / folder / "Part0_label.bmp")
    (tmp_path / "ksdd/kos02/Part0.jpg").unlink()
    agree(
        tmp_path / "ksdd",
        lambda: mvtec2coco([tmp_path / "ksdd"], tmp_path / "out", execution=RUN),
        tmp_path / "out",
    )
    assert [f.code for f in check(tmp_path / "ksdd", Limits(), jobs=1).findings] == ["broken-tree"]


IMAGE = Image(1, "a.png", 60, 40)
BOX = box_annotation(1, 1, 3, (10, 8, 20, 12))


def coco(root: Path, *, image: Image = IMAGE, segmentation: object = None) -> Path:
    annotation = box_annotation(1, 1, 3, (10, 8, 20, 12), segmentation or [[10, 8, 30, 8, 30, 20, 10, 20]])
    return write_folder(root, {"train": [image]}, [annotation], [Category(3, "dent")])


def both_stems(root: Path) -> Path:
    members = {"train": [IMAGE, Image(2, "a.jpg", 60, 40)]}
    return write_folder(root, members, [BOX], [Category(3, "dent")])


def with_json(root: Path, change: Callable[[dict], object]) -> Path:
    path = annotation_path(coco(root), "train")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return root


COCO: dict[str, Callable[[Path], Path]] = {
    "a mask of another size": lambda r: coco(r, segmentation=Rle((40, 61), [0, 2440])),
    "run lengths that do not fill": lambda r: coco(r, segmentation=Rle((40, 60), [3, 9])),
    "a polygon far away": lambda r: coco(r, segmentation=[[10, 8, 1e6, 8, 30, 20]]),
    "an unknown image id": lambda r: with_json(r, lambda c: c["annotations"][0].update(image_id=9)),
    "an unknown category id": lambda r: with_json(r, lambda c: c["annotations"][0].update(category_id=9)),
    "an id that occurs twice": lambda r: with_json(r, lambda c: c["annotations"].append(c["annotations"][0])),
    "a size of 0": lambda r: with_json(r, lambda c: c["images"][0].update(width=0)),
    "an image listed twice": lambda r: with_json(r, lambda c: c["images"].append({**c["images"][0], "id": 2})),
    "a key that is misspelt": lambda r: with_json(r, lambda c: c.update(image=c.pop("images"))),
}
OUT: dict[str, Callable[[Path, Path], Report]] = {
    "coco2masks": lambda source, dest: coco2masks(source, dest, execution=RUN),
    "coco2yolo": lambda source, dest: coco2yolo(source, dest, YoloExportOptions(style=Style(segments=True)), RUN),
    "coco2labelme": lambda source, dest: coco2labelme(source, dest, execution=RUN),
}
OF_IMAGES: dict[str, Callable[[Path], object]] = {
    "a broken image": lambda r: break_png(r / "images/a.png"),
    "an image of another size": lambda r: PilImage.new("RGB", (61, 40)).save(r / "images/a.png"),
    "an image that EXIF rotates": lambda r: (
        PilImage.new("RGB", (40, 60)).save(r / "images/a.png"),
        turn(r / "images/a.png"),
    ),
}


@pytest.mark.parametrize("name", list(OUT))
@pytest.mark.parametrize("case", list(COCO))
def test_conversions_of_coco(tmp_path: Path, case: str, name: str) -> None:
    root, dest = COCO[case](tmp_path / "c"), tmp_path / "out"
    agree_on_coco(root, lambda: OUT[name](root, dest), dest)


@pytest.mark.parametrize("name", ["coco2yolo", "coco2labelme"])
@pytest.mark.parametrize("case", list(OF_IMAGES))
def test_conversions_of_coco_that_read_images(tmp_path: Path, case: str, name: str) -> None:
    root, dest = coco(tmp_path / "c"), tmp_path / "out"
    OF_IMAGES[case](root)
    agree(root, lambda: OUT[name](root, dest), dest)


def agree_on_coco(root: Path, convert: Callable[[], Report], dest: Path) -> None:
    """As `agree`; where nothing can be read, the check states it and repeats the problem."""
    with pytest.raises(InputError) as refused:
        convert()
    assert not dest.exists()
    assert any(refused.value.problem in value for value in reported_by_check(root))


YOLO: dict[str, str] = {
    "columns that are missing": "0 0.5 0.5 0.2\n",
    "a class that is unknown": "3 0.5 0.5 0.2 0.2\n",
    "words": "dent 0.5 0.5 0.2 0.2\n",
    "a coordinate in pixels": "0 50 40 20 20\n",
    "a negative size": "0 0.5 0.5 -0.2 0.2\n",
    "not a number": "0 nan 0.5 0.2 0.2\n",
}


def yolo(root: Path, text: str) -> Path:
    for k, split in enumerate(("train", "val")):
        for kind in ("images", "labels"):
            (root / kind / split).mkdir(parents=True)
        values = np.random.default_rng(k).integers(0, 255, (40, 60), np.uint8)
        PilImage.fromarray(values).save(root / f"images/{split}/{k}.png")
        (root / f"labels/{split}/{k}.txt").write_text(text if k else "0 0.5 0.5 0.2 0.2\n")
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [dent]\n")
    return root


@pytest.mark.parametrize("case", list(YOLO))
def test_yolo2coco(tmp_path: Path, case: str) -> None:
    root, dest = yolo(tmp_path / "y", YOLO[case]), tmp_path / "out"
    agree(root, lambda: yolo2coco(root, dest, execution=RUN), dest)


@pytest.mark.parametrize("name", list(OUT))
def test_images_of_one_stem(tmp_path: Path, name: str) -> None:
    """The file that would be overwritten has another name in each conversion."""
    root, dest = both_stems(tmp_path / "c"), tmp_path / "out"
    with pytest.raises(InputError, match=r"name differs from a\.jpg only in the extension"):
        OUT[name](root, dest)
    assert not dest.exists()
    assert "its name differs from a.jpg only in the extension" in reported_by_check(root)
