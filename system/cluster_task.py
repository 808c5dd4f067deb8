"""The part of a command that runs on a worker of a Dask cluster; system.cluster sends it there."""

import os
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from system.errors import ClusterError, OperatingSystemError
from system.links import forget_folders
from system.system_fault import on_worker, system_fault
from system.versions import first_difference, versions

if TYPE_CHECKING:
    from distributed import Worker

VARIABLES = ("DEFECTLINE_MAX_MEGAPIXELS", "DEFECTLINE_TRUST_WEIGHTS")  # sent with each task
ENDING = {"stopping", "stopped", "closing", "closed", "failed"}  # states of a worker, also without a scheduler
_ONE_AT_A_TIME = threading.Lock()  # the current folder and the environment are those of the whole process


class Task(msgspec.Struct, frozen=True):
    """A function and some items (`payload`, pickled), and what it needs of the process that sent it.

    `folder` is its current folder, `environment` its values of VARIABLES.
    """

    folder: str
    environment: dict[str, str]
    versions: dict[str, str]
    payload: bytes


class Cancelled(Exception):  # noqa: N818  not an error
    """The command that sent the task does not want its result any more."""


def run_task(task: Task) -> list[object]:
    """The result of the function for each item, in order. Stops between two items if the task was cancelled.

    Raises ClusterError for other versions than those of the sender or if its current folder does not exist here,
    OperatingSystemError with the name of this worker if memory ran out, and what the function raises; an OSError
    gets the name of this worker (`on_worker`).
    """
    name = _worker_name()
    if error := other_version(name, task.versions, own_versions()):
        raise error
    with _ONE_AT_A_TIME, _surroundings(task, name):
        function, items = pickle.loads(task.payload)  # noqa: S301  from the scheduler, see docs/security.md
        return _apply(function, items, name)


def own_versions() -> dict[str, str]:
    """The versions of the process that runs this."""
    return versions()


def other_version(worker: str, here: dict[str, str], there: dict[str, str]) -> ClusterError | None:
    """The error for the worker at an address with the versions `there`; None if they are those of the command."""
    difference = first_difference(here, there)
    if difference is None:
        return None
    return ClusterError(
        f"worker {worker}",
        f"has {difference}",
        "install the same versions everywhere, and start the workers again",
    )


def _apply(function: Callable[[object], object], items: list[object], name: str) -> list[object]:
    results = []
    try:
        for item in items:
            if is_cancelled():
                raise Cancelled
            results.append(function(item))
    except OSError as error:
        on_worker(error, name)  # it stays an OSError, so that the command can name its destination
        raise
    except MemoryError as error:
        fault = system_fault(error, debug=False)
        if fault is None:
            raise
        raise OperatingSystemError(fault.where, f"{fault.problem} (worker {name})", fault.remedy) from None
    return results


def is_cancelled() -> bool:
    """Whether the command that sent the current task was interrupted, was killed or lost the scheduler."""
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:  # not on a worker
        return False
    task = worker.state.tasks.get(worker.get_current_task())
    return task is None or task.state == "cancelled" or worker.status.name in ENDING


def known_tasks(prefix: str, dask_worker: "Worker") -> int:
    """How many tasks whose key starts with `prefix` this worker knows; Dask passes `dask_worker`.

    A worker forgets a cancelled task at once, or when it ends if it already runs.
    """
    return sum(str(key).startswith(prefix) for key in dask_worker.state.tasks)


def sent_environment() -> dict[str, str]:
    """The environment variables that go with each task."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


@contextmanager
def _surroundings(task: Task, name: str) -> Iterator[None]:
    """The current folder and the environment variables of the sender."""
    before, variables = Path.cwd(), {one: os.environ.get(one) for one in VARIABLES}
    try:
        os.chdir(task.folder)
    except OSError:
        problem = f"does not have the current folder {task.folder}"
        raise ClusterError(
            f"worker {name}", problem, "run the command in a folder that all machines share"
        ) from None
    forget_folders()
    try:
        _set_variables({one: task.environment.get(one) for one in VARIABLES})
        yield
    finally:
        _set_variables(variables)
        os.chdir(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _worker_name() -> str:
    from distributed import get_worker

    return str(get_worker().address)
