"""The address of a cluster, dask://HOST:PORT, checked before Dask or PyTorch is imported."""

import re
import socket
from importlib.util import find_spec

from system.errors import ClusterError, OptionError

ADDRESS = re.compile(r"dask://(\[[^\]/\s]+\]|[^\]\[:/\s]+):(\d{1,5})/?")
CONNECT_SECONDS = 10.0


def check_address(on: str) -> tuple[str, int]:
    """The host and port of a scheduler, dask://HOST:PORT.

    Raises OptionError for another form and if dask.distributed is not installed.
    """
    match = ADDRESS.fullmatch(on)
    if match is None or not 0 < int(match[2]) < 65536:
        raise OptionError(f"--on {on}", "not an address of a cluster", "give dask://HOST:PORT")
    try:
        installed = find_spec("distributed") is not None
    except ValueError:  # a module that was taken out
        installed = False
    if not installed:
        remedy = "install it: pip install 'defectline[cluster]'"
        raise OptionError(f"--on {on}", "dask.distributed is not installed", remedy)
    return match[1].strip("[]"), int(match[2])


def check_on(on: str | None) -> None:
    """Refuse `--on` before anything heavy is imported: as `check_address`, and where nothing accepts connections.

    Raises ClusterError then.
    """
    if on is None:
        return
    try:
        socket.create_connection(check_address(on), CONNECT_SECONDS).close()
    except (OSError, UnicodeError):
        raise no_scheduler(on) from None


def no_scheduler(on: str) -> ClusterError:
    """The error where no scheduler answers."""
    problem = "no scheduler of dask.distributed answers there"
    return ClusterError(f"--on {on}", problem, "start one, such as: dask scheduler")
