"""A real S3 server (moto) on loopback for tests, in the environment that `make s3` makes."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.cluster_processes import tree_bytes
from tests.import_graph import ROOT

if TYPE_CHECKING:
    import fsspec

PYTHON = ROOT / ".venv-s3" / "bin" / "python"
SECONDS = 300.0
SECRET = "a secret of the tests"  # of the client, which moto does not check


@dataclass(frozen=True)
class S3Server:
    """A running server."""

    address: str
    process: "subprocess.Popen[bytes]"

    def kill(self) -> None:
        """End it at once; what it stored is gone."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_s3(log: Path) -> Iterator[S3Server]:
    """A new server that stores nothing; skips without server or client."""
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
        yield S3Server(address, server)
    finally:
        server.kill()
        server.wait()


def client_of(server: S3Server, cache: Path, patch: pytest.MonkeyPatch) -> "fsspec.AbstractFileSystem":
    """The server with one empty bucket, named `bucket`; commands use it, and the folder `cache`."""
    import fsspec  # noqa: PLC0415

    for name, value in {
        "AWS_ENDPOINT_URL": server.address, "AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1", "DEFECTLINE_CACHE": str(cache),
    }.items():  # fmt: skip
        patch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # which may have the address of another server
    system = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    if system.exists("bucket"):
        for path in system.find("bucket"):
            system.rm_file(path)
    else:
        system.mkdir("bucket")
    return system


def put(s3: "fsspec.AbstractFileSystem", folder: Path, prefix: str) -> None:
    """Store the files of `folder` below `prefix`."""
    for name, data in tree_bytes(folder).items():
        s3.pipe_file(f"{prefix}/{name}", data)


def stored(s3: "fsspec.AbstractFileSystem", prefix: str) -> dict[str, bytes]:
    """Every object below `prefix`, by its name relative to it."""
    return {path.removeprefix(f"{prefix}/"): s3.cat_file(path) for path in s3.find(prefix)}


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
