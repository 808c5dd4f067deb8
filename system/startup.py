"""Start a command faster, and silently end on Ctrl-C during imports. Import this module before all others."""

import _signal  # type: ignore[import-not-found]  # importing signal takes longer than everything before it
import atexit
import gc
import os

GC_THRESHOLD = 50_000  # new objects; by default, importing modules alone triggers some forty collections


def end_silently() -> None:
    """Let Ctrl-C end this process immediately and without a traceback, until `system.console.run` takes over.

    If the process was started with Ctrl-C ignored, like a background job of a shell, it continues to ignore it.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def tune_process() -> None:
    """Collect garbage less often and start no BLAS threads. For commands that do not use BLAS."""
    gc.set_threshold(GC_THRESHOLD)
    atexit.register(gc.freeze)  # avoids the last collection at exit
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
