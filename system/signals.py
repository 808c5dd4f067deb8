"""Signals as exceptions: SIGTERM ends a command like an exception, Ctrl-C always arrives."""

import signal
import sys
import threading
from contextlib import suppress
from types import FrameType


def take_signals() -> bool:
    """Turn SIGTERM into an exception, and Ctrl-C if `end_silently` was called; returns whether it was called."""
    signal.signal(signal.SIGTERM, _end_on_signal)
    if signal.getsignal(signal.SIGINT) != signal.SIG_DFL:
        return False
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.unraisablehook = _interrupt_again
    return True


def _interrupt_again(failure: "sys.UnraisableHookArgs") -> None:
    """Repeat a Ctrl-C that arrived in a callback, where Python cannot raise it; print no traceback."""
    if not isinstance(failure.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(failure)
        return
    timer = threading.Timer(0.02, signal.raise_signal, (signal.SIGINT,))
    timer.daemon = True
    with suppress(RuntimeError):  # Python is shutting down
        timer.start()


def _end_on_signal(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(143)
