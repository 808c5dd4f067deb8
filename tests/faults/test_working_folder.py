"""The hidden folder of an export in 8-bit integers: a kill leaves it, the next export removes it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from system.working_folder import working_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from training import int8

def write(path, *_):
    path.write_bytes(b"half a model")
    os.kill(os.getpid(), signal.SIGKILL)

int8.need = int8.HeldOut = lambda *_: None
int8.write_int8(SimpleNamespace(write=write), None, None, Path(sys.argv[1]), 0.01)
"""


def test_what_a_killed_export_left_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / ".best.xml"
    done = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "floats.xml").read_bytes() == b"half a model"
    with working_folder(path) as folder:
        assert not left.exists()
        assert list(tmp_path.iterdir()) == [folder]
        assert not list(folder.iterdir())
        with working_folder(path) as other:  # that of a process that lives is left alone
            assert folder.is_dir()
            assert other != folder
    assert not list(tmp_path.iterdir())


def test_an_error_removes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), working_folder(tmp_path / "a") as folder:
        (folder / "none" / "file").touch()
    assert not list(tmp_path.iterdir())
