"""What a command settles before it loads anything else, so that it starts and ends sooner."""

import atexit
import gc
import os

GARBAGE_FROM = (
    50_000  # new objects; by default, loading modules alone makes Python look for garbage some forty times
)


def hasten() -> None:
    """For commands that compute nothing with BLAS, whose idle threads turn in circles while a program starts."""
    gc.set_threshold(GARBAGE_FROM)
    atexit.register(gc.freeze)  # what ends with the process need not be searched for garbage again
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
