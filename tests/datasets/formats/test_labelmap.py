from pathlib import Path

import pytest

from datasets.formats.labelmap import palette_colour, parse_colours, read_labelmap
from system.errors import InputError, OptionError


def test_background_and_void_are_not_types(tmp_path: Path) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\n\n"
        "ignored:224,224,192::\nb c:1,2,3:x,y:z\na:250, 50, 83::\n",
        encoding="utf-8-sig",
    )
    assert read_labelmap(path) == [("b c", (1, 2, 3)), ("a", (250, 50, 83))]


def test_without_colours_the_palette_of_voc_counts(tmp_path: Path) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_text("# label:color_rgb:parts:actions\nbackground:::\nchip:::\nscratch:::\n")  # Datumaro 1.13
    assert read_labelmap(path) == [("chip", (128, 0, 0)), ("scratch", (0, 128, 0))]
    assert [palette_colour(i) for i in (0, 3, 8, 20, 255)] == [
        (0, 0, 0),
        (128, 128, 0),
        (64, 0, 0),
        (0, 64, 128),
        (224, 224, 192),
    ]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"chip\na:1,2,3::", "line 1: 'chip' has no colour"),
        (b"chip:1,2::\n", "has no colour"),
        (b"chip:1,2,256::\n", "has no colour"),
        (b":1,2,3::\n", "has no colour"),
        (b"a:1,2,3::\nb:1,2,3::\n", "1,2,3 is the colour of a and of b"),
        (b"background:0,0,0::\n", "contains no defect type"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_other_files_than_labelmaps_are_refused(tmp_path: Path, content: bytes, match: str) -> None:
    path = tmp_path / "labelmap.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_labelmap(path)


def test_colours_of_the_command_line() -> None:
    assert parse_colours(["a=b=1,2,3", "a=b=3,2,1"]) == [("a=b", (1, 2, 3)), ("a=b", (3, 2, 1))]
    for wrong in (["=1,2,3"], ["a"], ["a=1,2"], ["a=1,2,-3"], ["a=1,2,3", "b=1,2,3"]):
        with pytest.raises(OptionError):
            parse_colours(wrong)


def test_a_background_that_is_not_black_is_refused(tmp_path: Path) -> None:
    """As a separate type, it would turn the whole image into a defect."""
    path = tmp_path / "labelmap.txt"
    path.write_text("Background:0,0,0::\nchip:255,0,0::\n")
    assert read_labelmap(path) == [("chip", (255, 0, 0))]
    path.write_text("background:10,10,10::\nchip:255,0,0::\n")
    with pytest.raises(
        InputError, match=r"line 1: the background has the colour 10,10,10, and only black is background"
    ):
        read_labelmap(path)
