"""Files that have no name until they are complete: what a kill leaves, and what the next write removes."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from system.files import write_atomic
from system.unnamed_file import PARTIAL, write_unnamed

KILLED = """
import os, signal, sys
from pathlib import Path
from system.files import write_atomic
real = os.{call}
def stop(*words, **named):
    if {when}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*words, **named)
os.{call} = stop
write_atomic(Path(sys.argv[1]), b"new")
"""

needs_unnamed_files = pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="only Linux has unnamed files")


def killed_at(call: str, path: Path, when: str = "True") -> None:
    """Write to `path` in a process that is killed at its next `os.call`."""
    program = KILLED.format(call=call, when=when)
    done = subprocess.run([sys.executable, "-c", program, path], check=False, timeout=600)
    assert done.returncode == -signal.SIGKILL


@needs_unnamed_files
def test_a_kill_before_the_file_has_a_name_leaves_nothing(tmp_path: Path) -> None:
    for call in ("write", "link"):
        killed_at(call, tmp_path / "a")
        assert not list(tmp_path.iterdir())
    (tmp_path / "a").write_bytes(b"old")
    killed_at("write", tmp_path / "a")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"old")]


@needs_unnamed_files
def test_the_next_write_removes_what_a_kill_before_the_renaming_left(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    killed_at("rename", path)
    assert path.read_bytes() == b"old"
    assert sorted(one.name for one in tmp_path.iterdir()) == [f".a.{PARTIAL}", "a"]
    write_atomic(path, b"newer")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("a", b"newer")]


@needs_unnamed_files
def test_a_file_that_another_process_is_renaming_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("system.unnamed_file.WAIT", 0.05)
    path, partial = tmp_path / "a", tmp_path / f".a.{PARTIAL}"
    path.write_bytes(b"old")
    partial.write_bytes(b"of another process")
    with partial.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        write_atomic(path, b"new")
        assert partial.read_bytes() == b"of another process"
    assert path.read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 2


@needs_unnamed_files
def test_many_processes_that_write_one_file_leave_one_of_their_contents(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from system.files import write_atomic\n"
        "for n in range(200): write_atomic(Path(sys.argv[1]), sys.argv[2].encode() * 1000)"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, tmp_path / "a", letter]) for letter in ("x", "y", "z")
    ]
    assert [process.wait(600) for process in started] == [0, 0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    content = (tmp_path / "a").read_bytes()
    assert content in {letter * 1000 for letter in (b"x", b"y", b"z")}


@pytest.mark.parametrize("unnamed", [True, False])
def test_permissions_follow_the_umask_and_a_folder_is_not_replaced(
    unnamed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not unnamed:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
        assert write_unnamed(tmp_path / "a", b"") is False
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "a", b"1")
        write_atomic(tmp_path / "a", b"2")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a").read_bytes() == b"2"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_atomic(tmp_path / "folder", b"3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "folder"]


def test_a_file_in_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "none" / "a", b"1")
