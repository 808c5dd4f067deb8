"""Pipes and endless devices in the place of each kind of file that is read: one line, at once."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.every_input import CASES, prepare

TIME_LIMIT = 600  # seconds


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "/dev/zero"])
@pytest.mark.parametrize("case", CASES)
def test_a_pipe_or_a_device_is_refused(case: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    prepare(tmp_path)
    name, words = CASES[case]
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    make(path)
    command = [sys.executable, "-P", "-m", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=TIME_LIMIT)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 1
    assert not (tmp_path / "out").exists()
