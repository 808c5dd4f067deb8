"""The start and the end of the processes of `fit --devices`, and the errors that they report to the first one.

They meet at a store of torch.distributed: that of torchrun, or one that the first process opens. Its keys:

run       the folder of the run, when it exists
prepared  the first process has read the images; the others read them then, and write nothing
ready     how many of the others have done that
failed    the line of the error of the first process that failed
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import TYPE_CHECKING

from torch import distributed, set_num_threads
from torch.distributed import TCPStore, rendezvous  # type: ignore[attr-defined]

from system.child_process import AT_ONCE, END_WITH_PARENT, module_command, module_environment
from system.console import print_status
from system.errors import DefectlineError, first_line
from training.asked_devices import AskedDevices
from training.device_group import DeviceGroup, group_device
from training.options import SharedOptions

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]

MEET = timedelta(minutes=30)  # until every process has started
WAIT = timedelta(days=7)  # pasting or labelling images may take long; a process that ends ends the others
POLL_SECONDS = 0.1
GRACE_SECONDS = 5.0
HOST = "127.0.0.1"
RESTART = "start again, or continue with --resume RUN"


class OtherProcesses:
    """What the first process knows of the others: their store, and those that it started."""

    def __init__(self, asked: AskedDevices, store: "Store") -> None:
        self.asked = asked
        self.store = store
        self.started: list[subprocess.Popen[bytes]] = []

    def group(self, options: SharedOptions) -> DeviceGroup:
        """The group of all processes, not connected yet. Raises OptionError as `group_device`."""
        return DeviceGroup(self.asked, group_device(options.device, self.asked))

    def announce(self, root: Path) -> None:
        """Give the others the folder of the run; nothing more is written into it before the first epoch."""
        self.store.set("run", str(root.resolve()))
        self.store.set("prepared", "1")

    def wait_until_ready(self) -> None:
        """Return when the others are about to join. Raises DefectlineError if one fails."""
        while self.store.add("ready", 0) < self.asked.count - 1:
            if error := self.failure(0):
                raise error
            time.sleep(POLL_SECONDS)

    def failure(self, wait: float = GRACE_SECONDS) -> DefectlineError | None:
        """The error of a process that failed; waits up to `wait` seconds until one has ended."""
        deadline = time.monotonic() + wait
        while True:
            if self.store.check(["failed"]):
                return _error(self.store.get("failed").decode())
            for number, process in enumerate(self.started, 1):
                if process.poll():
                    how = f"ended with status {process.returncode}" if process.returncode > 0 else "was killed"
                    return DefectlineError(f"process {number} of --devices", how, RESTART)
            if time.monotonic() >= deadline:
                return None
            time.sleep(POLL_SECONDS)

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Raise the error of the process that failed instead of that of the connection to it."""
        try:
            yield
        except RuntimeError as error:
            if found := self.failure():
                raise found from None
            if "gloo" in str(error).lower() or isinstance(error, distributed.DistError):
                raise DefectlineError("--devices", "the connection to another process was lost", RESTART) from None
            raise

    def end(self) -> None:
        """Kill those that are left; they keep nothing."""
        for process in self.started:
            process.kill()
            process.wait()


@contextmanager
def other_processes(asked: AskedDevices, command: Sequence[str]) -> Iterator[OtherProcesses | None]:
    """The other processes of a training, for the first one; None on one device.

    Without torchrun they are started, each by `command`, and killed when the block ends early.
    """
    if asked.count == 1:
        yield None
        return
    if asked.external:
        print_status(f"waiting until all {asked.count} processes have started")
        yield OtherProcesses(asked, _torchrun_store())
        return
    store = TCPStore(HOST, 0, None, is_master=True, timeout=WAIT, wait_for_workers=False)
    others = OtherProcesses(asked, store)
    place = {"MASTER_ADDR": HOST, "MASTER_PORT": str(store.port), "WORLD_SIZE": str(asked.count)}
    threads = str(max(1, (os.cpu_count() or 1) // asked.devices))
    before = {name: os.environ.get(name) for name in (*place, "RANK", "LOCAL_RANK")}
    if "OMP_NUM_THREADS" not in os.environ:
        set_num_threads(int(threads))
    try:
        for rank in range(1, asked.count):
            own = {**place, "RANK": str(rank), "LOCAL_RANK": str(rank), END_WITH_PARENT: AT_ONCE}
            environment = {"OMP_NUM_THREADS": threads, **module_environment(), **own}
            words = module_command(*command)
            others.started.append(
                subprocess.Popen(words, env=environment, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)  # noqa: S603
            )
        os.environ.update(place | {"RANK": "0", "LOCAL_RANK": "0"})  # Lightning reads them
        yield others
        for process in others.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
    finally:
        others.end()
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


class FirstProcess:
    """What another process knows of the first one."""

    def __init__(self) -> None:
        self.store = _torchrun_store()

    def run_folder(self) -> Path:
        """The folder of the run, when the first process has prepared it."""
        self.store.wait(["prepared"], WAIT)
        return Path(self.store.get("run").decode())

    def is_ready(self) -> None:
        """Report that this process is about to join."""
        self.store.add("ready", 1)

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report an error of the block to the first process, which prints it, and raise it."""
        try:
            yield
        except DefectlineError as error:
            self._report(f"{error.where}\n{error.problem}\n{error.remedy}")
            raise
        except Exception as error:
            problem = f"unexpected {type(error).__name__}: {first_line(error, 100)}"
            self._report(f"--devices\n{problem}\n{RESTART}")
            raise

    def _report(self, text: str) -> None:
        with suppress(RuntimeError):  # the first process has ended
            self.store.compare_set("failed", "", text)


def _error(text: str) -> DefectlineError:
    where, problem, remedy = text.split("\n", 2)
    return DefectlineError(where, problem, remedy)


def _torchrun_store() -> "Store":
    """The store at MASTER_ADDR and MASTER_PORT. Raises DefectlineError if the processes do not meet there."""
    store: Store
    try:
        store, _, _ = next(iter(rendezvous("env://", timeout=MEET)))
    except (distributed.DistError, ValueError) as error:  # ValueError: a variable is missing
        place = f"{os.environ.get('MASTER_ADDR', '')}:{os.environ.get('MASTER_PORT', '')}"
        problem = f"the processes of --devices and --nodes do not meet there ({first_line(error, 80)})"
        remedy = "start all of them, each with the address and port of the first one"
        raise DefectlineError(f"MASTER_ADDR {place}", problem, remedy) from None
    store.set_timeout(WAIT)
    return store
