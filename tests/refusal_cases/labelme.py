"""What labelme2coco refuses."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from convert.labelme2coco import labelme2coco
from tests.labelme_files import png_base64, shape, write_case
from tests.refusal_cases.case import RUN, Case, cases
from tests.refusal_cases.images import break_png, damage_pixels, flip_bit, turn, write_deep, write_png

CHIP = shape("chip", "rectangle", [[10, 8], [30, 20]])
BOX = [[1, 1], [3, 3]]


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def add_link(root: Path) -> None:
    outside = root.parent / "outside.png"
    shutil.move(root / "a.png", outside)
    (root / "a.png").symlink_to(outside)


def add_second(root: Path, image: str) -> None:
    write_case(root, CHIP, name="b", imagePath=image)


def mask_shape(pixels: np.ndarray, points: object = BOX) -> dict[str, object]:
    return shape("chip", "mask", points, mask=png_base64(pixels))


def embedded_and_on_disk(root: Path) -> None:
    """a.json embeds an image that would be named a.png; b.json labels the file a.png."""
    write_case(root, CHIP, imagePath="gone.png", imageData=png_base64(np.full((40, 60), 7)))
    write_case(root, CHIP, name="b", imagePath="a.png")
    (root / "b.png").unlink()


NOISE = png_base64(np.random.default_rng(1).integers(0, 255, (30, 30)))


def long_outline(root: Path) -> None:
    """A saw with 6,000 teeth as wide as the image."""
    teeth = [[k % 2 * 400, k / 20] for k in range(6000)]
    write_case(root, shape("chip", "polygon", teeth), imageWidth=400, imageHeight=300)
    PilImage.new("RGB", (400, 300)).save(root / "a.png")


def deep_tiff(root: Path) -> None:
    write_deep(root / "a.tif")
    (root / "a.tif").write_bytes(cut_strips((root / "a.tif").read_bytes()))
    (root / "a.png").unlink()
    edit(root / "a.json", imagePath="a.tif")


def cut_strips(data: bytes) -> bytes:
    """The file with the pixels zeroed: they can no longer be unpacked."""
    return data[:8] + bytes(2000) + data[2008:]


def not_unicode(root: Path) -> None:
    PilImage.new("L", (60, 40)).save(os.fsencode(root) + b"/\xff.png")


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
    "nested deeply": lambda r: (
        write_case(r, CHIP, name="b"),
        (r / "b.json").write_text('{"shapes":' + "[" * 99_999),
    ),
    "a pipe": lambda r: (write_case(r, CHIP, name="b"), (r / "b.json").unlink(), os.mkfifo(r / "b.json")),
    "a name that is not Unicode": not_unicode,
    "only rejected images": lambda r: edit(r / "a.json", flags={"reject": True}),
    "only images nobody reviewed": lambda r: write_case(r, {**CHIP, "flags": {"unreviewed": True}}),
    "an embedded image of the same name": embedded_and_on_disk,
    "a mask that is not base64": lambda r: write_case(r, shape("chip", "mask", BOX, mask="*")),
    "a damaged mask": lambda r: write_case(r, shape("chip", "mask", [[0, 0], [29, 29]], mask=NOISE[:400])),
    "a mask that is smaller than its box": lambda r: write_case(r, mask_shape(np.ones((3, 3)), [[1, 1], [9, 9]])),
    "a mask that is larger than its image": lambda r: write_case(
        r, mask_shape(np.ones((90, 9)), [[0, 0], [8, 89]])
    ),
    "a coloured mask": lambda r: write_case(r, mask_shape(np.ones((3, 3, 3)))),
    "an outline that is too long": long_outline,
    "an image with a flipped bit": lambda r: flip_bit(r / "a.png"),
    "an image that is text": lambda r: (r / "a.png").write_text("no image"),
    "a large file that is text": lambda r: ((r / "a.png").write_text("no image"), os.truncate(r / "a.png", 2**27)),
    "a file larger than its image": lambda r: os.truncate(r / "a.png", 2**27),
    "an image of more than 2 GiB": lambda r: os.truncate(r / "a.png", 2**32),
    "a truncated JPEG": lambda r: (
        write_case(r, CHIP, imagePath="a.jpg"),
        (r / "a.png").unlink(),
        PilImage.new("RGB", (60, 40)).save(r / "a.jpg"),
        (r / "a.jpg").write_bytes((r / "a.jpg").read_bytes()[:-20]),
    ),
    "an image of too many pixels": lambda r: write_png(r / "a.png", 70_000, 70_000, b""),
    "a deep colour image that EXIF rotates": lambda r: write_deep(r / "a.png", orientation=3),
    "a deep image with damaged pixels": lambda r: write_png(r / "a.png", 60, 40, b"x", depth=16),
    "a deep colour image with damaged pixels": lambda r: write_png(r / "a.png", 60, 40, b"x", depth=16, colour=2),
    "a deep colour TIFF that is cut short": deep_tiff,
    "a rotated image with damaged pixels": lambda r: (
        turn(r / "a.png"),
        damage_pixels(r / "a.png"),
        edit(r / "a.json", imageWidth=40, imageHeight=60),
    ),
    "256 labels": lambda r: write_case(r, *({**CHIP, "label": f"type {k:03}"} for k in range(256))),
}


def with_chip(change: Callable[[Path], object]) -> Callable[[Path], object]:
    def write(root: Path) -> None:
        write_case(root, CHIP)
        change(root)

    return write


CASES: list[Case] = cases(
    "labelme2coco",
    {name: with_chip(change) for name, change in LABELME.items()},
    lambda source, dest: labelme2coco(source, dest, execution=RUN),
)
