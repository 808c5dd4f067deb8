"""Patterns of excluded files: what they match, what is remembered, what is refused."""

import unicodedata
from pathlib import Path

import pytest

from system.errors import OptionError
from system.exclude import NOTHING, Excluder

ROOT = Path("source")


@pytest.mark.parametrize(
    ("pattern", "relative", "matches"),
    [
        ("a.png", "a.png", True),
        ("a.png", "deep/er/a.png", True),
        ("deep/*", "deep/er/a.png", True),
        ("er/*", "deep/er/a.png", False),
        ("*_old.*", "deep/a_old.png", True),
        ("a?.png", "a.png", False),
        ("[ab].png", "x/b.png", True),
        ("A.png", "a.png", False),
        ("deep", "deep/a.png", False),
        (unicodedata.normalize("NFD", "süd.png"), unicodedata.normalize("NFC", "süd.png"), True),
    ],
)
def test_a_pattern_is_compared_with_the_path_and_with_the_name(pattern: str, relative: str, matches: bool) -> None:
    exclude = Excluder([pattern])
    assert exclude.excludes(ROOT, relative) is matches
    if matches:
        assert exclude.files() == [(relative, pattern)]


def test_a_file_counts_once_but_equal_names_of_two_folders_twice() -> None:
    exclude = Excluder(["a.*", "*.png"])
    for root in (ROOT, ROOT, Path("masks")):
        assert exclude.excludes(root, "x/a.png")
    assert exclude.files() == [("x/a.png", "a.*")] * 2
    assert exclude.stems() == {"a"}


def test_a_pattern_that_matches_nothing_is_refused() -> None:
    exclude = Excluder(["*.png", "*.pgn"])
    exclude.excludes(ROOT, "a.png")
    with pytest.raises(OptionError, match=r"--exclude \*\.pgn: matches no file"):
        exclude.files()


def test_an_empty_pattern_is_refused_and_no_pattern_excludes_nothing() -> None:
    with pytest.raises(OptionError, match="an empty pattern"):
        Excluder([" "])
    assert not NOTHING.excludes(ROOT, "a.png")
    assert NOTHING.files() == []
