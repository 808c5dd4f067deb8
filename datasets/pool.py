"""One function over many items, in as many processes as pay."""

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, parent_process
from typing import TypeVar

from datasets.interrupts import held_back
from datasets.startup import GARBAGE_FROM

S = TypeVar("S")
R = TypeVar("R")

LARGEST_CHUNK = 64


def map_ordered(
    work: Callable[[S], R], items: Sequence[S], jobs: int, *, pool_pays: bool, largest_chunk: int = LARGEST_CHUNK
) -> Iterator[R]:
    """`work` of each item, in the order of the items; `work` and its results must pickle.

    `jobs` is the number of processes, 0 chooses: one unless `pool_pays`, else one per processor. A process
    takes at most `largest_chunk` items at a time.
    """
    workers = jobs or (_processors() if pool_pays else 1)
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    chunk = max(1, min(largest_chunk, len(items) // (4 * workers)))
    pool = ProcessPoolExecutor(workers, initializer=_start_worker)
    try:
        with held_back():  # cut between two forks, the executor would wait for its idle workers for ever
            results = pool.map(work, items, chunksize=chunk)
        yield from results
    finally:
        with held_back():
            pool.shutdown(cancel_futures=True)


def end_workers() -> None:
    """End every process that this one has started, in the middle of what it does, and wait until it is gone."""
    with held_back():
        children = active_children()
        for child in children:
            child.kill()
        for child in children:
            child.join()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start_worker() -> None:
    # Ctrl-C goes to every process of the terminal; what it ends is the parent's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A worker whose parent was killed waits for work for ever: its siblings keep the pipe open.
    threading.Thread(target=_wait_for_parent, daemon=True).start()
    # Points of shapes are many small objects in no cycle, which Python would go through again and again.
    gc.freeze()
    gc.set_threshold(GARBAGE_FROM)


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
