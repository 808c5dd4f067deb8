"""`datasets synth`: a folder of synthetic bottle mouths in the layout of MVTec AD."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from datasets.synth.image import synth_image
from system.errors import OptionError
from system.files import new_folder

# split, defect type, share of all images in percent
SHARES = (
    ("train", "good", 35),
    ("test", "good", 11),
    ("test", "broken_large", 18),
    ("test", "broken_small", 18),
    ("test", "contamination", 18),
)
RECIPE = "synth.json"  # next to the images: the options with which they can be drawn again
MIN_SIZE, MAX_SIZE = 64, 4096

Place = tuple[str, str, int]


@dataclass(frozen=True)
class SynthSummary:
    """The result: the number of images of every "split/defect type" in `folder`."""

    folder: Path
    images: dict[str, int]


def synth(
    dest: Path,
    *,
    count: int,
    size: int,
    seed: int,
    overwrite: bool = False,
    progress: Callable[[Iterable[Place]], Iterable[Place]] | None = None,
) -> SynthSummary:
    """Write `count` images of `size` x `size` pixels as an MVTec AD category folder.

    The same seed gives the same bytes. `progress` wraps the list of images while they
    are drawn. Raises OptionError for a count, size or seed out of range, and OutputError
    for a destination that is not empty. With `overwrite`, a destination that synth wrote
    is replaced. After a failure, no partial output remains.
    """
    if not MIN_SIZE <= size <= MAX_SIZE:
        limits = f"{MIN_SIZE} to {MAX_SIZE}"
        raise OptionError(f"--size {size}", "cannot be drawn", f"give a side of {limits} pixels")
    if seed < 0:
        raise OptionError(f"--seed {seed}", "is negative", "give 0 or a positive number")
    images = images_per_type(count)
    places: list[Place] = [
        (split, defect_type, index)
        for split, defect_type, _ in SHARES
        for index in range(images[f"{split}/{defect_type}"])
    ]
    with new_folder(dest, overwrite=overwrite, marker=RECIPE) as folder:
        for place in places if progress is None else progress(places):
            _write_image(folder, place, size, seed)
        recipe = {"count": count, "size": size, "seed": seed}
        (folder / RECIPE).write_bytes(msgspec.json.encode(recipe) + b"\n")
    return SynthSummary(dest, images)


def images_per_type(count: int) -> dict[str, int]:
    """Number of images in each folder, by largest remainder: `count` in total, at least one in each folder.

    Raises OptionError if `count` is too small.
    """
    if count < len(SHARES):
        raise OptionError(
            f"--count {count}", "is too few images", f"give {len(SHARES)} or more, one for every folder"
        )
    images = {f"{s}/{t}": count * share // 100 for s, t, share in SHARES}
    remainder = {f"{s}/{t}": count * share % 100 for s, t, share in SHARES}
    for name in sorted(remainder, key=lambda n: -remainder[n])[: count - sum(images.values())]:
        images[name] += 1
    for empty in [name for name, number in images.items() if number == 0]:
        images[max(images, key=lambda n: images[n])] -= 1
        images[empty] = 1
    return images


def _write_image(folder: Path, place: Place, size: int, seed: int) -> None:
    split, defect_type, index = place
    image = synth_image(split, defect_type, index, size=size, seed=seed)
    _write_png(folder / split / defect_type / f"{index:03d}.png", image.rgb[..., ::-1])
    if image.mask.any():
        mask = image.mask.astype(np.uint8) * 255
        _write_png(folder / "ground_truth" / defect_type / f"{index:03d}_mask.png", mask)


def _write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, encoded = cv2.imencode(".png", pixels)
    path.write_bytes(encoded.tobytes())
