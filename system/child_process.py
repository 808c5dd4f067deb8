"""Commands of defectline that another command starts: the code they run, and their end."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the folder of all rooms
END_WITH_PARENT = "DEFECTLINE_END_WITH_PARENT"
AT_ONCE = "at once"  # value of END_WITH_PARENT for a process that has nothing to keep
END_SECONDS = 60.0  # that a training takes to keep its state after SIGTERM


def module_command(module: str, *arguments: str) -> list[str]:
    """The command that runs `module` with `arguments`, never with modules from the current folder.

    `python -m` alone puts the current folder first on the path. Then a file such as random.py in a received folder
    would run.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def module_environment() -> dict[str, str]:
    """Environment variables with which `module_command` finds the rooms, even in a checkout not installed."""
    environment = dict(os.environ)
    if ROOT.name not in {"site-packages", "dist-packages"}:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), str(ROOT)]))
    return environment


def end_with_parent() -> None:
    """Send SIGTERM to this process when its parent ends, even if the parent is killed.

    Only if the parent sets END_WITH_PARENT to 1, or to AT_ONCE, which ends the process without a signal. The
    parent then holds the other end of standard input. A library that waits in C, such as torch.distributed for
    its store, never lets Python handle the signal; the process ends after END_SECONDS then.
    """
    if asked := os.environ.pop(END_WITH_PARENT, ""):
        seconds = 0.0 if asked == AT_ONCE else END_SECONDS
        threading.Thread(target=_wait_for_end_of_input, args=(seconds,), daemon=True).start()


def _wait_for_end_of_input(seconds: float) -> None:
    while os.read(0, 1024):
        pass
    if seconds:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(seconds)
    os._exit(128 + signal.SIGTERM)
