"""Faults of an image that every conversion meets: each conversion, with an image that a test damages."""

import os
from collections.abc import Callable
from pathlib import Path

from PIL import Image as PilImage

from convert.labelme2coco import labelme2coco
from convert.mvtec2coco import mvtec2coco
from tests.labelme_files import write_case
from tests.refusal_cases import coco, labelme, masks, tools, trees, yolo
from tests.refusal_cases.case import RUN, Case, Convert
from tests.refusal_cases.images import break_png, damage_pixels, flip_bit, turn, write_deep, write_png

Damage = Callable[[Path], object]


def link_outside(path: Path) -> None:
    outside = next(folder for folder in path.parents if folder.name == "source").parent / "outside.png"
    path.rename(outside)
    path.symlink_to(outside)


DAMAGE: dict[str, Damage] = {
    "text": lambda path: path.write_text("no image"),
    "truncated": break_png,
    "a flipped bit": flip_bit,
    "too many pixels": lambda path: write_png(path, 70_000, 70_000, b""),
    "rotated by EXIF": turn,
    "rotated by EXIF and damaged": lambda path: (turn(path), damage_pixels(path)),
    "deep colours rotated by EXIF": lambda path: write_deep(path, orientation=6),
    "deep and damaged": lambda path: write_png(path, 60, 40, b"x", depth=16),
    "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nothing.png")),
    "a link that leads outside": link_outside,
    "more than 2 GiB": lambda path: os.truncate(path, 2**32),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
}


def masks_of_two(root: Path) -> None:
    masks.binary(bool)(root)


def grey(path: Path) -> Path:
    """The image with 8 bits and no palette, so that each damage can be done to it."""
    PilImage.open(path).convert("RGB").save(path)
    return path


WITH_IMAGES: dict[str, tuple[Callable[[Path], object], str, Convert]] = {
    "labelme2coco": (
        lambda root: write_case(root, labelme.CHIP),
        "a.png",
        lambda source, dest: labelme2coco(source, dest, execution=RUN),
    ),
    "mvtec2coco": (trees.tree, "test/dent/000.png", lambda s, d: mvtec2coco([s], d, execution=RUN)),
    "coco2yolo": (coco.coco, "images/a.png", coco.OUT["coco2yolo"]),
    "coco2labelme": (coco.coco, "images/a.png", coco.OUT["coco2labelme"]),
    "coco2masks": (coco.coco, "images/a.png", coco.OUT["coco2masks"]),
    "coco2coco": (coco.coco, "images/a.png", coco.OUT["coco2coco"]),
    "coco2coco --to cvat": (coco.coco, "images/a.png", coco.to("cvat")),
    "yolo2coco": (lambda root: yolo.yolo(root, yolo.GOOD), "images/train/a.png", yolo.convert),
    "voc2coco": (tools.voc(), "a.png", tools.CONVERT["voc"]),
    "cvat2coco": (tools.cvat(tools.BOX), "a.png", tools.CONVERT["cvat"]),
    "labelstudio2coco": (
        tools.labelstudio(tools.task("a.png", tools.result("rectanglelabels", tools.RECT))),
        "a.png",
        tools.CONVERT["labelstudio"],
    ),
    "via2coco": (tools.via(tools.via_record("a.png", tools.RECT)), "a.png", tools.CONVERT["via"]),
    "csv2coco": (
        tools.csv("a.png,64,48,chip,2,2,9,9"),
        "a.png",
        lambda source, dest: tools.CONVERT["csv"](source / "table.csv", dest),
    ),
    "masks2coco": (masks_of_two, "images/0.png", masks.case("", masks_of_two).convert),
}


def image_case(command: str, damage: str) -> Case:
    """The conversion `command` of a clean input, in which one image is damaged."""
    write, image, convert = WITH_IMAGES[command]

    def write_damaged(root: Path) -> None:
        write(root)
        DAMAGE[damage](grey(root / image))

    check = masks.case("", masks_of_two).check if command == "masks2coco" else Case("", write, convert).check
    return Case(f"{command}: {damage}", write_damaged, convert, check)
