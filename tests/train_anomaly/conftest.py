"""Small parts with and without defects, and one run that the tests of this room share."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.coco import Annotation, Category, Image
from tests.command import run_command
from tests.features.networks import textured
from tests.small_coco import mask_annotation, write_folder

DENT, SCRATCH = Category(1, "dent"), Category(2, "scratch")
SIDE = 96
SPOTS = ((20, 24, 60, 64), (40, 10, 80, 44))  # x0, y0, x1, y1 of a dent and of a scratch
SMALL = ("--encoder", "resnet18", "--encoder-weights", "none", "--layers", "4,8", "--stride", 8, "--imgsz", 96,
         "--device", "cpu")  # fmt: skip


def part(number: int, spot: tuple[int, int, int, int] | None = None) -> np.ndarray:
    """A grey part with faint grain; a spot has coarse stripes."""
    return textured(number, spot, SIDE)


def parts_folder(root: Path, *, good: int = 24, bad: int = 4, test_good: int = 6, val: int = 0) -> Path:
    """`good` good training images, and in test `bad` images of each of two types and `test_good` good ones.

    `val` good images are in val.
    """
    members: dict[str, list[Image]] = {"train": [], "test": []} | ({"val": []} if val else {})
    annotations: list[Annotation] = []
    pixels: dict[str, np.ndarray] = {}

    def add(split: str, kind: int | None) -> None:
        number = len(pixels) + 1
        name = f"{number:03d}.png"
        members[split].append(Image(number, name, SIDE, SIDE))
        pixels[name] = part(number, None if kind is None else SPOTS[kind])
        if kind is not None:
            x0, y0, x1, y1 = SPOTS[kind]
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[y0:y1, x0:x1] = 1
            annotations.append(mask_annotation(number, number, (DENT, SCRATCH)[kind].id, mask))

    wanted: Sequence[tuple[str, int | None, int]] = (
        ("train", None, good), ("train", 0, 1), ("val", None, val), ("test", 0, bad), ("test", 1, bad),
        ("test", None, test_good),
    )  # fmt: skip
    for split, kind, count in wanted:
        for _ in range(count):
            add(split, kind)
    write_folder(root, members, annotations, (DENT, SCRATCH))
    for name, rgb in pixels.items():
        cv2.imwrite(str(root / "images" / name), rgb)
    return root


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 good training images and one defective one, 14 test images; read only."""
    return parts_folder(tmp_path_factory.mktemp("parts") / "parts")


@pytest.fixture(scope="session")
def anomaly_run(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the method `features` with random weights; read only, copy it to change it."""
    runs = tmp_path_factory.mktemp("anomaly") / "runs"
    assert run_command("train_anomaly", "fit", parts, *SMALL, "--alarms", "10%", "--runs", runs) == 0
    return runs / "anomaly" / parts.name
