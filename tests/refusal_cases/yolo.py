"""What yolo2coco refuses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from convert.report import Report
from convert.yolo2coco import yolo2coco
from tests.refusal_cases.case import RUN, Case

YAML = "train: images/train\nval: images/val\nnames: [dent]\n"
BOX = "0 0.5 0.5 0.2 0.2\n"
SEGMENT = "0 0.1 0.1 0.4 0.1 0.4 0.5\n"


def yolo(root: Path, labels: dict[str, str], described: str = YAML) -> Path:
    """A YOLO folder with these label files by split/stem, each with an image of its own."""
    for k, (name, text) in enumerate(labels.items()):
        for kind in ("images", "labels"):
            (root / kind / name).parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(k).integers(0, 255, (40, 60), np.uint8)
        PilImage.fromarray(values).save(root / f"images/{name}.png")
        (root / f"labels/{name}.txt").write_text(text)
    (root / "data.yaml").write_text(described)
    return root


POSE = "0 0.7 0.4 0.2 0.3 0.68 0.4 0.72 0.42\n"
GOOD = {"train/a": BOX, "train/b": BOX, "val/c": BOX}


def second_ending(root: Path) -> None:
    values = np.random.default_rng(9).integers(0, 255, (40, 60), np.uint8)
    PilImage.fromarray(values).save(root / "images/train/a.jpg")


LABELS: dict[str, tuple[dict[str, str], str, Callable[[Path], object], int]] = {
    "every bad line": (GOOD | {"train/a": "3 0.5 0.5 0.2 0.2\n0 9 0.5 0.2 0.2\n", "val/c": "x\n"}, YAML, bool, 3),
    "a file that is not text": (GOOD, YAML, lambda r: (r / "labels/train/a.txt").write_bytes(b"\xff\xfe\xff"), 1),
    "one file of boxes among segments": (
        {"train/a": BOX, "train/b": SEGMENT, "val/c": SEGMENT, "val/d": SEGMENT},
        YAML,
        bool,
        1,
    ),
    "files of segments among boxes": (GOOD | {"train/s": SEGMENT, "val/t": SEGMENT}, YAML, bool, 2),
    "boxes and segments in one file": (GOOD | {"train/a": BOX + SEGMENT}, YAML, bool, 1),
    "keypoints without kpt_shape": (dict.fromkeys(GOOD, POSE), YAML, bool, 1),
    "two images with one label file": (GOOD, YAML, second_ending, 1),
    "an image in two splits": (GOOD, YAML.replace("images/val", "[images/val, images/train]"), bool, 2),
}


DESCRIBED = {
    "no names": "train: images/train\nval: images/val\n",
    "names that are not a list": YAML.replace("[dent]", "dent"),
    "numbers that skip one": YAML.replace("[dent]", "{0: dent, 2: chip}"),
    "a name twice": YAML.replace("[dent]", "[dent, dent]"),
    "an empty name": YAML.replace("[dent]", "[dent, '']"),
    "another count": YAML + "nc: 3\n",
    "a folder that is missing": YAML.replace("images/val", "images/valid"),
    "a split that is a number": YAML.replace("images/val", "3"),
    "a path that is missing": "path: elsewhere\n" + YAML,
    "a path that is a number": "path: 3\n" + YAML,
    "keypoints that are text": YAML + "kpt_shape: many\n",
    "not a mapping": "- train\n",
    "not YAML": "train: [images\n",
}
LINES: dict[str, str] = {
    "columns that are missing": "0 0.5 0.5 0.2\n",
    "a class that is unknown": "3 0.5 0.5 0.2 0.2\n",
    "a class that is not a whole number": "0.5 0.5 0.5 0.2 0.2\n",
    "words": "dent 0.5 0.5 0.2 0.2\n",
    "a coordinate in pixels": "0 50 40 20 20\n",
    "a negative size": "0 0.5 0.5 -0.2 0.2\n",
    "a size just below 0": "0 0.5 0.5 -0.005 0.2\n",
    "not a number": "0 nan 0.5 0.2 0.2\n",
    "a box before its segment": "0 0.3 0.3 0.2 0.2 0.2 0.2 0.4 0.2 0.4 0.4 0.2 0.4\n",
}


NO_TEXT = b"\xff\xfe\xff"
OBJ_DATA = "names = obj.names\ntrain = train.txt\n"
NAMES = [f"type{k:03}" for k in range(256)]
MIXED = {"one file of boxes among segments", "files of segments among boxes", "boxes and segments in one file"}


def damaged(labels: dict[str, str], text: str, damage: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: damage(yolo(root, labels, text))


def convert(source: Path, dest: Path) -> Report:
    return yolo2coco(source, dest, execution=RUN)


def described(text: str | bytes, labels: dict[str, str] = GOOD) -> Callable[[Path], object]:
    """A good folder whose data.yaml has another content."""

    def write(root: Path) -> None:
        yolo(root, labels)
        (root / "data.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def instead(files: dict[str, str | bytes], *, images: bool = True) -> Callable[[Path], object]:
    """Files that describe the folder instead of a data.yaml."""

    def write(root: Path) -> None:
        yolo(root, GOOD)
        (root / "data.yaml").unlink()
        for name, content in files.items():
            (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        for path in [] if images else list(root.rglob("*.png")):
            path.unlink()

    return write


def image_outside_splits(root: Path) -> None:
    instead({"classes.txt": "dent\n"})(root)
    PilImage.new("L", (60, 40)).save(root / "images/z.png")


def folder_of_names(root: Path) -> None:
    instead({"obj.data": OBJ_DATA, "train.txt": ""})(root)
    (root / "obj.names").mkdir()


def one_name(root: Path) -> None:
    """Two images of one split that are one file on Windows and macOS."""
    yolo(root, GOOD | {"val/q": BOX, "val/Q": BOX})


def no_images(root: Path) -> None:
    yolo(root, GOOD)
    for path in list(root.rglob("*.png")):
        path.unlink()


def other_names(root: Path) -> None:
    """Roboflow's "YOLO Darknet" with other names in another split."""
    for split, names in (("train", "dent"), ("valid", "crack")):
        (root / split).mkdir(parents=True)
        PilImage.new("L", (60, 40)).save(root / split / f"{split}.png")
        (root / split / f"{split}.txt").write_text("0 .5 .5 .2 .2\n")
        (root / split / "_darknet.labels").write_text(f"{names}\n")


