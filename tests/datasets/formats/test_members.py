from pathlib import Path

import pytest
from msgspec.structs import replace

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.formats.members import annotations_by_name, numbered, select_images, shares_image_ids
from datasets.paste.source import list_paste_images
from tests.restarting_ids import restart_ids
from tests.small_coco import box_annotation, write_folder

# train: three images with a box at x 1, 2, 3; val: a good image and x 4; test: a good image and x 5
PLACES = {"train": (1, 2, 3), "val": (0, 4), "test": (0, 5)}


@pytest.fixture
def unique(tmp_path: Path) -> Dataset:
    return load_dataset(_folder(tmp_path / "unique"))


@pytest.fixture
def restarting(tmp_path: Path) -> Dataset:
    return load_dataset(restart_ids(_folder(tmp_path / "restarting")))


def _folder(root: Path) -> Path:
    members: dict[str, list[Image]] = {split: [] for split in PLACES}
    annotations = []
    for split, places in PLACES.items():
        for place in places:
            number = 10 + sum(map(len, members.values()))
            members[split].append(Image(number, f"{split}{len(members[split])}.png", 40, 30))
            if place:
                annotations.append(box_annotation(100 + place, number, 3, (place, 2, 10, 10)))
    return write_folder(root, members, annotations)


def _places(dataset: Dataset, split: str) -> dict[str, list[float]]:
    coco = dataset.splits[split]
    return {i.file_name: [a.bbox[0] for a in coco.by_image()[i.id]] for i in coco.images}


def test_ids_that_restart_are_noticed(unique: Dataset, restarting: Dataset) -> None:
    assert not shares_image_ids(unique)
    assert shares_image_ids(restarting)
    assert [i.id for coco in restarting.splits.values() for i in coco.images] == [0, 1, 2, 0, 1, 0, 1]


def test_a_part_of_a_split_keeps_the_ids_of_its_file(restarting: Dataset) -> None:
    chosen = select_images(restarting, {"train": ["train2.png", "train0.png"], "val": ["val1.png"]})
    assert [(i.id, i.file_name) for i in chosen["train"].images] == [(2, "train2.png"), (0, "train0.png")]
    assert [(a.image_id, a.bbox[0]) for a in chosen["train"].annotations] == [(2, 3), (0, 1)]
    assert [(a.id, a.image_id, a.bbox[0]) for a in chosen["val"].annotations] == [(0, 1, 4)]


def test_a_mixed_split_has_ids_of_all_splits_together(restarting: Dataset) -> None:
    names = ["test1.png", "train1.png", "val0.png", "val1.png"]
    chosen = select_images(restarting, {"test": names})["test"]
    assert [i.id for i in chosen.images] == [7, 2, 4, 5]  # counted over train, val, test
    assert [(a.image_id, a.bbox[0]) for a in chosen.annotations] == [(7, 5), (2, 2), (5, 4)]
    assert len({a.id for a in chosen.annotations}) == 3


def test_unique_ids_stay_also_in_a_mixed_split(unique: Dataset) -> None:
    chosen = select_images(unique, {"test": ["val1.png", "train0.png"]})["test"]
    assert [i.id for i in chosen.images] == [14, 10]
    assert [(a.id, a.image_id) for a in chosen.annotations] == [(104, 14), (101, 10)]
    assert numbered(unique) == unique.splits


def test_only_annotation_ids_restart(unique: Dataset) -> None:
    splits = {
        split: replace(coco, annotations=[replace(a, id=i) for i, a in enumerate(coco.annotations)])
        for split, coco in unique.splits.items()
    }
    renumbered = numbered(replace(unique, splits=splits))
    assert [i.id for coco in renumbered.values() for i in coco.images] == list(range(10, 17))
    assert [a.id for coco in renumbered.values() for a in coco.annotations] == [1, 2, 3, 4, 5]


def test_a_name_that_is_not_there(unique: Dataset) -> None:
    with pytest.raises(KeyError):
        select_images(unique, {"test": ["gone.png"]})


def test_annotations_are_found_by_name(restarting: Dataset) -> None:
    found = {name: [a.bbox[0] for a in mine] for name, mine in annotations_by_name(restarting).items()}
    assert found == {
        "train0.png": [1], "train1.png": [2], "train2.png": [3], "val0.png": [], "val1.png": [4],
        "test0.png": [], "test1.png": [5],
    }  # fmt: skip


def test_defects_are_pasted_from_the_image_they_belong_to(restarting: Dataset) -> None:
    given = list_paste_images(restarting, [*restarting.images("val"), *restarting.images("train")])
    assert {g.image.file_name: [a.bbox[0] for a in g.annotations] for g in given} == {
        **_places(restarting, "val"), **_places(restarting, "train"),
    }  # fmt: skip
