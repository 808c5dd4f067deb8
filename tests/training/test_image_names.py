"""`predict -`: names of images on standard input."""

import io
import sys
from pathlib import Path

import pytest

from system.errors import InputError, OptionError
from training.image_names import named_images


def given(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"b.png\na.png\n", ["b.png", "a.png"]),
        (b"a b.png\r\n\r\n\xc3\xa4.png", ["a b.png", "ä.png"]),
        (b"two\nlines.png\0b.png\0", ["two\nlines.png", "b.png"]),
        (b"a.png\na.png\n", ["a.png"]),
        (b"-\n", ["-"]),
        (b"\xef\xbb\xbfa.png\r\n", ["a.png"]),
    ],
)
def test_names_come_by_line_or_by_zero_byte(
    data: bytes, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, each once; a file may be called `-`."""
    given(monkeypatch, data)
    assert named_images([Path("-")]) == [Path(name) for name in names]


def test_a_name_that_is_not_unicode_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, b"\xff.png\n")
    (path,) = named_images([Path("-")])
    assert bytes(path) == b"\xff.png"


def test_names_and_folders_are_read_where_they_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("2.png", "1.png", "note.txt"):
        (tmp_path / name).touch()
    given(monkeypatch, str(tmp_path).encode())
    expected = [Path("a.png"), tmp_path / "1.png", tmp_path / "2.png", Path("z.png")]
    assert named_images([Path("a.png"), Path("-"), Path("z.png")]) == expected


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0\0", b"  \r\n\t\n"])
def test_no_name_is_refused(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, data)
    with pytest.raises(InputError, match="standard input: contains no name of an image"):
        named_images([Path("-")])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_refused(encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its zero bytes would separate letters, and a letter may be the name of a folder of images."""
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/b.png").touch()
    given(monkeypatch, "\ufeffa\n".encode(encoding))
    with pytest.raises(InputError, match="UTF-16"):
        named_images([Path("-")])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "contains an image, and - reads names of images"),
        (b"\xff\xd8\xff\xe0\0", "contains an image, and - reads names of images"),
        (
            b"a.png\n" + b"b.png " * 1000,
            "contains a line of 6000 bytes, too long for the name of a file; give one name",
        ),
    ],
)
def test_other_content_than_names_is_refused(data: bytes, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, data)
    with pytest.raises(InputError, match=message):
        named_images([Path("-")])


def test_a_url_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, b"s3://bucket/a.png\n")
    with pytest.raises(InputError, match=r"takes no URL such as s3://bucket/a\.png"):
        named_images([Path("-")])


@pytest.mark.parametrize("images", [None, [], [Path("-"), Path("-")]])
def test_nothing_and_two_standard_inputs_are_refused(images: list[Path] | None) -> None:
    with pytest.raises(OptionError, match="IMAGES"):
        named_images(images)
