"""Ctrl-C in a conversion with several processes: no traceback and no destination."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.labelme_files import shape, write_case


def test_ctrl_c_in_a_conversion_prints_no_traceback(tmp_path: Path) -> None:
    for number in range(600):
        write_case(tmp_path / "in", shape("a", "polygon", [[5, 5], [50, 8], [40, 35]]), name=f"n{number}")
    command = [sys.executable, "-m", "convert", "labelme2coco", tmp_path / "in", tmp_path / "out", "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while process.poll() is None and not list(tmp_path.glob(".out.partial-*")):
        time.sleep(0.005)
    time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    text = process.communicate()[1]
    assert process.returncode in {0, 130}
    assert "Traceback" not in text
    assert not list(tmp_path.glob(".out.*"))
