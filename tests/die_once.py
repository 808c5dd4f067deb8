"""Preloaded by a worker of a test cluster: it is killed in the middle of a task that has begun to write.

DIE_AFTER items of one task are done first. The file named by DIED then exists, and no other worker dies.
"""

import os
import signal
from pathlib import Path
from typing import Any

from system import cluster_task


def dask_setup(_worker: object) -> None:
    apply = cluster_task._apply

    def dying(function: Any, items: list[Any], name: str) -> list[object]:
        try:
            marker = os.open(os.environ["DIED"], os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return apply(function, items, name)
        apply(function, items[: int(os.environ["DIE_AFTER"])], name)
        os.close(marker)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError(Path.cwd())

    cluster_task._apply = dying
