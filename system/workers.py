"""Apply one function to many items, in several processes if that is faster."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import InvalidStateError, ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import active_children, parent_process
from typing import Protocol, TypeVar

from system.interrupts import defer_signals
from system.startup import GC_THRESHOLD

S = TypeVar("S")
R = TypeVar("R")

MAX_CHUNK = 64
CLUSTER_STOPS: list[Callable[[], None]] = []  # of each open pool of system.cluster: stops its work and waits
JOBS_PER_PROCESSOR = 4


class Pool(Protocol):
    """Processes that apply functions to items: on this machine (`ProcessPool`) or a cluster (system.cluster)."""

    def map_ordered(self, work: Callable[[S], R], items: Sequence[S], largest_chunk: int) -> Iterator[R]:
        """Yield `work(item)` for each item, in order; a process takes at most `largest_chunk` items at a time.

        `work`, items and results must be picklable. An error of `work` is raised here.
        """


class ProcessPool(Pool):
    """`size` started processes on this machine."""

    def __init__(self, executor: ProcessPoolExecutor, size: int) -> None:
        self._executor = executor
        self.size = size

    def map_ordered(self, work: Callable[[S], R], items: Sequence[S], largest_chunk: int) -> Iterator[R]:
        """See Pool."""
        chunk = chunk_size(len(items), self.size, largest_chunk)
        with defer_signals():
            results = self._executor.map(work, items, chunksize=chunk)
        yield from results


def chunk_size(items: int, processes: int, largest: int) -> int:
    """How many items a process takes at a time: four chunks for each process, if there are enough items."""
    return max(1, min(largest, items // (4 * processes)))


@contextmanager
def started_pool(
    jobs: int, *, pays: bool, modules: Sequence[str] = (), running: Pool | None = None
) -> Iterator[Pool | None]:
    """Processes for several rounds of `map_ordered`; None if one process does all the work.

    A `running` pool is used instead and not ended.

    `jobs` is the number of processes, at most `max_jobs()`; 0 chooses one per processor if several are faster
    (`pays`), else one. They import `modules` immediately, while the caller still lists its work.
    """
    if running is not None:
        yield running
        return
    workers = min(jobs, max_jobs()) or (_processors() if pays else 1)
    if workers == 1:
        yield None
        return
    executor = ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(tuple(modules),))
    try:
        with defer_signals():  # if interrupted between two forks, the executor would wait forever
            executor.submit(_nothing)
        yield ProcessPool(executor, workers)
    finally:
        with defer_signals():
            executor.shutdown(cancel_futures=True)


def map_ordered(
    work: Callable[[S], R],
    items: Sequence[S],
    jobs: int,
    *,
    pool_pays: bool,
    largest_chunk: int = MAX_CHUNK,
    pool: Pool | None = None,
) -> Iterator[R]:
    """Yield `work(item)` for each item, in order; `work`, items and results must be picklable.

    `jobs` is the number of processes; 0 chooses one per processor if `pool_pays`, else one. A process takes at
    most `largest_chunk` items at a time. With `pool`, its processes do the work.
    """
    if pool is not None:
        yield from pool.map_ordered(work, items, largest_chunk)
        return
    with started_pool(jobs if len(items) > 1 else 1, pays=pool_pays) as own:
        if own is None:
            yield from map(work, items)
        else:
            yield from own.map_ordered(work, items, largest_chunk)


def max_jobs() -> int:
    """The largest number of processes that is started: four per processor."""
    return JOBS_PER_PROCESSOR * _processors()


def end_workers() -> None:
    """Kill every process that this process started, stop its work on clusters, and wait until all has ended."""
    threading.excepthook = _report_unless_cancelled
    for stop in tuple(CLUSTER_STOPS):
        stop()
    with defer_signals():
        children = active_children()
        for child in children:
            child.kill()
        for child in children:
            child.join()


def _report_unless_cancelled(failure: threading.ExceptHookArgs) -> None:
    """Report an error in a thread, but not the cancelled work of a pool whose processes were killed."""
    if failure.exc_type is not InvalidStateError:
        threading.__excepthook__(failure)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _nothing() -> None:
    pass


def _start_worker(modules: Sequence[str]) -> None:
    # Ctrl-C reaches every process of the terminal; only the parent reacts to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Without this, a worker waits forever if its parent is killed, because the other workers keep the pipe open.
    threading.Thread(target=_wait_for_parent, daemon=True).start()
    for module in modules:
        import_module(module)
    # The points of shapes are many small objects without cycles; the collector would scan them repeatedly.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
