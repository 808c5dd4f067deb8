"""Import the libraries of the trainers, then fork a process for each command until the last user is gone."""

import gc
import io
import json
import os
import runpy
import select
import signal
import socket
import sys
import tempfile
from importlib import import_module
from typing import Any

from tests.preloaded import COMMAND, TRAINERS

LEARNERS = [f"{room}.{module}" for room in TRAINERS for module in ("cli", "learner")]
LIBRARIES = ("torchvision", "timm", "segmentation_models_pytorch", "albumentations", "lightning.pytorch",
             "torch._dynamo", "torch.optim", "matplotlib.pyplot", "sklearn.linear_model")  # fmt: skip


def serve(address: str) -> None:
    """Answer on the abstract socket `address` while a user holds a lease."""
    for module in (*LIBRARIES, *LEARNERS):
        import_module(module)
    gc.collect()
    gc.freeze()  # forked processes share these objects
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended processes need no wait
    leases: list[socket.socket] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + address)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            for ready in select.select([listener, *leases], [], [])[0]:
                if ready is listener:
                    connection = listener.accept()[0]
                    if connection.recv(1, socket.MSG_PEEK) != COMMAND:
                        leases.append(connection)
                        connection.sendall(connection.recv(1))
                        continue
                    if os.fork() == 0:
                        listener.close()
                        os._exit(supervise(connection))
                    connection.close()
                elif not ready.recv(1024):  # the lease itself, or its end
                    leases.remove(ready)
                    ready.close()
                    if not leases:
                        return


def supervise(connection: socket.socket) -> int:
    """Fork the command, report its process id and its end, and kill it when its client ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    head, streams, _, _ = socket.recv_fds(connection, 5, 3)
    request, length = b"", int.from_bytes(head[1:], "big")
    while len(request) < length:
        request += connection.recv(length - len(request))
    process = os.fork()
    if process == 0:
        connection.close()
        run(json.loads(request), streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{process}\n".encode())
    end = os.pidfd_open(process)
    if end not in select.select([end, connection], [], [])[0]:
        os.kill(process, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    connection.sendall(f"{status}\n".encode())
    return 0


def run(request: dict[str, Any], streams: list[int]) -> None:
    """Run the command in this process; does not return."""
    status = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.stdin, sys.stdout = (open(number, mode) for number, mode in ((0, "r"), (1, "w")))  # noqa: PTH123, SIM115
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), line_buffering=True, write_through=True)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        tempfile.tempdir = None  # found again, from the environment
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = [request["module"], *request["arguments"]]
        try:
            runpy.run_module(request["module"], run_name="__main__", alter_sys=True)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # noqa: BLE001  as Python does
            sys.excepthook(*sys.exc_info())
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


if __name__ == "__main__":
    serve(sys.argv[1])
    os._exit(0)  # some libraries print about memory that they did not free
