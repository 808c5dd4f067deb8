"""Image files named by a user: found, numbered, and listed beside the results."""

import os
from pathlib import Path

import msgspec
import pytest

from datasets.coco import Image
from datasets.formats.dataset_folder import Dataset, load_dataset
from datasets.images.image_file import find_images
from system.errors import InputError
from training.predict import number_images, write_image_list


@pytest.fixture
def dataset(coco_folder: Path) -> Dataset:
    return load_dataset(coco_folder)


def test_folders_give_the_images_below_them_sorted_and_each_once(tmp_path: Path) -> None:
    for name in ("b/2.png", "b/1.jpg", "a.bmp", "notes.txt", ".hidden.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    first = tmp_path / "b" / "2.png"
    found = find_images([first, tmp_path])
    assert [p.relative_to(tmp_path).as_posix() for p in found] == ["b/2.png", "a.bmp", "b/1.jpg"]


def test_a_pipe_and_a_broken_link_are_listed_and_refused_when_they_are_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("nowhere.png")
    (tmp_path / "c.png").mkdir()
    assert [path.name for path in find_images([tmp_path])] == ["a.png", "b.png"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="no image in this folder"):
        find_images([tmp_path])


def test_images_of_the_dataset_keep_their_ids_even_through_another_path(dataset: Dataset, tmp_path: Path) -> None:
    images = [dataset.splits["test"].images[1], dataset.splits["train"].images[0]]
    (tmp_path / "elsewhere").symlink_to(dataset.root)
    files = [tmp_path / "elsewhere" / "images" / image.file_name for image in images]
    assert number_images(files, dataset) == [image.id for image in images]


def test_one_strange_image_numbers_all_from_one(dataset: Dataset, tmp_path: Path) -> None:
    known = dataset.image_path(dataset.splits["test"].images[0])
    assert number_images([known, tmp_path / "new.png"], dataset) == [1, 2]
    assert number_images([known], None) == [1]


def test_the_list_is_beside_the_results(tmp_path: Path) -> None:
    images = [Image(4, "line/a.png", 30, 20)]
    write_image_list(tmp_path / "found.json", images)
    written = (tmp_path / "found.images.json").read_bytes()
    assert msgspec.json.decode(written, type=list[Image]) == images
