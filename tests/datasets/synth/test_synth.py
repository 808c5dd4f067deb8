"""The synthetic bottle: layout, bytes, and masks that mark exactly what was painted."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from datasets.synth.image import SynthImage, synth_image
from datasets.synth.synth import Place, images_per_type, synth
from system.errors import OptionError, OutputError

DEFECT_TYPES = ("broken_large", "broken_small", "contamination")
SIZE = 96


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@cache
def drawn(defect_type: str, index: int, size: int = SIZE) -> tuple[SynthImage, SynthImage]:
    """An image of the test split, and the same bottle without its defect."""
    defective = synth_image("test", defect_type, index, size=size, seed=5)
    intact = synth_image("test", defect_type, index, size=size, seed=5, intact=True)
    return defective, intact


def components(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1


def holes(mask: np.ndarray) -> int:
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    return cv2.connectedComponents(outside, connectivity=4)[0] - 2


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synth") / "bottle"
    synth(folder, count=23, size=SIZE, seed=1)
    return folder


def test_layout_is_mvtec(tree: Path) -> None:
    expected = {"synth.json"} | {f"train/good/{i:03d}.png" for i in range(8)}
    expected |= {f"test/good/{i:03d}.png" for i in range(3)}
    for defect_type in DEFECT_TYPES:
        expected |= {f"test/{defect_type}/{i:03d}.png" for i in range(4)}
        expected |= {f"ground_truth/{defect_type}/{i:03d}_mask.png" for i in range(4)}
    assert set(digests(tree)) == expected


def test_files_are_rgb_images_and_two_valued_masks(tree: Path) -> None:
    for path in tree.rglob("*.png"):
        with Image.open(path) as image:
            assert image.size == (SIZE, SIZE)
            if "ground_truth" in path.parts:
                assert image.mode == "L"
                assert set(np.unique(np.asarray(image))) == {0, 255}
            else:
                assert image.mode == "RGB"


def test_written_files_are_the_drawn_image(tree: Path) -> None:
    image = synth_image("test", "contamination", 2, size=SIZE, seed=1)
    with Image.open(tree / "test/contamination/002.png") as rgb:
        np.testing.assert_array_equal(np.asarray(rgb), image.rgb)
    with Image.open(tree / "ground_truth/contamination/002_mask.png") as mask:
        np.testing.assert_array_equal(np.asarray(mask) > 0, image.mask)


def test_same_seed_same_bytes(tree: Path, tmp_path: Path) -> None:
    synth(tmp_path / "again", count=23, size=SIZE, seed=1)
    assert digests(tmp_path / "again") == digests(tree)


def test_another_seed_changes_every_image(tree: Path, tmp_path: Path) -> None:
    synth(tmp_path / "other", count=23, size=SIZE, seed=2)
    before, after = digests(tree), digests(tmp_path / "other")
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_images_do_not_depend_on_count(tree: Path, tmp_path: Path) -> None:
    synth(tmp_path / "fewer", count=7, size=SIZE, seed=1)
    fewer = digests(tmp_path / "fewer")
    assert fewer.items() - digests(tree).items() == {("synth.json", fewer["synth.json"])}


def test_no_image_twice(tree: Path) -> None:
    found = digests(tree)
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (100, (35, 11, 18, 18, 18)),
        (5, (1, 1, 1, 1, 1)),
        # shares 2.1, 0.66, 1.08 x 3: the sixth goes to the largest remainder
        (6, (2, 1, 1, 1, 1)),
        # shares 8.05, 2.53, 4.14 x 3
        (23, (8, 3, 4, 4, 4)),
        # shares 14, 4.4, 7.2 x 3
        (40, (14, 5, 7, 7, 7)),
    ],
)
def test_images_are_split(count: int, expected: tuple[int, ...]) -> None:
    assert tuple(images_per_type(count).values()) == expected


def test_every_image_is_counted_once() -> None:
    for count in range(5, 300):
        images = images_per_type(count)
        assert sum(images.values()) == count
        assert min(images.values()) >= 1


@pytest.mark.parametrize("defect_type", DEFECT_TYPES)
@pytest.mark.parametrize("index", range(9))
def test_the_mask_marks_the_painted_pixels(defect_type: str, index: int) -> None:
    defective, intact = drawn(defect_type, index)
    changed = (defective.rgb != intact.rgb).any(axis=2)
    assert not (changed & ~defective.mask).any()
    assert (changed & defective.mask).sum() >= 0.99 * defective.mask.sum()
    assert not intact.mask.any()


@pytest.mark.parametrize("defect_type", DEFECT_TYPES)
@pytest.mark.parametrize("index", range(9))
def test_defects_are_visible(defect_type: str, index: int) -> None:
    defective, intact = drawn(defect_type, index)
    difference = np.abs(defective.rgb.astype(float) - intact.rgb)
    assert difference[defective.mask].mean() > 20  # noise has a deviation of 2.2


@pytest.mark.parametrize("defect_type", DEFECT_TYPES)
@pytest.mark.parametrize("size", [64, 200])
def test_components_and_holes(defect_type: str, size: int) -> None:
    masks = [drawn(defect_type, index, size)[0].mask for index in range(9)]
    assert [components(mask) for mask in masks] == [1, 2, 1, 1, 1, 1, 1, 1, 2]
    with_hole = 0 if defect_type == "broken_small" else 1
    assert [holes(mask) for mask in masks] == [0, 0, with_hole, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("defect_type", DEFECT_TYPES)
def test_no_specks(defect_type: str) -> None:
    for index in range(9):
        mask = drawn(defect_type, index)[0].mask.astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        assert stats[1:, cv2.CC_STAT_AREA].min() > 0.002 * SIZE**2


def test_areas_are_within_those_of_the_real_bottle() -> None:
    """Bounds: smallest and largest share of the image among the 63 real masks."""
    bounds = {
        "broken_large": (0.0409, 0.2742),
        "broken_small": (0.0088, 0.0806),
        "contamination": (0.0058, 0.1653),
    }
    for defect_type, (smallest, largest) in bounds.items():
        for index in range(12):
            assert smallest < drawn(defect_type, index)[0].mask.mean() < largest


def test_large_breaks_are_larger_than_small_ones() -> None:
    large = [drawn("broken_large", index)[0].mask.sum() for index in range(12)]
    small = [drawn("broken_small", index)[0].mask.sum() for index in range(12)]
    assert min(large) > max(small)


def test_bottle_looks_like_one() -> None:
    """White corners, dark inside, grey glass, and a rim that is more red than blue."""
    for index in range(4):
        rgb = synth_image("train", "good", index, size=200, seed=3).rgb.astype(float)
        assert rgb[:8, :8].min() > 240
        assert rgb[90:110, 90:110].mean() < 75
        y, x = np.mgrid[:200, :200] - 100
        radius = np.hypot(x, y) / 200
        glass, rim = rgb[(radius > 0.4) & (radius < 0.42)], rgb[(radius > 0.33) & (radius < 0.37)]
        assert 50 < glass.mean() < 150
        assert rim[:, 0].mean() > rim[:, 2].mean() + 5
        assert abs(glass[:, 0].mean() - glass[:, 2].mean()) < 15


def test_dark_pixels_are_noisy_and_white_ones_are_not() -> None:
    rgb = synth_image("train", "good", 0, size=200, seed=3).rgb.astype(float)
    inside, corner = rgb[90:110, 90:110], rgb[:6, :6]
    step = np.diff(inside, axis=1).std() / np.sqrt(2)
    assert 1.5 < step < 3.0
    assert np.diff(corner, axis=1).std() < 0.8


@pytest.mark.parametrize(
    ("option", "value"),
    [("count", 4), ("count", -1), ("size", 63), ("size", 4097), ("seed", -1)],
)
def test_bad_numbers_are_refused(tmp_path: Path, option: str, value: int) -> None:
    numbers = {"count": 5, "size": 64, "seed": 0} | {option: value}
    with pytest.raises(OptionError, match=f"--{option} {value}"):
        synth(tmp_path / "dest", **numbers)
    assert not list(tmp_path.iterdir())


def test_foreign_destination_is_refused(tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    dest.mkdir()
    (dest / "mine.txt").write_text("keep")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="dest"):
            synth(dest, count=5, size=64, seed=0, overwrite=overwrite)
        assert [p.name for p in tmp_path.rglob("*")] == ["dest", "mine.txt"]


def test_only_its_own_folder_is_overwritten(tmp_path: Path) -> None:
    dest = tmp_path / "dest"
    synth(dest, count=6, size=64, seed=0)
    before = digests(dest)
    with pytest.raises(OutputError, match="--overwrite"):
        synth(dest, count=5, size=64, seed=1)
    assert digests(dest) == before
    synth(dest, count=5, size=64, seed=1, overwrite=True)
    assert not before.items() & digests(dest).items()
    assert [p.name for p in tmp_path.iterdir()] == ["dest"]


def test_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(places: Iterable[Place]) -> Iterable[Place]:
        for number, place in enumerate(places):
            if number == 3:
                raise KeyboardInterrupt
            yield place

    with pytest.raises(KeyboardInterrupt):
        synth(tmp_path / "dest", count=8, size=64, seed=0, progress=interrupted)
    assert not list(tmp_path.iterdir())


def test_progress_sees_every_image(tmp_path: Path) -> None:
    seen: list[Place] = []

    def watched(places: Iterable[Place]) -> Iterable[Place]:
        for place in places:
            seen.append(place)
            yield place

    summary = synth(tmp_path / "dest", count=9, size=64, seed=0, progress=watched)
    assert len(seen) == len(set(seen)) == 9
    assert summary.images == images_per_type(9)
    assert summary.folder == tmp_path / "dest"
