from pathlib import Path

import pytest

from datasets.images.image_file import find_images
from datasets.images.no_image import no_image
from system.errors import InputError


def files_in(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_the_files_that_are_there_are_counted_by_their_ending(tmp_path: Path) -> None:
    folder = files_in(tmp_path, "a.txt", "b.TXT", "deep/c.json", "d.xml", "e.csv", "README", ".hidden.gif")
    with pytest.raises(InputError) as error:
        find_images([folder])
    line = str(error.value)
    assert "no image in this folder, only 2 .txt, 1 ." in line
    assert ", ...; name a folder with PNG" in line
    assert ".gif" not in line


def test_images_that_are_not_read_are_to_be_saved_as_png(tmp_path: Path) -> None:
    line = str(no_image(files_in(tmp_path, "0.gif", "1.gif", "labels.txt", "2.heic")))
    assert "only 2 .gif, 1 " in line
    assert "; save its images as PNG, or name a folder" in line


def test_an_empty_folder(tmp_path: Path) -> None:
    assert str(no_image(files_in(tmp_path, ".DS_Store", "LICENCE"))).endswith(
        "no image in this folder; name a folder with PNG, JPEG, BMP, TIFF or WebP files"
    )
