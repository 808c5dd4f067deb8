"""Ctrl-C and a request to end, held back for the few lines that must not be cut in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HELD = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def held_back() -> Iterator[None]:
    """SIGINT and SIGTERM that come during the block are heard when it ends. Only the main thread can hold them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {int(number): signal.signal(number, note) for number in HELD}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None: set by a program in C, which Python cannot put back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)
