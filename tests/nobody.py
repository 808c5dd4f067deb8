"""A person who may read and not write, also where tests run as root, who may write anywhere."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DAC_OVERRIDE = 1  # the capability to write regardless of modes; linux/capability.h
VERSION_3 = 0x20080522


@contextmanager
def only_reading(*folders: Path) -> Iterator[None]:
    """Take the right to write away from `folders` and all folders below, and from root its privilege."""
    below = [path for folder in folders for path in (folder, *folder.rglob("*")) if path.is_dir()]
    modes = {path: path.stat().st_mode for path in below}
    for path in modes:
        path.chmod(0o555)
    if os.getuid() == 0:
        _may_write_anywhere(False)
    try:
        yield
    finally:
        if os.getuid() == 0:
            _may_write_anywhere(True)
        for path, mode in modes.items():
            path.chmod(mode)


def _may_write_anywhere(allowed: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, twice 32 capabilities
    assert libc.capget(header, sets) == 0
    sets[0] = sets[0] | 1 << DAC_OVERRIDE if allowed else sets[0] & ~(1 << DAC_OVERRIDE)
    assert libc.capset(header, sets) == 0, os.strerror(ctypes.get_errno())
