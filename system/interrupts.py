"""Defer SIGINT and SIGTERM until a block of code exits."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

DEFERRED = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Deliver SIGINT and SIGTERM that arrive during the block when it exits.

    Does nothing outside the main thread: Python delivers signals only there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = {int(number): signal.signal(number, note) for number in DEFERRED}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: the handler was set by C code, and Python cannot restore it
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in dict.fromkeys(received):
            signal.raise_signal(number)
