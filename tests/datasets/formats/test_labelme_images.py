from pathlib import Path

import pytest

from datasets.formats.labelme_images import Found, ImageFinder, list_tree
from system.errors import InputError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def find(source: Path, image_path: str | None, *, file: str = "j/a.json", images: Path | None = None) -> Found:
    return ImageFinder(list_tree(source), list_tree(images) if images else None).find(file, image_path, None)


@pytest.mark.parametrize(
    ("image_path", "image", "event_code"),
    [
        ("a.png", "j/a.png", ""),
        ("../p/a.png", "p/a.png", ""),
        ("..\\p\\a.png", "p/a.png", ""),
        ("a.PNG", "j/a.png", ""),  # a file system without case wrote it
        ("C:\\Users\\me\\a.png", "j/a.png", "image-moved"),
        ("/home/me/a.png", "j/a.png", "image-moved"),
        ("../../elsewhere/a.png", "j/a.png", "image-moved"),
        ("e\u0301.png", "j/\u00e9.png", ""),  # macOS stores names with decomposed letters
        (None, "j/a.png", "image-moved"),
        ("renamed.png", "j/a.png", "image-moved"),  # its own name is that of the JSON
    ],
)
def test_found_by_path_or_moved_next_to_the_file(
    image_path: str | None, image: str, event_code: str, tmp_path: Path
) -> None:
    source = make(tmp_path / "src", "j/a.json", image)
    assert find(source, image_path) == Found(image, f"{source}/{image}", event_code)


def test_absolute_path_inside_is_taken(tmp_path: Path) -> None:
    source = make(tmp_path / "src", "j/a.json", "p/b.png")
    assert find(source, str(source / "p/b.png")).path == f"{source}/p/b.png"


def test_found_in_the_folder_of_images(tmp_path: Path) -> None:
    source, images = (
        make(tmp_path / "src", "j/a.json"),
        make(tmp_path / "img", "x/a.png", "b.png", "j/c.png", "y/c.png"),
    )
    assert find(source, "a.png", images=images) == Found("x/a.png", f"{images}/x/a.png", "image-moved")
    assert find(source, "../../img/b.png", images=images) == Found("b.png", f"{images}/b.png", "")
    assert find(source, "c.png", images=images).file_name == "j/c.png"  # the same folder goes first


def test_several_of_one_name_are_not_guessed_between(tmp_path: Path) -> None:
    source, images = make(tmp_path / "src", "j/a.json"), make(tmp_path / "img", "x/a.png", "y/a.png")
    with pytest.raises(InputError, match=r"matches 2 images: x/a\.png, y/a\.png"):
        find(source, "a.png", images=images)


@pytest.mark.parametrize(
    "image_path", ["../../out/a.png", "/etc/passwd", "..\\..\\out\\a.png", "../../src2/a.png"]
)
def test_outside_is_refused_even_if_an_image_is_there(image_path: str, tmp_path: Path) -> None:
    source = make(tmp_path / "src", "j/a.json")
    make(tmp_path, "out/a.png", "src2/a.png")
    with pytest.raises(InputError, match="points outside the folder"):
        find(source, image_path)


@pytest.mark.parametrize("image_path", ["gone.png", "", ".", "a.json", "x" * 5000, "nul\0.png"])
def test_missing_is_refused(image_path: str, tmp_path: Path) -> None:
    source = make(tmp_path / "src", "j/a.json", "j/b.png")
    with pytest.raises(InputError, match="its image is missing"):
        find(source, image_path)


def test_embedded_image_has_the_name_of_its_file(tmp_path: Path) -> None:
    finder = ImageFinder(list_tree(make(tmp_path / "src", "j/a.b.json")), None)
    assert finder.find("j/a.b.json", "../../../../etc/x", ".jpg") == Found("j/a.b.jpg", None, "image-embedded")


def test_an_image_with_the_name_of_the_json_goes_before_the_embedded_image(tmp_path: Path) -> None:
    source = make(tmp_path / "src", "j/a.json", "j/a.png")
    finder = ImageFinder(list_tree(source), None)
    assert finder.find("j/a.json", None, ".jpg") == Found("j/a.png", f"{source}/j/a.png", "image-moved")
    assert finder.find("j/a.json", "", ".jpg").path == f"{source}/j/a.png"
    assert finder.find("j/a.json", "other.png", ".jpg") == Found("j/a.jpg", None, "image-embedded")


def test_image_named_like_its_file_is_found_in_the_folder_of_images(tmp_path: Path) -> None:
    source, images = make(tmp_path / "src", "j/a.json"), make(tmp_path / "img", "j/a.png", "a.png")
    assert find(source, None, images=images) == Found("j/a.png", f"{images}/j/a.png", "image-moved")


def test_a_format_that_is_not_read_is_reported(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.gif is not read: save it as \.png"):
        find(make(tmp_path / "src", "j/a.json", "j/a.gif"), "a.gif")


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    source = make(tmp_path / "src", "a.json", ".git/b.json", ".c.json", ".thumbs/a.png", "d/e.JSON", "d/e.Jpg")
    tree = list_tree(source)
    assert (tree.files, tree.images) == (["a.json", "d/e.JSON"], {"d/e.Jpg"})


def test_links_to_folders_are_not_followed_and_those_to_images_known(tmp_path: Path) -> None:
    source = make(tmp_path / "src", "j/a.json", "p/a.png")
    (source / "j/loop").symlink_to("..")
    (source / "j/a.png").symlink_to("../p/a.png")
    tree = list_tree(source)
    assert (tree.files, tree.images, tree.links) == (["j/a.json"], {"p/a.png", "j/a.png"}, {"j/a.png"})


def test_names_that_are_not_unicode_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a\udcff.png").touch()
    with pytest.raises(InputError, match="is not Unicode"):
        list_tree(tmp_path)


@pytest.mark.parametrize(("image_path", "file"), [("../crack/a.png", "j/a.json"), ("a.png", "train/a.json")])
def test_an_image_of_another_type_or_split_is_another_image(tmp_path: Path, image_path: str, file: str) -> None:
    source = make(tmp_path / "src", file)
    images = make(tmp_path / "img", "val/dent/a.png", "val/crack/b.png")
    with pytest.raises(InputError, match=r"a\.png is missing in the folder .*; val/dent/a\.png is another image"):
        find(source, image_path, file=file, images=images)
