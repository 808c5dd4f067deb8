"""Lists of class names that also contain indices, YAML or JSON."""

from pathlib import Path

import pytest

from datasets.formats.class_list import read_class_list
from system.errors import InputError


def read(folder: Path, text: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    (folder / "classes.txt").write_text(text, encoding="utf-8")
    return read_class_list(folder / "classes.txt")


@pytest.mark.parametrize("mark", [": ", ":", " ", "\t", ". ", ", ", ") ", " = "])
def test_an_index_before_each_name_is_not_part_of_it(tmp_path: Path, mark: str) -> None:
    names, notes = read(tmp_path, f"0{mark}chip\n1{mark}deep dent\n")
    assert names == ("chip", "deep dent")
    assert notes == (("index-prefix", f"0{mark}chip, read as chip"),)


@pytest.mark.parametrize(
    "text", ["chip\n0: dent\n", "01\n02\n", "1:30\n", "2 mm\n3 mm\n", "5: a\n9: b\n", "no\noff\n", "0:\n"]
)
def test_other_numbers_belong_to_the_names(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == (tuple(text.split("\n")[:-1]), ())


@pytest.mark.parametrize("text", ["1: chip\n2: dent\n", "1: chip\n0: dent\n", "2) a\n1) b\n3) c\n"])
def test_numbers_that_are_not_the_indices_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="not their indices 0, 1, 2"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    "text", ["names:\n  0: chip\n", "nc: 2\n", "- chip\n- dent\n", '["chip", "dent"]\n', "# classes\nchip\n"]
)
def test_yaml_json_and_comments_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="not a class name"):
        read(tmp_path, text)


def test_several_names_on_the_only_line_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="may be several names"):
        read(tmp_path, "chip,dent\n")
    assert read(tmp_path, "chip, large\ndent\n")[0] == ("chip, large", "dent")


def test_a_name_twice_is_refused_after_the_indices_are_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="occurs twice"):
        read(tmp_path, "0: chip\n1: chip\n")
