"""Find the image that a name means: by its ending, its folders and its letters."""

from pathlib import Path

import pytest

from datasets.formats.image_search import ImageSearch
from system.errors import InputError


def search(root: Path, *names: str) -> ImageSearch:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return ImageSearch(root, frozenset({"masks"}))


@pytest.mark.parametrize(
    ("name", "found", "whole"),
    [
        ("a.png", "x/a.png", True),
        ("x/a.png", "x/a.png", True),
        ("/home/u/x/a.png", "x/a.png", False),
        (r"C:\u\x\a.png", "x/a.png", False),
        ("other/a.png", "x/a.png", False),
        ("A.PNG", "x/a.png", True),
        ("a", "x/a.png", True),
        ("b.1", "b.1.jpg", True),
        ("cafe\u0301.png", "caf\u00e9.png", True),
    ],
)
def test_a_name_finds_its_image(tmp_path: Path, name: str, found: str, whole: bool) -> None:
    match = search(tmp_path, "x/a.png", "b.1.jpg", "caf\u00e9.png").find("here", [name])
    assert (match.relative, match.whole) == (found, whole)


def test_of_equal_names_the_folders_decide(tmp_path: Path) -> None:
    images = search(tmp_path, "train/a.png", "val/a.png", "a.jpg")
    assert images.find("here", ["val/a.png"]).relative == "val/a.png"
    assert images.find("here", ["a.png"], beside="labels/val").relative == "val/a.png"
    with pytest.raises(InputError, match=r"here: 2 images have the name of its image: train/a\.png, val/a\.png"):
        images.find("here", ["a.png"])
    with pytest.raises(InputError, match="3 images have the name"):
        images.find("here", ["a"])


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("crack/a.png", ""),
        (r"D:\u\crack\a.png", ""),
        ("a.png", "xml/crack"),
        ("train/a.png", ""),
        ("a.png", "Valid"),
    ],
)
def test_an_image_of_another_type_or_split_is_another_image(tmp_path: Path, name: str, beside: str) -> None:
    images = search(tmp_path, "test/dent/a.png", "test/crack/b.png")
    with pytest.raises(
        InputError, match=r"here: its image .*a\.png is missing in the folder \w+; test/dent/a\.png"
    ):
        images.find("here", [name], beside=beside)
    assert images.find("here", ["crack/b.png"]).relative == "test/crack/b.png"
    assert images.find("here", ["a.png"], beside="test/xml").relative == "test/dent/a.png"


def test_the_first_name_that_exists_counts_and_none_is_an_error(tmp_path: Path) -> None:
    images = search(tmp_path, "a.png", "12ab-a.png")
    assert images.find("here", ["gone.png", "12ab-a.png", "a.png"]).relative == "12ab-a.png"
    with pytest.raises(InputError, match=r"its image gone\.png is missing .*; do this"):
        images.find("here", ["gone.png"], "do this")
    with pytest.raises(InputError, match="without a name"):
        images.find("here", [])
    with pytest.raises(InputError, match=r"its image \.\./a\.jpg is missing"):
        images.find("here", ["../a.jpg"])


def test_hidden_and_skipped_folders_and_our_datasets_are_not_searched(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours/dataset.json").touch()
    images = search(tmp_path, "a.png", ".cache/a.png", "masks/a.png", "ours/images/a.png", ".b.png", "c.txt")
    assert images.images == ["a.png"]


def test_links_that_lead_outside_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.png").touch()
    (tmp_path / "root").mkdir()
    (tmp_path / "root/a.png").symlink_to(tmp_path / "outside.png")
    with pytest.raises(InputError, match="a link that points outside"):
        ImageSearch(tmp_path / "root").find("here", ["a.png"])
    with pytest.raises(InputError, match="no such folder"):
        ImageSearch(tmp_path / "gone")
