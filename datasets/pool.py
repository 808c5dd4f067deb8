"""One function over many items, in as many processes as pay."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import parent_process
from typing import TypeVar

S = TypeVar("S")
R = TypeVar("R")

LARGEST_CHUNK = 64


def map_ordered(work: Callable[[S], R], items: Sequence[S], jobs: int, *, pool_pays: bool) -> Iterator[R]:
    """`work` of each item, in the order of the items; `work` and its results must pickle.

    `jobs` is the number of processes, 0 chooses: one unless `pool_pays`, else one per processor.
    """
    workers = jobs or (_processors() if pool_pays else 1)
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    chunk = max(1, min(LARGEST_CHUNK, len(items) // (4 * workers)))
    with ProcessPoolExecutor(workers, initializer=_end_with_parent) as pool:
        yield from pool.map(work, items, chunksize=chunk)


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _end_with_parent() -> None:
    # A worker whose parent was killed waits for work for ever: its siblings keep the pipe open.
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
