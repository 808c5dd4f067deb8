"""YAML that is not made to be read: each recipe, data.yaml and config.yaml is refused in one line, and fast."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from system.errors import InputError
from system.typed_yaml import read_yaml_as
from system.yaml_file import read_yaml, read_yaml_options
from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns

VALUES: dict[str, tuple[str, str]] = {
    "code": ("!!python/object/apply:os.system [touch marker]", "the tag tag:yaml.org,2002:python/object/apply"),
    "an integer without digits": ('!!int ""', "the tag tag:yaml.org,2002:int is not read"),
    "a number without digits": ('!!float ""', "the tag tag:yaml.org,2002:float is not read"),
    "no truth": ("!!bool x", "the tag tag:yaml.org,2002:bool is not read"),
    "no time": ("!!timestamp x", "the tag tag:yaml.org,2002:timestamp is not read"),
    "bytes": ("!!binary aaaa", "the tag tag:yaml.org,2002:binary is not read"),
    "a long tag": (f"!{'a' * 10_000} x", "the tag !aaaa"),
    "a long integer": ("9" * 5000, "a number of 5000 characters"),
    "a long hexadecimal number": ("0x" + "f" * 10_000, "a number of 10002 characters"),
    "a long binary number": ("0b" + "1" * 10_000, "a number of 10002 characters"),
    "a long number of base 60": (":".join(["59"] * 2000), "a number of 5999 characters"),
    "a long fraction of base 60": (":".join(["59"] * 3000) + ".5", "a number of 9001 characters"),
    "half a character": (r'"\uD800"', "half a character"),
    "no character": (r'"\UFFFFFFFF"', "not YAML"),
    "deep": ("[" * 5000, "nested more than 50 levels deep"),
}  # fmt: skip
READERS: dict[str, Callable[[Path], object]] = {
    "data.yaml": lambda path: read_yaml(path, "correct it"),
    "recipe": lambda path: read_yaml_options(path, "correct it"),
    "config.yaml": lambda path: read_yaml_as(path, dict[str, object], "name another"),
}


@pytest.mark.parametrize("case", VALUES)
@pytest.mark.parametrize("reader", READERS)
def test_a_value_is_refused_as_a_value_and_as_a_name(
    reader: str, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    value, problem = VALUES[case]
    for text in (f"imgsz: {value}\n", f"{value}: 1\n" if case not in {"deep", "code"} else f"[{value}, 1]\n"):
        Path("a.yaml").write_text(text)
        with pytest.raises(InputError) as error:
            READERS[reader](Path("a.yaml"))
        assert problem in str(error.value) or "could not find expected ':'" in str(error.value)
        assert len(str(error.value)) < 2500
    assert not Path("marker").exists()


def test_names_given_twice_in_the_file_of_a_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("kind: seg\nkind: det\n")
    with pytest.raises(InputError, match="line 2: kind is given twice"):
        read_yaml_as(tmp_path / "config.yaml", dict[str, object], "")


def test_a_value_of_megabytes_is_quoted_in_part(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.yaml").write_text(f"imgsz: {'a' * 10**5}z\n")
    assert run_command("train_cls", "fit", tmp_path, "--recipe", tmp_path / "r.yaml") == 2
    line = only_line(capsys)
    assert "aaa ... aaa" in line
    assert len(line) < 7000


@pytest.mark.parametrize(
    "content", [b"epoch\n" + b"x" * 200_000, b'epoch\n"1', b"epoch,a\n1,2,3\n", b"\xff", b"a\n1\n"]
)
def test_a_damaged_history_is_one_line_in_a_page(
    content: bytes, tiny_runs: TinyRuns, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run"))
    (run / "history.csv").write_bytes(content)
    capsys.readouterr()
    assert run_command("view", run, "--out", tmp_path / "page.html") == 2
    assert "history.csv" in only_line(capsys)
