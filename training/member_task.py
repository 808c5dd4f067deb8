"""The training of a fold or seed by a worker of a cluster: a process of its own, like that of `--jobs`."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import BinaryIO

import msgspec

from system.child_process import END_SECONDS, END_WITH_PARENT, module_command, module_environment
from system.cluster_task import is_cancelled
from system.errors import InputError
from training.run_lock import locked

LOG_FILE = "fit.log"
POLL_SECONDS = 0.5


class MemberTraining(msgspec.Struct, frozen=True):
    """Train the fold or seed in a run folder by `command` and `--resume FOLDER`, and append to its fit.log.

    Picklable. If it is repeated because a worker died, it continues after the last complete epoch.
    """

    command: tuple[str, ...]

    def __call__(self, root: str) -> int:
        """The exit status of the training; 0 for a finished one. SIGTERM ends it if the task is cancelled."""
        folder = Path(root)
        try:
            _wait_for_lock(folder)
        except InputError as error:
            with open_log(folder) as log:
                log.write(f"{error}\n".encode())
            return 2
        if (folder / "metrics.json").is_file():
            return 0
        words = module_command(*self.command, "--resume", root)
        environment = {**module_environment(), END_WITH_PARENT: "1"}
        with (
            open_log(folder) as log,
            subprocess.Popen(words, env=environment, stdin=PIPE, stdout=log, stderr=log) as process,  # noqa: S603
        ):
            while True:
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(POLL_SECONDS)
                if is_cancelled():
                    process.terminate()
                    with suppress(subprocess.TimeoutExpired):
                        return process.wait(END_SECONDS)
                    process.kill()


def open_log(folder: Path) -> BinaryIO:
    """Open fit.log of a fold or seed to append to it.

    Raises InputError if it is a link or no file, OSError if the folder cannot be written.
    """
    path = folder / LOG_FILE
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o666)
    except OSError:
        if path.is_symlink() or path.is_dir():
            raise InputError(path, "a link or a folder where the log is written", "remove it") from None
        raise
    return os.fdopen(handle, "ab")


def _wait_for_lock(folder: Path) -> None:
    """Wait until nobody trains in `folder`: the training of a worker that died may still keep its state.

    Raises InputError if it does not end.
    """
    deadline = time.monotonic() + END_SECONDS
    while True:
        try:
            with locked(folder):
                return
        except InputError:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)
