"""What the conversions from COCO refuse."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from PIL import Image as PilImage

from convert.coco2coco import CocoOptions, coco2coco
from convert.coco2labelme import coco2labelme
from convert.coco2masks import coco2masks
from convert.coco2yolo import YoloExportOptions, coco2yolo
from convert.report import Report
from convert.yolo_labels import Style
from datasets.coco import Category, Image, Rle
from datasets.formats.dataset_folder import annotation_path
from tests.refusal_cases.case import RUN, Case, Convert, cases
from tests.refusal_cases.images import break_png, damage_pixels, turn
from tests.small_coco import box_annotation, write_folder

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


def in_two_files(root: Path) -> Path:
    with_json(root, lambda c: annotation_path(root, "val").write_text(json.dumps(c)))
    return root


def same_names(root: Path) -> Path:
    """Two files of one split list a.png, each with an image in a folder of its own."""
    content = json.loads(annotation_path(coco(root / "x"), "train").read_text())
    for k, name in enumerate(("a_train", "b_train")):
        (root / name).mkdir()
        PilImage.new("RGB", (60, 40), (k, 9, 9)).save(root / name / "a.png")
        (root / f"{name}.json").write_text(json.dumps(content))
    shutil.rmtree(root / "x")
    return root


COCO: dict[str, Callable[[Path], Path]] = {
    "a mask of another size": lambda r: coco(r, segmentation=Rle((40, 61), [0, 2440])),
    "run lengths that do not fill": lambda r: coco(r, segmentation=Rle((40, 60), [3, 9])),
    "a polygon far away": lambda r: coco(r, segmentation=[[10, 8, 1e6, 8, 30, 20]]),
    "an unknown image id": lambda r: with_json(r, lambda c: c["annotations"][0].update(image_id=9)),
    "an unknown category id": lambda r: with_json(r, lambda c: c["annotations"][0].update(category_id=9)),
    "a category without a name": lambda r: with_json(r, lambda c: c["categories"][0].update(name="")),
    "an id that occurs twice": lambda r: with_json(r, lambda c: c["annotations"].append(c["annotations"][0])),
    "a size of 0": lambda r: with_json(r, lambda c: c["images"][0].update(width=0)),
    "an image listed twice": lambda r: with_json(r, lambda c: c["images"].append({**c["images"][0], "id": 2})),
    "a key that is misspelt": lambda r: with_json(r, lambda c: c.update(image=c.pop("images"))),
    "a ring of an odd number of values": lambda r: coco(r, segmentation=[[10, 8, 30, 8, 30, 20, 10]]),
    "more pixels than run lengths count": lambda r: with_json(
        r, lambda c: c["images"][0].update(width=70_000, height=70_000)
    ),
    "a file name that is empty": lambda r: with_json(r, lambda c: c["images"][0].update(file_name="/")),
    "half a file": lambda r: half(annotation_path(coco(r), "train")),
    "nothing labelled": lambda r: with_json(r, lambda c: c.update(annotations=[], categories=[])),
    "an image listed under two names": lambda r: with_json(
        r, lambda c: c["images"].append({**c["images"][0], "id": 2, "file_name": "x/a.png"})
    ),
    "an image in two files": in_two_files,
    "images of one name in two files": same_names,
    "a file that names no split": lambda r: with_json(
        r, lambda c: (r / "annotations/instances_default.json").write_text(json.dumps(c))
    ),
}


def half(path: Path) -> None:
    path.write_text(path.read_text()[:99])


OUT: dict[str, Callable[[Path, Path], Report]] = {
    "coco2masks": lambda source, dest: coco2masks(source, dest, execution=RUN),
    "coco2yolo": lambda source, dest: coco2yolo(source, dest, YoloExportOptions(style=Style(segments=True)), RUN),
    "coco2labelme": lambda source, dest: coco2labelme(source, dest, execution=RUN),
    "coco2coco": lambda source, dest: coco2coco(source, dest, execution=RUN),
}
OF_IMAGES: dict[str, Callable[[Path], object]] = {
    "a broken image": lambda r: break_png(r / "images/a.png"),
    "an image of another size": lambda r: PilImage.new("RGB", (61, 40)).save(r / "images/a.png"),
    "an image that EXIF rotates": lambda r: (
        PilImage.new("RGB", (40, 60)).save(r / "images/a.png"),
        turn(r / "images/a.png"),
    ),
    "a missing image": lambda r: (r / "images/a.png").unlink(),
}
FLIPPED = Image(1, "a.png", 41, 61)


def exif(root: Path, *, size: tuple[int, int], listed: Image = IMAGE) -> None:
    """An image of `size` (width, height) as stored, which EXIF rotates by 90 degrees."""
    coco(root, image=listed)
    PilImage.new("RGB", size).save(root / "images/a.png")
    turn(root / "images/a.png")


def upside_down(root: Path) -> None:
    coco(root)
    image = PilImage.open(root / "images/a.png")
    data = image.getexif()
    data[0x0112] = 3
    image.save(root / "images/a.png", exif=data)


def rotated_and_damaged(root: Path) -> None:
    exif(root, size=(40, 60))
    damage_pixels(root / "images/a.png")


def many_categories(root: Path) -> Path:
    boxes = [box_annotation(k, 1, k, (10, 8, 20, 12), [[10, 8, 30, 8, 30, 20]]) for k in range(1, 257)]
    return write_folder(root, {"train": [IMAGE]}, boxes, [Category(k, f"type {k:03}") for k in range(1, 257)])


def with_image(change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: (coco(root), change(root))


def only_crowd(root: Path) -> Path:
    return with_json(root, lambda c: c["annotations"][0].update(iscrowd=1))


def no_category(root: Path) -> Path:
    """A dataset folder that defectline wrote, whose images are all good."""
    write_folder(root, {"train": [IMAGE]}, [], [])
    (root / "dataset.json").write_text("{}")
    return root


def to(tool: str) -> Convert:
    options = CocoOptions(to=tool)
    return lambda source, dest: coco2coco(source, dest, options, RUN)


TO = ("cvat", "labelstudio", "roboflow", "xanylabeling")
CASES: list[Case] = [
    *(case for name, convert in OUT.items() for case in cases(name, COCO, convert)),
    *(
        case
        for name in ("coco2yolo", "coco2labelme", "coco2coco")
        for case in cases(name, {k: with_image(change) for k, change in OF_IMAGES.items()}, OUT[name])
        if not (name == "coco2coco" and case.name.endswith("EXIF rotates"))  # it turns the image upright
    ),
    *(
        Case(f"coco2coco --to {tool}: {name}", with_image(OF_IMAGES[name]), to(tool))
        for tool in TO
        for name in OF_IMAGES
    ),
    *cases(
        "coco2coco",
        {
            "an image that EXIF turns upside down": upside_down,
            "an image that EXIF rotates, of another size": lambda r: exif(r, size=(40, 60), listed=FLIPPED),
            "a damaged image that EXIF rotates": rotated_and_damaged,
            "only ignore regions": only_crowd,
            "256 categories": many_categories,
            "boxes written as corners": lambda r: with_json(
                r, lambda c: c["annotations"][0].update(bbox=[30, 20, 50, 32], segmentation=[])
            ),
        },
        OUT["coco2coco"],
    ),
    Case("coco2masks: 256 categories", many_categories, OUT["coco2masks"]),
    Case("coco2yolo: no category", no_category, OUT["coco2yolo"]),
    *(Case(f"{name}: images of one stem", both_stems, convert) for name, convert in OUT.items()),
]
