"""A process that another one starts ends with it, also while it waits in C and Python handles no signal."""

import subprocess
import sys

import pytest

from system.child_process import AT_ONCE, END_WITH_PARENT, module_environment

CODE = """
import signal, time
from system import child_process
child_process.END_SECONDS = 0.1
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # as a wait in C, during which Python handles none
child_process.end_with_parent()
print("waits", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to block")
@pytest.mark.parametrize("value", ["1", AT_ONCE])
def test_it_ends_although_it_handles_no_signal(value: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CODE],
        env={**module_environment(), END_WITH_PARENT: value},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"waits\n"
    assert process.communicate()[0] == b""  # closes its standard input
    assert process.returncode == 143