OTHERS: dict[str, Callable[[Path], object]] = {
    "no image": no_images,
    "names that differ between splits": other_names,
    "names that differ in case": one_name,
    "256 classes": described("train: images/train\nval: images/val\nnames: [" + ", ".join(NAMES) + "]\n"),
    "a list that is not text": lambda r: (
        described("train: list.bin\nnames: [dent]\n")(r),
        (r / "list.bin").write_bytes(b"\xff\xfe\xff"),
    ),
    "boxes written as corners": described(YAML, {"train/a": "0 .1 .1 .3 .3\n", "val/b": "0 .7 .6 .9 .8\n"}),
    "boxes written from their corner": described(
        YAML, {"train/a": "0 .02 .1 .3 .3\n0 .6 .01 .2 .4\n", "val/b": "0 .05 .5 .4 .2\n"}
    ),
    "a list of mappings": described(YAML.replace("[dent]", "[{0: dent}]")),
    "classes numbered from 1": instead({"classes.txt": "1: dent\n2: chip\n"}),
    "classes as YAML": instead({"classes.txt": "names:\n  0: dent\n"}),
    "classes on one line": instead({"classes.txt": "dent,chip\n"}),
    "a list with an image that is missing": lambda r: (
        described("train: list.txt\nnames: [dent]\n")(r),
        (r / "list.txt").write_text("images/train/zz.png\n"),
    ),
    "one class of two numbers": described(YAML.replace("[dent]", "{0: dent, 00: chip}")),
    "classes that are not text": instead({"classes.txt": NO_TEXT}),
    "classes that are missing": instead({"classes.txt": "\n"}),
    "classes of one name": instead({"classes.txt": "dent\ndent\n"}),
    "classes without images": instead({"classes.txt": "dent\n"}, images=False),
    "an image beside the folders of splits": image_outside_splits,
    "a folder called obj.names": folder_of_names,
    "names that are missing": instead({"obj.data": OBJ_DATA, "train.txt": ""}),
    "a list that is missing": instead({"obj.data": OBJ_DATA, "obj.names": "dent\n"}),
    "columns of keypoints that are missing": described(
        YAML + "kpt_shape: [2, 2]\n", GOOD | {"train/a": "0 0.5 0.5 0.2 0.2 0.1\n"}
    ),
}
CASES: list[Case] = [
    *(
        Case(f"yolo2coco: {name}", damaged(labels, text, damage), convert, faults=faults, own_code=name in MIXED)
        for name, (labels, text, damage, faults) in LABELS.items()
    ),
    *(Case(f"yolo2coco: {name}", described(text), convert) for name, text in DESCRIBED.items()),
    *(
        Case(f"yolo2coco: {name}", damaged(GOOD | {"train/b": line}, YAML, bool), convert)
        for name, line in LINES.items()
    ),
    *(Case(f"yolo2coco: {name}", write, convert) for name, write in OTHERS.items()),
]
