"""Many small images in the layout of MVTec AD, all different, for benchmarks that need a number of images."""

from pathlib import Path

import cv2
import numpy as np

SIDE = 48  # pixels
DEFECTIVE = 5  # every fifth image
TYPES = ("chip", "scratch")


def write_small_images(folder: Path, count: int) -> None:
    """Write `count` images of SIDE x SIDE pixels and their masks; the same count gives the same bytes."""
    places = [folder / "train/good", folder / "test/good"]
    places += [folder / part / name for part in ("test", "ground_truth") for name in TYPES]
    for place in places:
        place.mkdir(parents=True)
    for number in range(count):
        random = np.random.default_rng(number)
        pixels = cv2.resize(random.integers(40, 216, (6, 6, 3), dtype=np.uint8), (SIDE, SIDE))
        name = f"{number:07}.png"
        if number % DEFECTIVE:
            cv2.imwrite(str(folder / "train/good" / name), pixels)
            continue
        kind = TYPES[number // DEFECTIVE % len(TYPES)]
        x, y = random.integers(2, SIDE - 16, 2)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[y : y + 12, x : x + (12 if kind == "chip" else 5)] = 255
        pixels[mask > 0] = (250, 250, 250) if kind == "chip" else (5, 5, 5)
        cv2.imwrite(str(folder / "test" / kind / name), pixels)
        cv2.imwrite(str(folder / "ground_truth" / kind / f"{number:07}_mask.png"), mask)
