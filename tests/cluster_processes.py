"""A real Dask scheduler and real workers on loopback, each a process, for tests."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.import_graph import ROOT

SECONDS = 300.0
DIE_ONCE = "tests.die_once"  # a module that makes a worker die in the middle of a task


class Cluster:
    """A scheduler and its workers; `folder` gets their logs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scheduler = self._start("scheduler", ["--host", "127.0.0.1", "--port", "0"], {})
        self.address = self._wait_for(self.scheduler, "scheduler", r"Scheduler at: +tcp://([\d.]+:\d+)")
        self.url = f"dask://{self.address}"
        self.workers: list[subprocess.Popen[bytes]] = []

    def add_worker(self, environment: Mapping[str, str] | None = None, options: Sequence[str] = ()) -> int:
        """Start a worker without waiting for it; returns its number."""
        number = len(self.workers)
        words = [f"tcp://{self.address}", "--no-nanny", "--nthreads", "1", *options]
        words += ["--local-directory", str(self.folder / f"local-{number}")]
        self.workers.append(self._start("worker", words, environment or {}, f"worker-{number}"))
        return number

    def wait(self) -> None:
        """Wait until every running worker is registered."""
        for number, worker in enumerate(self.workers):
            self._wait_for(worker, f"worker-{number}", "(Registered to)")

    def end(self) -> None:
        """Kill everything."""
        for process in (self.scheduler, *self.workers):
            process.kill()
            process.wait()

    def _wait_for(self, process: "subprocess.Popen[bytes]", log: str, pattern: str) -> str:
        """Wait until the process has printed something; the first group of `pattern`, empty if it has ended."""
        deadline = time.monotonic() + SECONDS
        while not (found := re.search(pattern, text := (self.folder / f"{log}.log").read_text())):
            if process.poll() is not None:
                return ""
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        return found[1]

    def _start(
        self, kind: str, words: Sequence[str], environment: Mapping[str, str], log: str = "scheduler"
    ) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{kind}", "--no-dashboard", *words]
        variables = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
        with (self.folder / f"{log}.log").open("wb") as file:
            return subprocess.Popen(command, env=variables, stdout=file, stderr=file)


@contextmanager
def running_cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """A scheduler with `workers` workers, killed at the end."""
    cluster = Cluster(folder)
    try:
        for _ in range(workers):
            cluster.add_worker()
        cluster.wait()
        yield cluster
    finally:
        cluster.end()


def tree_bytes(root: Path) -> dict[str, bytes]:
    """The content of each file below `root`."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
