"""What masks2coco refuses, checked with the options that state what the masks mean."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from convert.masks2coco import MasksOptions, masks2coco
from convert.report import Report
from datasets.check.check import Checked, check
from datasets.check.facts import Limits
from datasets.check.read_masks import MaskFolders
from datasets.formats.mask_types import MaskTypes, choose_types
from tests.refusal_cases.case import RUN, Case
from tests.small_masks import TWO, save

BINARY = MaskTypes(("crack",))
INDEX = MaskTypes(("dent", "crack"), indices=True)
COLOURS = MaskTypes(colours=(("dent", (250, 0, 0)),))
FOLDERS = MaskTypes(folders=True)
Write = Callable[[Path], object]


def images(root: Path, count: int = 2) -> None:
    random = np.random.default_rng(3)
    for i in range(count):
        save(root / f"images/{i}.png", random.integers(0, 255, (8, 12)))


def binary(change: Write) -> Write:
    """Two images with masks, and a change."""

    def write(root: Path) -> None:
        images(root)
        for i in range(2):
            save(root / f"masks/{i}.png", TWO)
        change(root)

    return write


def one_mask(image: PilImage.Image, name: str = "0.png") -> Write:
    def write(root: Path) -> None:
        images(root)
        (root / "masks").mkdir()
        image.save(root / "masks" / name)

    return write


def coloured(alpha: int = 255, mode: str = "RGBA") -> PilImage.Image:
    values = np.zeros((8, 12, 4), np.uint8)
    values[:, :, 3] = 255
    values[2:4, 2:6] = (250, 0, 0, alpha)
    return PilImage.fromarray(values).convert(mode)


def pages(root: Path) -> None:
    images(root)
    (root / "masks").mkdir()
    first, second = (PilImage.new("L", size, 255) for size in ((12, 8), (6, 4)))
    first.save(root / "masks/0.tif", save_all=True, append_images=[second])


def objects_of_another_size(root: Path) -> None:
    images(root)
    (root / "masks/SegmentationClass").mkdir(parents=True)
    (root / "masks/SegmentationObject").mkdir()
    coloured(mode="RGB").save(root / "masks/SegmentationClass/0.png")
    coloured(mode="RGB").resize((6, 4)).save(root / "masks/SegmentationObject/0.png")


def split_twice(root: Path) -> None:
    objects_of_another_size(root)
    (root / "masks/ImageSets/Segmentation").mkdir(parents=True)
    for split in ("train", "val"):
        (root / f"masks/ImageSets/Segmentation/{split}.txt").write_text("0\n")


def ambiguous(root: Path) -> None:
    """112 may be the second mask of 11 or the twelfth of 1."""
    for k, name in enumerate(("1", "11")):
        save(root / f"images/{name}.png", np.full((8, 12), 7 + k))
    save(root / "masks/112.png", TWO)


def dangling(root: Path) -> None:
    (root / "masks/1.png").unlink()
    (root / "masks/1.png").symlink_to("nothing")


def options_of(masks: Path, types: MaskTypes, pattern: str) -> MasksOptions:
    return MasksOptions(
        masks,
        types.categories,
        indices=types.indices,
        colours=types.colours,
        type_folders=types.folders,
        pattern=pattern,
    )


def case(name: str, write: Write, types: MaskTypes = BINARY, pattern: str = "{stem}", **extra: int) -> Case:
    def convert(source: Path, dest: Path) -> Report:
        return masks2coco(source / "images", dest, options_of(source / "masks", types, pattern), RUN)

    def check_masks(root: Path) -> Checked:
        return check(root / "images", Limits(), jobs=1, masks=MaskFolders(root / "masks", types, pattern))

    return Case(f"masks2coco: {name}", write, convert, check_masks, **extra)


def labelmap(name: str, content: bytes | None) -> Case:
    """Both commands read the labelmap before the masks, and end with the same error."""

    def write(root: Path) -> None:
        binary(bool)(root)
        if content is not None:
            (root / "masks/labelmap.txt").write_bytes(content)

    def types(root: Path) -> MaskTypes:
        given = root / "masks/labelmap.txt"
        return choose_types(root / "images", root / "masks", None, None, (), given, type_folders=False)

    def convert(source: Path, dest: Path) -> Report:
        return masks2coco(source / "images", dest, options_of(source / "masks", types(source), "{stem}"), RUN)

    def check_masks(root: Path) -> Checked:
        return check(root / "images", Limits(), jobs=1, masks=MaskFolders(root / "masks", types(root)))

    return Case(f"masks2coco: {name}", write, convert, check_masks, ends=True)


CASES: list[Case] = [
    case("a mask without an image", binary(lambda r: save(r / "masks/9.png", TWO))),
    case("a second mask", binary(lambda r: save(r / "masks/0.bmp", TWO))),
    case("no mask of any image", binary(lambda r: None), pattern="{stem}_mask", ends=True),
    case("no folder of masks", images, ends=True),
    case("no image", lambda r: (images(r, 0), save(r / "masks/0.png", TWO), (r / "images").mkdir()), ends=True),
    case("only GIF", lambda r: (save(r / "images/0.gif", TWO), save(r / "masks/0.png", TWO)), ends=True),
    case("a mask of two images", ambiguous, pattern="{stem}{n}"),
    case(
        "masks beside the folders of types",
        binary(lambda r: save(r / "masks/dent/1.png", TWO)),
        FOLDERS,
        faults=2,
    ),
    case("values that may be types", binary(lambda r: save(r / "masks/0.png", TWO // 255 * 9))),
    case("a mask of another size", binary(lambda r: save(r / "masks/0.png", TWO[:4]))),
    case("an index that is too large", binary(lambda r: save(r / "masks/0.png", TWO // 255 * 7)), INDEX, faults=2),
    case("an index mask with fractions", one_mask(PilImage.new("F", (12, 8), 1), "0.tif"), INDEX),
    case("an unknown colour", binary(bool), COLOURS, faults=2),
    case("a coloured mask with transparency", one_mask(coloured(90)), COLOURS),
    case("a coloured mask for print", one_mask(coloured(mode="RGB").convert("CMYK"), "0.tif"), COLOURS),
    case("pages of two sizes", pages),
    case("images of one stem", binary(lambda r: save(r / "images/0.bmp", TWO // 2))),
    case("a mask that is a link to nothing", binary(dangling)),
    case("objects of another size", objects_of_another_size, COLOURS),
    case("an image in two splits", split_twice, COLOURS),
    labelmap("a labelmap that is missing", None),
    labelmap("a labelmap that is not text", b"\xff\xfe\xff"),
    labelmap("a labelmap without a colour", b"dent:red::\n"),
    labelmap("a labelmap without a type", b"background:0,0,0::\n"),
    labelmap("a labelmap with a background that is not black", b"background:9,9,9::\ndent:9,0,0::\n"),
    labelmap("a labelmap with a colour twice", b"dent:9,0,0::\nchip:9,0,0::\n"),
]
