from pathlib import Path

import pytest

from convert.labels import make_categories, parse_renames, read_labels_file
from datasets.coco import Category
from system.errors import InputError, OptionError

SEEN = {"scratch": "a.json", "Dent": "b.json", "__ignore__": "c.json", "_background_": "d.json"}


def test_alphabetical_without_a_labels_file() -> None:
    categories, ids = make_categories(SEEN, None, {})
    assert categories == [Category(1, "Dent"), Category(2, "scratch")]
    assert ids == {"Dent": 1, "scratch": 2, "_background_": 0}


def test_two_labels_may_become_one_category() -> None:
    categories, ids = make_categories(SEEN | {"dent": "e.json"}, None, {"Dent": "dent"})
    assert categories == [Category(1, "dent"), Category(2, "scratch")]
    assert ids == {"Dent": 1, "dent": 1, "scratch": 2, "_background_": 0}


def test_renaming_is_not_chained() -> None:
    _, ids = make_categories({"a": "", "b": ""}, None, {"a": "b", "b": "c"})
    assert ids == {"a": 1, "b": 2}


def test_a_label_can_be_renamed_to_ignore() -> None:
    categories, ids = make_categories({"a": "", "b": ""}, None, {"b": "__ignore__"})
    assert (categories, ids) == ([Category(1, "a")], {"a": 1})


def test_a_label_can_be_renamed_to_background() -> None:
    categories, ids = make_categories({"a": "", "b": ""}, None, {"b": "_background_"})
    assert (categories, ids) == ([Category(1, "a")], {"a": 1, "b": 0})


@pytest.mark.parametrize(
    ("label", "proposal"), [("Scrach", "did you mean scratch?"), ("xyz", "known: dent, scratch")]
)
def test_a_label_that_is_not_in_the_file_proposes_the_nearest(label: str, proposal: str) -> None:
    with pytest.raises(InputError) as caught:
        make_categories({label: "a.json, $.shapes[0].label"}, ["scratch", "dent"], {})
    assert proposal in str(caught.value)
    assert str(caught.value).startswith("a.json, $.shapes[0].label")


def test_labels_file_of_labelme(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes("\ufeff__ignore__\r\n_background_\r\n\r\n tv/monitor \r\npotted plant\r\n傷".encode())
    assert read_labels_file(path) == ["tv/monitor", "potted plant", "傷"]
    path.write_text("a\nb\na\n")
    with pytest.raises(InputError, match="the label a occurs twice"):
        read_labels_file(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        read_labels_file(path)
    with pytest.raises(InputError, match="no such file"):
        read_labels_file(tmp_path / "none.txt")


def test_renames_are_checked() -> None:
    assert parse_renames(["a=b", "c==d", "a=b"]) == {"a": "b", "c": "=d"}
    for bad in (["a"], ["=b"], ["a="], ["a=b", "a=c"]):
        with pytest.raises(OptionError):
            parse_renames(bad)
