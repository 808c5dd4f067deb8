import pytest
from hypothesis import given
from hypothesis import strategies as st

from system.console import print_status, print_table, print_text
from system.table import display_width, format_table


def test_numbers_go_right_and_words_left() -> None:
    lines = format_table(("type", "count", "meaning"), [("crack", 7, "a line"), ("1st", 120, "3 of them, \u2013")])
    assert lines == [
        " type    count   meaning",
        "─" * 29,
        " crack       7   a line",
        " 1st       120   3 of them, \u2013",
    ]


def test_without_names_there_is_no_header() -> None:
    assert format_table(("", ""), [("images", 3)]) == [" images   3"]
    assert format_table(("a", "b"), []) == [" a   b", "──────"]


def test_wide_characters_keep_the_columns_aligned() -> None:
    lines = format_table(("a", "b"), [("\u6b20\u9677", 1), ("e\u0301t\u00e9", 2)])
    assert [display_width(line) for line in lines[2:]] == [9, 9]


def test_a_name_cannot_break_the_lines() -> None:
    assert format_table(("a", "b"), [("x\ny\x1b[31m\udcff", "")])[2:] == [" x\\ny\\x1b[31m\\udcff"]


@pytest.mark.parametrize("width", [40, 30])
def test_a_narrow_terminal_folds_at_blanks(width: int) -> None:
    rows = [("overlap", 286, "pixels that two categories claim; the smaller is on top")]
    lines = format_table(("what", "count", "meaning"), rows, width)
    assert max(map(len, lines)) <= width
    words = " ".join(line.split("   ", 2)[-1].strip() for line in lines[2:]).split()
    assert " ".join(words).endswith("the smaller is on top")


@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), max_size=4), st.integers(1, 60))
def test_no_letter_is_lost_by_folding(rows: list[tuple[str, str]], width: int) -> None:
    def letters(lines: list[str]) -> list[str]:
        return sorted(c for line in lines for c in line if not c.isspace())

    assert letters(format_table(("", ""), rows, width)) == letters(format_table(("", ""), rows))


def test_no_name_can_break_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names of files may contain control characters and change the direction of writing."""
    name = "a\x1b]0;x\x07\n\u202eb.png"
    safe = r"a\x1b]0;x\x07\n\u202eb.png"
    print_status(name)
    print_table(name, ("",), [])
    print_text(f"{name}\n")
    out = capsys.readouterr()
    assert out.err == f"{safe}\n"
    assert out.out.splitlines()[0] == safe
    assert out.out.endswith(f"{name}\n")  # a list of names for another command
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_text("one\n\x1b[31m.png\n")
    assert capsys.readouterr().out == "one\n\\x1b[31m.png\n"
