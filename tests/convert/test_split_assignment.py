"""Splits of masks2coco and labelme2coco: by defect type, or as the folders are named."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PilImage

from convert.labelme2coco import LabelmeOptions, labelme2coco
from convert.masks2coco import MasksOptions, masks2coco
from convert.split_assignment import category_stratum, split_by_folder, split_by_type
from datasets.coco import Category
from datasets.formats.dataset_folder import load_dataset
from datasets.resplit import Options, assign_splits
from datasets.splits import rarest_types, strata_by_type
from system.errors import InputError
from tests.command import run_command
from tests.labelme_files import shape, write_case

CATEGORIES = [Category(1, "dent"), Category(2, "scratch")]
RATIOS = (0.7, 0.1, 0.2)


def splits_of(dest: Path) -> dict[str, str]:
    return {i.file_name: split for split, coco in load_dataset(dest).splits.items() for i in coco.images}


def masks_in_folders(root: Path, folders: int, images: int) -> Path:
    """Folders of eight images like those of KolektorSDD; one image in each has a crack."""
    for folder in range(folders):
        for k in range(images):
            for kind in ("p", "m"):
                (root / kind / f"kos{folder:02}").mkdir(parents=True, exist_ok=True)
            rng = np.random.default_rng(100 * folder + k)
            PilImage.fromarray(rng.integers(0, 255, (8, 12), np.uint8)).save(root / f"p/kos{folder:02}/{k}.png")
            mask = np.zeros((8, 12), np.uint8)
            mask[2:5, 3:7] = 255 * (k == folder % images)
            PilImage.fromarray(mask).save(root / f"m/kos{folder:02}/{k}.png")
    return root


def test_defects_in_small_folders_reach_every_split(tmp_path: Path) -> None:
    root = masks_in_folders(tmp_path, 20, 4)
    masks2coco(root / "p", tmp_path / "c", MasksOptions(root / "m", ("crack",)))
    dataset = load_dataset(tmp_path / "c")
    defective = {s: len({a.image_id for a in coco.annotations}) for s, coco in dataset.splits.items()}
    assert defective == {"train": 14, "val": 2, "test": 4}
    assert {s: len(coco.images) for s, coco in dataset.splits.items()} == {"train": 56, "val": 8, "test": 16}


def test_the_assignment_is_that_of_datasets_split(tmp_path: Path) -> None:
    root = masks_in_folders(tmp_path, 9, 3)
    masks2coco(root / "p", tmp_path / "c", MasksOptions(root / "m", ("crack",), seed=4))
    strata = strata_by_type(load_dataset(tmp_path / "c").splits.values())
    assert splits_of(tmp_path / "c") == assign_splits(strata, Options(seed=4))[""]


def test_images_of_several_types_are_split_by_the_rarest(tmp_path: Path) -> None:
    """Splitting by the set of labels gave 65/5/30 with many small sets."""
    sets = [{1}, {2}, {1, 2}]
    strata = {f"{i}.png": category_stratum(sets[i % 3]) for i in range(60)}
    counts = Counter(split_by_type(strata, RATIOS, 0, CATEGORIES).values())
    assert counts == {"train": 42, "val": 6, "test": 12}
    many = {f"{i}.png": category_stratum({i % 7 + 1, i % 5 + 1, i % 3 + 1}) for i in range(100)}
    named = [Category(k, f"t{k}") for k in range(1, 8)]
    split = Counter(split_by_type(many, RATIOS, 0, named).values())
    assert abs(split["train"] - 70) <= 3
    assert abs(split["val"] - 10) <= 3


def test_the_rarest_type_counts_images_and_not_mentions() -> None:
    types = {"a": ["dent", "dent", "scratch"], "b": ["scratch"], "c": []}
    assert rarest_types(types) == {"a": "dent", "b": "scratch", "c": "good"}


def named_folders(root: Path) -> Path:
    for k, split in enumerate(("train", "valid", "test")):
        write_case(root / split, shape("chip", "rectangle", [[10, 8], [30, 20 + k]]))
    return root


def test_folders_named_like_splits_are_kept_or_reported(tmp_path: Path) -> None:
    source = named_folders(tmp_path / "src")
    labelme2coco(source, tmp_path / "c", LabelmeOptions(split="original"))
    assert splits_of(tmp_path / "c") == {"train/a.png": "train", "valid/a.png": "val", "test/a.png": "test"}
    report = labelme2coco(source, tmp_path / "d", LabelmeOptions())
    assert [(e.file, e.code, e.value) for e in report.events] == [("src", "splits-ignored", "train, val, test")]


def test_masks2coco_keeps_original_splits(tmp_path: Path) -> None:
    for k, split in enumerate(("train", "test")):
        for kind in ("p", "m"):
            (tmp_path / kind / split).mkdir(parents=True)
        values = np.full((8, 12), 40 + k, np.uint8)
        PilImage.fromarray(values).save(tmp_path / f"p/{split}/a.png")
        values[2:4, 2:4] = 255
        PilImage.fromarray(np.where(values == 255, values, 0).astype(np.uint8)).save(tmp_path / f"m/{split}/a.png")
    arguments = ["masks2coco", tmp_path / "p", tmp_path / "m"]
    assert run_command("convert", *arguments, tmp_path / "c", "--category", "a", "--split", "original") == 0
    assert splits_of(tmp_path / "c") == {"test/a.png": "test", "train/a.png": "train"}
    report = masks2coco(tmp_path / "p", tmp_path / "d", MasksOptions(tmp_path / "m", ("a",)))
    assert [(e.code, e.value) for e in report.events] == [("splits-ignored", "train, test")]


def test_an_image_in_no_split_is_refused() -> None:
    with pytest.raises(InputError, match="is in none of the folders train, val, test"):
        split_by_folder({"train/a.png": "[]", "other/b.png": "[]"}, Path("src"))
