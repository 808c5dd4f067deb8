"""A real S3 server (moto) on loopback for tests, in the environment that `make s3` makes."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.import_graph import ROOT

PYTHON = ROOT / ".venv-s3" / "bin" / "python"
SECONDS = 300.0


@contextmanager
def running_s3(log: Path) -> Iterator[str]:
    """The address of a new server with an empty bucket named `bucket`; skips without server or client."""
    if find_spec("s3fs") is None:
        pytest.skip('s3fs is not installed (pip install "defectline[storage]")')
    if not PYTHON.exists():
        pytest.skip("there is no S3 server (make s3)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as file:
        command = [str(PYTHON), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdout=file, stderr=file, env=without_python_path())
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + SECONDS
        while not answers(address):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield address
    finally:
        server.kill()
        server.wait()


def without_python_path() -> dict[str, str]:
    """The environment without PYTHONPATH, whose packages are not for the server's Python."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def answers(address: str) -> bool:
    """Whether the server listens."""
    try:
        with urlopen(f"{address}/moto-api/", timeout=5):
            return True
    except (URLError, OSError):
        return False
