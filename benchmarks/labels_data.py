"""The images of `benchmarks.labels`: shrunk once, split into tested ones and a pool to label."""

import os
from pathlib import Path

import cv2
import msgspec
import numpy as np

from convert.mvtec2coco import MvtecOptions, mvtec2coco
from datasets.coco import CocoFile
from datasets.formats.dataset_folder import load_dataset, write_annotations

TEST_SHARE = 1 / 3


class Pool(msgspec.Struct, frozen=True):
    """File names below `images`: `defective` can be labelled, `good` always train, `test` is measured."""

    root: Path
    defective: list[str]
    good: list[str]
    test: list[str]

    @property
    def images(self) -> Path:
        """The folder of the images."""
        return self.root / "images"


def make_pool(category: Path, work: Path, size: int, seed: int) -> Pool:
    """Shrink the images of an MVTec category to `size` pixels and convert them, once; split them by `seed`.

    Of each defect type, and of the good images of the split test, a third is tested. The other good images of the
    category are in training.
    """
    shrunk, root = work / f"tree-{size}", work / f"coco-{size}"
    if not root.is_dir():
        shrink(category, shrunk, size)
        mvtec2coco([shrunk], root, MvtecOptions())
    names = sorted(i.file_name for coco in load_dataset(root).splits.values() for i in coco.images)
    random = np.random.default_rng(seed)
    test: list[str] = []
    folders = sorted({str(Path(name).parent) for name in names if name.startswith("test/")})
    for folder in folders:
        members = [name for name in names if str(Path(name).parent) == folder]
        test += random.permutation(members)[: round(TEST_SHARE * len(members))].tolist()
    left = [name for name in names if name not in set(test)]
    defective = [name for name in left if Path(name).parent.name != "good"]
    good = [name for name in left if Path(name).parent.name == "good"]
    return Pool(root, defective, good, sorted(test))


def write_labelled(pool: Pool, folder: Path, chosen: list[str]) -> Path:
    """A dataset with the `chosen` defective images and the good ones in train, and the tested ones in test.

    Images are hard links.
    """
    if folder.is_dir():
        return folder
    whole = load_dataset(pool.root)
    every = {image.file_name: image for coco in whole.splits.values() for image in coco.images}
    members = {"train": sorted([*chosen, *pool.good]), "test": pool.test}
    coco = joined(list(whole.splits.values()))
    names = {name for listed in members.values() for name in listed}
    kept = {every[name].id for name in names}
    for name in sorted(names):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(pool.images / name, path)
    images = {split: [every[name] for name in listed] for split, listed in members.items()}
    write_annotations(folder, images, [a for a in coco.annotations if a.image_id in kept], whole.categories)
    return folder


def joined(parts: list[CocoFile]) -> CocoFile:
    """The images and annotations of all splits; ids are unique over all splits of a converted dataset."""
    images = [image for coco in parts for image in coco.images]
    return CocoFile(images, [a for coco in parts for a in coco.annotations], parts[0].categories)


def shrink(category: Path, folder: Path, size: int) -> None:
    """The PNG files of an MVTec category at `size` x `size` pixels; masks stay black and white."""
    for path in sorted(category.rglob("*.png")):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        small = cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA)
        if "ground_truth" in path.parts:
            small = np.where(small >= 128, 255, 0).astype(np.uint8)
        target = folder / path.relative_to(category)
        target.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(target), small)
