"""One function over many items, in as many processes as pay."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import active_children, parent_process
from typing import TypeVar

from system.interrupts import defer_signals
from system.startup import GC_THRESHOLD

S = TypeVar("S")
R = TypeVar("R")

LARGEST_CHUNK = 64


class Pool:
    """Processes that have been started, `size` of them."""

    def __init__(self, executor: ProcessPoolExecutor, size: int) -> None:
        self._executor = executor
        self.size = size

    def map_ordered(self, work: Callable[[S], R], items: Sequence[S], largest_chunk: int) -> Iterator[R]:
        """`map_ordered` in these processes."""
        chunk = max(1, min(largest_chunk, len(items) // (4 * self.size)))
        with defer_signals():
            results = self._executor.map(work, items, chunksize=chunk)
        yield from results


@contextmanager
def started_pool(jobs: int, *, pays: bool, modules: Sequence[str] = ()) -> Iterator[Pool | None]:
    """Processes for several rounds of work, None where one is to do it all, by `jobs` and `pays` of `map_ordered`.

    They load `modules` at once, while the caller is still finding out what there is to do.
    """
    workers = jobs or (_processors() if pays else 1)
    if workers == 1:
        yield None
        return
    executor = ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(tuple(modules),))
    try:
        with defer_signals():  # cut between two forks, the executor would wait for its idle workers for ever
            executor.submit(_nothing)
        yield Pool(executor, workers)
    finally:
        with defer_signals():
            executor.shutdown(cancel_futures=True)


def map_ordered(
    work: Callable[[S], R],
    items: Sequence[S],
    jobs: int,
    *,
    pool_pays: bool,
    largest_chunk: int = LARGEST_CHUNK,
    pool: Pool | None = None,
) -> Iterator[R]:
    """`work` of each item, in the order of the items; `work` and its results must pickle.

    `jobs` is the number of processes, 0 chooses: one unless `pool_pays`, else one per processor. A process
    takes at most `largest_chunk` items at a time. A `pool` that is given does the work instead.
    """
    if pool is not None:
        yield from pool.map_ordered(work, items, largest_chunk)
        return
    with started_pool(jobs if len(items) > 1 else 1, pays=pool_pays) as own:
        if own is None:
            yield from map(work, items)
        else:
            yield from own.map_ordered(work, items, largest_chunk)


def end_workers() -> None:
    """End every process that this one has started, in the middle of what it does, and wait until it is gone."""
    with defer_signals():
        children = active_children()
        for child in children:
            child.kill()
        for child in children:
            child.join()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _nothing() -> None:
    pass


def _start_worker(modules: Sequence[str]) -> None:
    # Ctrl-C goes to every process of the terminal; what it ends is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A worker whose parent was killed waits for work for ever: its siblings keep the pipe open.
    threading.Thread(target=_wait_for_parent, daemon=True).start()
    for module in modules:
        import_module(module)
    # Points of shapes are many small objects in no cycle, which Python would go through again and again.
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
