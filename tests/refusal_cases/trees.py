"""What mvtec2coco refuses, in the layout of MVTec AD and in the others."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image as PilImage

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.check.check import check
from datasets.check.facts import Limits
from tests.datasets.formats.layouts.test_layouts import TREES
from tests.refusal_cases.case import RUN, Case, cases
from tests.refusal_cases.images import break_png, turn, write_png
from tests.refusal_cases.layouts import FAULTS


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


def rgba(colour: int, alpha: int) -> PilImage.Image:
    """A colour on a part of the image; elsewhere black and opaque."""
    values = np.zeros((40, 60, 4), np.uint8)
    values[:, :, 3] = 255
    values[5:20, 10:30] = (colour, colour, colour, alpha)
    return PilImage.fromarray(values)


def palette(*indices: int) -> PilImage.Image:
    values = np.zeros((40, 60), np.uint8)
    for k, index in enumerate(indices):
        values[5:20, 10 * k : 10 * k + 8] = index
    image = PilImage.fromarray(values, "P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    return image


def two_pages(path: Path) -> None:
    page = PilImage.new("L", (60, 40), 255)
    page.save(path, "TIFF", save_all=True, append_images=[page])


def many_types(root: Path) -> None:
    for k in range(256):
        name = f"type{k:03}"
        (root / f"test/{name}").mkdir()
        shutil.copy(root / "test/dent/000.png", root / f"test/{name}/000.png")
        write_mask(root / f"ground_truth/{name}/000_mask.png")


def linked_outside(root: Path) -> None:
    (root / "test/dent/000.png").rename(root.parent / "outside.png")
    (root / "test/dent/000.png").symlink_to(root.parent / "outside.png")


def large_pair(root: Path, packed: bytes) -> None:
    """An image and a mask of 20,000 x 20,000 pixels; only the header of the image is read."""
    for name in (MASK, "test/dent/000.png"):
        write_png(root / name, 20_000, 20_000, packed)


def no_image(root: Path) -> None:
    for path in list(root.rglob("*.png")):
        path.unlink()


def only_good(root: Path) -> None:
    shutil.rmtree(root / "test/dent")
    shutil.rmtree(root / "ground_truth")


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
    "a mask of a good image": lambda r: write_mask(r / "ground_truth/good/000_mask.png"),
    "a broken image": lambda r: break_png(r / "test/dent/000.png"),
    "an image that EXIF rotates": lambda r: turn(r / "test/dent/000.png"),
    "no defective image": only_good,
    "no image": no_image,
    "a link that leads outside": linked_outside,
    "a mask of too many megapixels": lambda r: large_pair(r, bytes(60_000)),
    "good images of one stem": lambda r: PilImage.new("L", (60, 40)).save(r / "train/good/000.bmp"),
    "256 defect types": many_types,
    "a coloured mask": lambda r: PilImage.new("RGB", (60, 40), (255, 0, 0)).save(r / MASK),
    "a mask with a value where it is transparent": lambda r: rgba(200, 0).save(r / MASK),
    "a mask drawn by its transparency": lambda r: rgba(0, 90).save(r / MASK),
    "a palette mask of types": lambda r: palette(1, 2).save(r / MASK),
    "a mask that is text": lambda r: (r / MASK).write_text("no image"),
    "a mask of many pixels in few bytes": lambda r: large_pair(r, b"x"),
    "a mask with damaged pixels": lambda r: write_png(r / MASK, 60, 40, b"x"),
    "a mask of two pages": lambda r: two_pages(r / MASK),
}
HIGH = 201  # no pixel of a grey mask has this value


def with_tree(change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: (tree(root), change(root))


def layout_case(layout: str) -> Case:
    write = TREES[layout][0]
    return Case(
        f"mvtec2coco: every fault of the layout {layout}",
        lambda root: (write(root), FAULTS[layout](root)),
        lambda source, dest: mvtec2coco([source], dest, execution=RUN),
        faults={"btad": 4, "loco": 3, "ksdd": 2, "mvtec3d": 2}.get(layout, 2),
    )


CASES: list[Case] = [
    *cases(
        "mvtec2coco",
        {name: with_tree(change) for name, change in TREE.items()},
        lambda source, dest: mvtec2coco([source], dest, MvtecOptions(), RUN),
    ),
    *map(layout_case, FAULTS),
    Case(
        "mvtec2coco: a threshold that no pixel reaches",
        with_tree(lambda r: write_mask(r / MASK, value=200)),
        lambda source, dest: mvtec2coco([source], dest, MvtecOptions(threshold=HIGH), RUN),
        lambda root: check(root, Limits(threshold=HIGH), jobs=1),
    ),
]
