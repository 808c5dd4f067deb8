"""Run a command in a process that the server forks: same arguments, folder, environment, streams and exit status.

Run by its path with `python -I -S`, so that it starts in some milliseconds. Passes SIGINT and SIGTERM on. When it
is killed, so is the command.
"""

import array
import json
import os
import signal
import socket
import sys


def main(address: str, module: str, *arguments: str) -> int:
    """The exit status of the command, or minus the number of the signal that ended it."""
    folder = os.getcwd()  # noqa: PTH109  importing pathlib would double the time to start
    request = {"module": module, "arguments": arguments, "folder": folder, "environment": dict(os.environ)}
    text = json.dumps(request).encode()
    with socket.socket(socket.AF_UNIX) as server:
        server.connect("\0" + address)
        streams = array.array("i", (0, 1, 2))
        server.sendmsg([b"C" + len(text).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
        server.sendall(text)
        with server.makefile("r") as replies:
            process = int(replies.readline())
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, _: os.kill(process, number))
            return int(replies.readline())


if __name__ == "__main__":
    status = main(*sys.argv[1:])
    if status < 0:
        if -status != signal.SIGKILL:  # which cannot be set
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
