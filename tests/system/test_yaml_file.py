import time
from pathlib import Path

import pytest

from system.errors import InputError
from system.yaml_file import read_yaml, read_yaml_options


def write(folder: Path, text: str) -> Path:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_stay_text(tmp_path: Path) -> None:
    typed, texts = read_yaml(write(tmp_path, "\ufeffnames: {0: no, 1: 01, 2: 1:30, 3: 1e3}\n"), "")
    assert typed == {"names": {0: False, 1: 1, 2: 90, 3: "1e3"}}
    assert texts == {"names": {"0": "no", "1": "01", "2": "1:30", "3": "1e3"}}


@pytest.mark.parametrize("read", [read_yaml, read_yaml_options])
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: a is given twice"),
        ("names:\n  0: x\n  0: y\n", "line 3: 0 is given twice"),
        ("a: [1\n", "line 2: expected"),
        ("[" * 50_000, "line 1: nested more than 50 levels deep"),
        ("{a: " * 50_000, "line 1: nested more than 50 levels deep"),
        ("- " * 50_000, "line 1: nested more than 50 levels deep"),
        ("a: \x07\n", "not YAML: "),
        ("a: !!python/name:os.system\n", "line 1: the tag tag:yaml.org,2002:python/name:os.system is not read"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(tmp_path: Path, read, text: str, problem: str) -> None:  # type: ignore[no-untyped-def]
    path = write(tmp_path, text)
    started = time.process_time()
    with pytest.raises(InputError) as error:
        read(path, "the remedy")
    prefix = "not valid YAML: " if read is read_yaml else ""
    assert str(error.value).startswith(f"{path}: {prefix}{problem}")
    assert str(error.value).endswith("the remedy")
    assert time.process_time() - started < 5


def test_a_merged_name_may_be_overridden(tmp_path: Path) -> None:
    text = "base: &b {x: 1, y: 2}\nmore: &m {<<: *b, y: 3}\nlast: {<<: *m, x: 4}\n"
    expected = {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}, "last": {"x": 4, "y": 3}}
    assert read_yaml_options(write(tmp_path, text), "") == expected
    assert read_yaml(write(tmp_path, text), "")[0] == expected


def test_options_are_numbers_as_people_write_them(tmp_path: Path) -> None:
    assert read_yaml_options(write(tmp_path, "lr: 3e-3\n1: 5E2\n"), "") == {"lr": 0.003, "1": 500.0}
    assert read_yaml_options(write(tmp_path, ""), "") == {}


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "none.yaml", "")
    with pytest.raises(InputError, match="cannot be read"):
        read_yaml_options(tmp_path / "none.yaml", "")
