"""How a command starts: silent on Ctrl-C while it imports, and sooner; import this before anything else."""

import _signal  # type: ignore[import-not-found]  # importing signal takes longer than everything before it
import atexit
import gc
import os

GC_THRESHOLD = 50_000  # new objects; by default, importing modules alone triggers some forty collections


def end_silently() -> None:
    """Let Ctrl-C end this process at once without a traceback, until `system.console.run` takes over.

    A process that was started with Ctrl-C ignored, as the background jobs of a shell are, continues to ignore it.
    """
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def tune_process() -> None:
    """Collect garbage less often and start no BLAS threads; for commands that compute nothing with BLAS."""
    gc.set_threshold(GC_THRESHOLD)
    atexit.register(gc.freeze)  # spares the last collection at exit
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
