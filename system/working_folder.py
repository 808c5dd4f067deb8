"""A hidden folder for files that are needed only during a command, which no kill leaves for long."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from system.interrupts import defer_signals
from system.partial_folder import new_partial, remove_stale


@contextmanager
def working_folder(path: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside `path`; it is removed at the end of the block.

    Those that killed processes left beside the same `path` are removed first. Raises OSError.
    """
    with defer_signals():
        remove_stale(path)
        folder, lock = new_partial(path)
    try:
        yield folder
    finally:
        with defer_signals():
            shutil.rmtree(folder, ignore_errors=True)
            if lock is not None:
                os.close(lock)
