"""Commands in processes that are forked from one that has already imported the libraries of the trainers.

Importing PyTorch, Lightning, timm and Ultralytics takes 5 to 15 s of processor time in every new process, most of
what a command on a tiny dataset needs. Tests that need another process, but not its start, use these. Tests of
signals, of the environment and of the import path start real processes.
"""

import fcntl
import hashlib
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from system.child_process import ROOT, module_command, module_environment

TRAINERS = ("train_anomaly", "train_cls", "train_det", "train_seg")
STARTED_BY = ("evaluate.new_predictions", "annotate.export_model", "training.cross_validation")
LEASE, COMMAND = b"L", b"C"  # what a connection to the server is for


class PreloadedCommands:
    """Starts a server at the first use, or joins that of another process with the same `folder`.

    The server ends with its last user.
    """

    def __init__(self, folder: Path) -> None:
        self._lock = folder / "preloaded.lock"
        place = f"{folder} {folder.stat().st_dev} {folder.stat().st_ino}"  # not that of an earlier run
        self._address = f"\0defectline-{hashlib.sha256(place.encode()).hexdigest()[:16]}"
        self._lease: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def command(self, module: str, *arguments: object) -> list[str]:
        """Like `module_command(module, *arguments)`; trainers and modules of tests run in a forked process."""
        words = [str(argument) for argument in arguments]
        if sys.platform != "linux" or (module not in TRAINERS and not module.startswith("tests.")):
            return module_command(module, *words)
        if self._lease is None:
            self._lease = self._join()
        client = Path(__file__).parent / "client.py"
        return [sys.executable, "-I", "-S", str(client), self._address[1:], module, *words]

    def use_in_this_process(self, patch: pytest.MonkeyPatch) -> None:
        """Let the project itself start its trainers this way."""
        for module in STARTED_BY:
            patch.setattr(f"{module}.module_command", self.command)

    def _join(self) -> socket.socket:
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with suppress(ConnectionError):  # there is none, or it is just ending
                return self._connect()
            self._server = subprocess.Popen(
                [sys.executable, "-P", "-m", "tests.preloaded.server", self._address[1:]],
                cwd=ROOT, env=module_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
            assert self._server.stdout is not None
            assert self._server.stdout.readline() == b"ready\n"
            return self._connect()

    def _connect(self) -> socket.socket:
        lease = socket.socket(socket.AF_UNIX)
        try:
            lease.connect(self._address)
            lease.sendall(LEASE)
            if lease.recv(1) != LEASE:
                raise ConnectionResetError("the server ended")
        except OSError:
            lease.close()
            raise
        return lease
