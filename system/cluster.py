"""Work on a Dask cluster: `--on dask://HOST:PORT`.

Dask's own tools start the scheduler and the workers (docs/cluster.md). What runs on a worker is
system.cluster_task.
"""

import logging
import pickle
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from system.cluster_address import CONNECT_SECONDS, check_address, no_scheduler
from system.cluster_task import Task, known_tasks, other_version, own_versions, run_task, sent_environment
from system.console import print_status
from system.errors import ClusterError
from system.versions import versions
from system.workers import CLUSTER_STOPS, Pool, chunk_size

if TYPE_CHECKING:
    from distributed import Client, Future

S = TypeVar("S")
R = TypeVar("R")

CHUNKS_PER_PROCESS = 4  # that wait or run at a time
NO_WORKER_SECONDS = 30.0  # how long the cluster may have no worker
STOP_SECONDS = 10.0  # how long running tasks may take to notice that they are cancelled
POLL_SECONDS = 0.1
LOGGERS = ("distributed", "distributed.client", "distributed.core", "tornado", "tornado.application", "asyncio")


class DaskPool(Pool):
    """The workers of a Dask cluster; `address` is that of its scheduler as the user gave it."""

    def __init__(self, client: "Client", address: str) -> None:
        self._client = client
        self._address = address
        self._prefix = f"defectline-{uuid.uuid4().hex}-"
        self._waiting: deque[Future] = deque()

    def map_ordered(self, work: Callable[[S], R], items: Sequence[S], largest_chunk: int) -> Iterator[R]:
        """See Pool. A task whose worker dies is repeated on another worker."""
        processes = self._processes()
        size = chunk_size(len(items), processes, largest_chunk)
        chunks = iter([items[start : start + size] for start in range(0, len(items), size)])
        try:
            while True:
                while len(self._waiting) < CHUNKS_PER_PROCESS * processes and (chunk := next(chunks, None)):
                    self._waiting.append(self._submit(work, chunk))
                if not self._waiting:
                    return
                results: list[R] = self._result(self._waiting[0])
                self._waiting.popleft()
                yield from results
        finally:
            self.stop()

    def check_versions(self) -> None:
        """Raise ClusterError if a worker has other versions than this process.

        Each task checks them too, for workers that come later.
        """
        here = versions()
        with self._errors("scheduler"):
            for worker, there in self._client.run(own_versions, on_error="return").items():
                if isinstance(there, ModuleNotFoundError):
                    raise there
                if isinstance(there, dict) and (error := other_version(worker, here, there)):
                    raise error

    def stop(self) -> None:
        """Cancel what waits, and wait until what runs has ended. Does nothing if nothing does."""
        if not self._waiting:
            return
        futures = list(self._waiting)
        self._waiting.clear()
        deadline = time.monotonic() + STOP_SECONDS
        with suppress(ClusterError), self._errors("scheduler"):  # it may be gone
            self._client.cancel(futures, force=True)
            while time.monotonic() < deadline:
                if not any(self._client.run(known_tasks, self._prefix, on_error="ignore").values()):
                    return
                time.sleep(POLL_SECONDS)

    def _submit(self, work: Callable[[S], R], items: Sequence[S]) -> "Future":
        payload = pickle.dumps((work, list(items)), pickle.HIGHEST_PROTOCOL)
        task = Task(str(Path.cwd()), sent_environment(), versions(), payload)
        with self._errors("scheduler"):
            return self._client.submit(run_task, task, key=f"{self._prefix}{uuid.uuid4().hex}", pure=False)

    def _processes(self) -> int:
        """The number of tasks that can run at a time. Raises ClusterError if there is no worker for long."""
        deadline = time.monotonic() + NO_WORKER_SECONDS
        announced = False
        while not (threads := sum(self._threads())):
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"--on {self._address}",
                    "the cluster has no worker",
                    f"start one, such as: dask worker {self._address.removeprefix('dask://')}",
                )
            if not announced:
                print_status("waiting for a worker of the cluster")
                announced = True
            time.sleep(POLL_SECONDS)
        return threads

    def _threads(self) -> list[int]:
        with self._errors("scheduler"):
            return list(self._client.nthreads().values())

    def _result(self, future: "Future") -> list[R]:
        with self._errors("worker"):
            while True:
                try:
                    results: list[R] = future.result(timeout=CONNECT_SECONDS)
                except TimeoutError:
                    if future.status == "error":  # raised by the function
                        raise
                    self._processes()
                else:
                    return results

    def _errors(self, asked: Literal["worker", "scheduler"]) -> "_DaskErrors":
        return _DaskErrors(self._client, self._address, asked)


class _DaskErrors:
    """Turns what Dask raises about itself during the block into a ClusterError.

    `asked`: who answers, a "worker" with what a function returned or raised, or the "scheduler" itself.
    """

    def __init__(self, client: "Client", address: str, asked: Literal["worker", "scheduler"]) -> None:
        self._client = client
        self._where = f"--on {address}"
        self._asked = asked

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        if isinstance(error, KilledWorker):
            problem = f"{error.allowed_failures + 1} workers died at the same task"
            raise ClusterError(self._where, problem, "read the logs of the workers; memory may be short") from None
        if isinstance(error, CancelledError | CommClosedError) or self._unconnected(error):
            problem = "the scheduler ended or cannot be reached any more"
            raise ClusterError(self._where, problem, "start it and repeat the command") from None
        if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] == "system":
            problem = f"a worker has no defectline, or another version ({error})"
            raise ClusterError(self._where, problem, "install the same version on every machine") from None

    def _unconnected(self, error: BaseException | None) -> bool:
        """Whether it is of a connection that is lost, or of a client that has given up connecting again."""
        if self._asked == "worker" or not isinstance(error, Exception):
            return False
        return isinstance(error, OSError | RuntimeError) or self._client.status == "closed"


@contextmanager
def opened_cluster(address: str) -> Iterator[Pool]:
    """The workers of the cluster whose scheduler is at `address`, dask://HOST:PORT.

    Raises OptionError for another form and if dask.distributed is not installed, ClusterError if no scheduler
    answers or a worker has other versions.
    """
    client = _connected(address)
    pool = DaskPool(client, address)
    CLUSTER_STOPS.append(pool.stop)
    try:
        pool.check_versions()
        yield pool
    finally:
        pool.stop()
        CLUSTER_STOPS.remove(pool.stop)
        with suppress(OSError, CancelledError, TimeoutError, RuntimeError):
            client.close(timeout=CONNECT_SECONDS)


def _connected(address: str) -> "Client":
    host, port = check_address(address)
    import dask
    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.simplefilter("ignore", VersionMismatchWarning)  # a table; check_versions states one line
    encrypted = dask.config.get("distributed.comm.require-encryption")
    url = f"{'tls' if encrypted else 'tcp'}://{f'[{host}]' if ':' in host else host}:{port}"
    made: list[Client | Exception] = []

    def connect() -> None:
        try:
            made.append(Client(url, timeout=CONNECT_SECONDS, set_as_default=False))
        except Exception as error:  # noqa: BLE001  raised below
            made.append(error)

    # Dask waits without end for the first message of a process that accepts connections
    waiting = threading.Thread(target=connect, daemon=True, name="connect to the cluster")
    waiting.start()
    waiting.join(3 * CONNECT_SECONDS)
    # MemoryError: text of another protocol is read as the length of a message
    for outcome in made:
        if isinstance(outcome, Client):
            return outcome
        if not isinstance(outcome, OSError | TimeoutError | ValueError | MemoryError):
            raise outcome
    raise no_scheduler(address)
