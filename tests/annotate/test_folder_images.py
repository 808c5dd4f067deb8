from pathlib import Path

import pytest
from PIL import Image

from annotate.folder_images import (
    FolderImage,
    choose_images,
    image_size,
    list_folder_images,
    open_document,
    read_labels,
    read_list,
    upright_size,
)
from datasets.formats.labelme import LabelmeFile, Shape
from datasets.formats.labelme_flags import is_unreviewed, set_flags
from system.errors import InputError
from tests.annotate.conftest import box, draw_image, write_labels
from tests.command import only_line, run_command
from tests.view.fakes import make_dataset, make_run


def test_images_of_all_folders_by_name_with_their_labels(tmp_path: Path) -> None:
    draw_image(tmp_path / "sub dir" / "größe ü.png")
    write_labels(draw_image(tmp_path / "b.png"), [])
    draw_image(tmp_path / ".hidden" / "c.png")
    assert [(p.name, p.labelled) for p in list_folder_images(tmp_path)] == [
        ("b.png", True),
        ("sub dir/größe ü.png", False),
    ]


def test_a_dot_in_the_name_is_not_a_suffix(tmp_path: Path) -> None:
    write_labels(draw_image(tmp_path / "part.7.png"), [])
    (only,) = list_folder_images(tmp_path)
    assert only.labelled
    assert only.label_path == tmp_path / "part.7.json"


def test_two_images_of_one_labelme_file_are_an_error(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    draw_image(tmp_path / "a.bmp")
    with pytest.raises(
        InputError, match=r"a\.png: labelme would write its shapes into the file of a\.bmp; rename"
    ):
        list_folder_images(tmp_path)


def test_a_dataset_and_a_run_are_not_labelled_in_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The masks of a dataset would count as images, and proposals would be written into it."""
    dataset = make_dataset(tmp_path / "data", images=8)
    run = make_run(tmp_path / "runs", dataset, measured=False)
    before = sorted(tmp_path.rglob("*"))
    correct = f"name a folder of images, or correct the dataset with annotate correct {dataset} IMAGES"
    for folder, words in (
        (dataset, f"a dataset folder, not one of images and labelme files; {correct}"),
        (run, "a run folder, not one of images and labelme files; name a folder of images"),
    ):
        for command in (
            ("propose", folder, "--from", run), ("queue", folder, "--from", run), ("status", folder),
            ("accept", folder), ("open", folder), ("check", folder), ("init", folder, "--labels", "a"),
            ("agree", folder, folder), ("merge", folder, folder, tmp_path / "merged"),
        ):  # fmt: skip
            assert run_command("annotate", *command) == 2, command
            assert words in only_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no image in this folder"):
        list_folder_images(tmp_path)


def test_only_labelled_images_are_read(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    write_labels(draw_image(tmp_path / "b.png"), [box("dent", 1, 1, 9, 9)])
    read = read_labels(list_folder_images(tmp_path))
    assert {name: [s.label for s in file.shapes] for name, file in read.items()} == {"b.png": ["dent"]}


def test_a_new_document_has_the_size_of_the_upright_image(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(path, exif=exif)
    assert upright_size(path) == (40, 20)
    document = open_document(FolderImage(tmp_path, "turned.jpg", labelled=False))
    assert (document.file.image_height, document.file.image_width) == (40, 20)
    assert document.sha256 is None


def test_an_existing_document_is_opened(tmp_path: Path) -> None:
    write_labels(draw_image(tmp_path / "a.png"), [box("dent", 1, 1, 9, 9)], team="night")
    (image,) = list_folder_images(tmp_path)
    assert open_document(image).raw["team"] == "night"


@pytest.mark.parametrize(
    ("in_file", "expected"), [((60, 80), (60, 80)), ((None, None), (60, 80)), ((50, 70), (50, 70))]
)
def test_size_from_the_file_else_from_the_image(
    tmp_path: Path, in_file: tuple[int | None, int | None], expected: tuple[int, int]
) -> None:
    draw_image(tmp_path / "a.png")
    file = LabelmeFile([], image_height=in_file[0], image_width=in_file[1])
    assert image_size(FolderImage(tmp_path, "a.png", labelled=True), file) == expected


def test_unreviewed_and_flags() -> None:
    points = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
    assert is_unreviewed(Shape("a", points, flags={"unreviewed": True}))
    assert not is_unreviewed(Shape("a", points, flags={"unreviewed": False}))
    assert not is_unreviewed(Shape("a", points))
    assert set_flags(LabelmeFile([], flags={"reject": True, "good": False, "b": True})) == ["b", "reject"]


def test_a_list_keeps_its_order_and_its_errors_name_the_line(tmp_path: Path) -> None:
    draw_image(tmp_path / "a.png")
    draw_image(tmp_path / "b c.png")
    images = list_folder_images(tmp_path)
    names = tmp_path / "list.txt"
    names.write_text("b c.png\n\na.png\n")
    assert [p.name for p in read_list(names, images)] == ["b c.png", "a.png"]
    names.write_text("a.png\nd.png\n")
    with pytest.raises(InputError, match=r"list\.txt: d\.png is not an image of the folder"):
        read_list(names, images)
    names.write_text("\n")
    with pytest.raises(InputError, match="the list is empty"):
        read_list(names, images)
    with pytest.raises(InputError, match="no such file"):
        read_list(tmp_path / "absent.txt", images)


def test_only_is_a_name_a_path_or_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "images"
    for name in ("a.png", "sub dir/größe 瓶.png"):
        draw_image(root / name)
    images = list_folder_images(root)
    (tmp_path / "list.txt").write_text("sub dir/größe 瓶.png\na.png\n")
    draw_image(tmp_path / "stranger.png")
    monkeypatch.chdir(tmp_path)
    assert [p.name for p in choose_images("list.txt", images)] == ["sub dir/größe 瓶.png", "a.png"]
    for only in ("sub dir/größe 瓶.png", "images/sub dir/größe 瓶.png", str(root / "sub dir/größe 瓶.png")):
        assert [p.name for p in choose_images(only, images)] == ["sub dir/größe 瓶.png"]
    with pytest.raises(InputError, match=r"^b\.png: neither an image of the folder nor an existing file"):
        choose_images("b.png", images)
    with pytest.raises(InputError, match="not UTF-8"):
        choose_images("stranger.png", images)
    monkeypatch.chdir(root)  # a file in the current folder has the same name as an image
    assert [p.name for p in choose_images("a.png", list_folder_images(Path()))] == ["a.png"]
