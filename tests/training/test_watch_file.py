"""The lines of `predict --watch`: whole or absent, written by one process, and read again."""

import json
import os
from pathlib import Path

import msgspec
import pytest

from datasets.coco import Prediction, Rle
from system.errors import InputError, OptionError, OutputError
from training.watch_file import WatchedImage, check_watch, check_watch_file, open_watch_file

MASK = Rle((4, 6), "04")
FIRST = WatchedImage(1, "sub/a.png", 10, 5, "aa", 6, 4, [Prediction(1, 2, (0, 1, 2, 3), 0.5, MASK)])
SECOND = WatchedImage(2, "b.png", 3, 7, error="not an image")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "found.jsonl"


def add(path: Path, *lines: WatchedImage) -> None:
    with open_watch_file(path) as file:
        for line in lines:
            file.add(line)


def test_each_line_is_a_document_with_coco_results(path: Path) -> None:
    add(path, FIRST, SECOND)
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    result = {"image_id": 1, "category_id": 2, "bbox": [0, 1, 2, 3], "score": 0.5}
    assert first["predictions"] == [{**result, "segmentation": {"size": [4, 6], "counts": "04"}}]
    assert (first["file_name"], first["width"], first["height"]) == ("sub/a.png", 6, 4)
    assert second == {"id": 2, "file_name": "b.png", "size": 3, "modified": 7, "error": "not an image"}


def test_a_second_start_continues(path: Path) -> None:
    add(path, FIRST)
    with open_watch_file(path) as file:
        assert (file.next_id(), len(file.lines)) == (2, 1)
        assert file.has("sub/a.png", "aa")
        assert not file.has("sub/a.png", "bb")
        assert not file.has("b.png", "")
        file.add(SECOND)
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [1, 2]


def test_a_line_that_was_cut_off_is_removed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add(path, FIRST)
    whole = path.read_bytes()
    for cut in (1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole + whole[:cut])
        with open_watch_file(path) as file:
            assert len(file.lines) == 1
        assert path.read_bytes() == whole
    assert "line 2 was cut off and is removed" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["{}\n", "[1]\n", "x\n", '{"id": "1"}\n'])
def test_another_file_is_refused_and_unchanged(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InputError, match="line 1 is not one of predict --watch"), open_watch_file(path):
        pass
    assert path.read_text() == content


def test_a_full_disk_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add(path, FIRST)
    before = path.read_bytes()
    write = os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(handle, data[: len(data) - 10])

    with open_watch_file(path) as file:
        monkeypatch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left") as raised:
            file.add(SECOND)
        assert raised.value.filename == str(path)
        monkeypatch.undo()
    assert path.read_bytes() == before


@pytest.mark.parametrize("change", ["remove", "move", "replace", "empty", "append"])
def test_a_file_that_another_program_changes_gets_no_more_lines(path: Path, change: str) -> None:
    with open_watch_file(path) as file:
        file.add(FIRST)
        moved = path.with_name("moved")
        if change in {"move", "replace"}:
            path.rename(moved)
        if change in {"replace", "empty"}:
            path.write_text("")
        if change == "remove":
            path.unlink()
        if change == "append":
            path.write_text(path.read_text() + "note\n")
        left = {one.name: one.read_bytes() for one in path.parent.iterdir()}
        with pytest.raises(OutputError, match="another program changed, moved or removed it"):
            file.add(SECOND)
        assert {one.name: one.read_bytes() for one in path.parent.iterdir()} == left


def test_the_time_of_the_last_line_is_that_before_a_start(path: Path) -> None:
    add(path, FIRST)
    with path.open("ab") as file:
        file.write(b"cut off")
    os.utime(path, ns=(5, 5))
    for _ in range(2):
        with open_watch_file(path) as opened:
            assert opened.written == 5


def test_a_file_that_cannot_be_continued_is_refused_with_the_options(path: Path, tmp_path: Path) -> None:
    """Before a model is loaded."""
    pytest.importorskip("watchfiles", reason="watchfiles is not installed, so --watch is not tested")
    path.write_text("{}\n")
    with pytest.raises(InputError, match="line 1 is not one of predict --watch"):
        check_watch(tmp_path, path, [], [])
    path.unlink()
    check_watch(tmp_path, path, [], [])
    assert not path.exists()
    os.mkfifo(path)
    with pytest.raises(InputError, match="a pipe or a device"):
        check_watch(tmp_path, path, [], [])


def test_the_file_of_another_model_is_refused(path: Path, tmp_path: Path) -> None:
    pytest.importorskip("watchfiles", reason="watchfiles is not installed, so --watch is not tested")
    add(path, FIRST, msgspec.structs.replace(SECOND, model="aaaa"))  # of an older version, and of this one
    before = path.read_bytes()
    check_watch(tmp_path, path, [], [], "aaaa")
    with pytest.raises(InputError, match="line 2 is of another model \\(aaaa, now bbbb\\); name another file"):
        check_watch(tmp_path, path, [], [], "bbbb")
    assert path.read_bytes() == before


def test_one_process_at_a_time(path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no locks")
    with open_watch_file(path), pytest.raises(InputError, match="another process"), open_watch_file(path):
        pass
    add(path, FIRST)


def test_the_file_has_to_be_named_as_json_lines(tmp_path: Path) -> None:
    for out in (None, tmp_path / "found.json"):
        with pytest.raises(OptionError, match=r"\.jsonl"):
            check_watch_file(out)
    with pytest.raises(InputError, match="cannot be opened"), open_watch_file(tmp_path / "none/found.jsonl"):
        pass
