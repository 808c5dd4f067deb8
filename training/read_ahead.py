"""Read the next images in a thread while the network computes."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_IMAGES = 8  # read ahead, as many as the detector computes together
MAX_BYTES = 128 * 2**20  # of the images read ahead, if the next ones are not larger than those before


def read_ahead(
    files: Iterable[Path], read: "Callable[[Path], NDArray[np.uint8]]"
) -> "Iterator[tuple[Path, NDArray[np.uint8]]]":
    """Yield each file and its pixels (H x W x 3 uint8 RGB), in order; the next files are read in a thread.

    At most MAX_IMAGES images wait, and fewer if they are large, but always one. An error of `read` is raised at
    its file, after all files before it. Closing the iterator ends the thread after the file that it is reading.
    """
    left = iter(files)
    waiting: deque[tuple[Path, Future[NDArray[np.uint8]]]] = deque()
    pool = ThreadPoolExecutor(1, "read-ahead")
    limit = 1

    def fill() -> None:
        while len(waiting) < limit and (file := next(left, None)) is not None:
            waiting.append((file, pool.submit(read, file)))

    try:
        fill()
        while waiting:
            file, future = waiting.popleft()
            pixels = future.result()
            limit = max(1, min(MAX_IMAGES, MAX_BYTES // max(1, pixels.nbytes)))
            fill()
            del future  # it holds the pixels too
            yield file, pixels
            del pixels
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
