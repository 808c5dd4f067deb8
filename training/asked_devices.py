"""`fit --devices N --nodes M`: how many processes train together, and which of them this one is."""

import os
from collections.abc import Mapping

import msgspec

from system.errors import OptionError
from system.workers import max_jobs
from training.options import SharedOptions

NODES_REMEDY = "start the same command by torchrun on each node (docs/training.md)"


class AskedDevices(msgspec.Struct, frozen=True):
    """`devices` on each of `nodes` machines, and the number of this process among all and on its machine.

    `external`: torchrun started the processes. Else the first process starts the others.
    """

    devices: int = 1
    nodes: int = 1
    rank: int = 0
    local_rank: int = 0
    external: bool = False

    @property
    def count(self) -> int:
        """The number of all processes."""
        return self.devices * self.nodes


ONE_DEVICE = AskedDevices()


def asked_devices(devices: int, nodes: int, flags: Mapping[str, object]) -> AskedDevices:
    """The processes that `--devices` and `--nodes` ask for, and the place of this one by torchrun's variables.

    `flags` are the given flags with which a training is not a single one. Raises OptionError.
    """
    for name, value in (("--devices", devices), ("--nodes", nodes)):
        if value < 1:
            raise OptionError(f"{name} {value}", "less than 1", "give 1 or more")
    place = {name: _whole(name) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")}
    external = all(value is not None for value in place.values())
    count, rank, local = place["WORLD_SIZE"] or 1, place["RANK"] or 0, place["LOCAL_RANK"] or 0
    if external and count > 1 and count != devices * nodes:
        problem = f"torchrun started {count} processes"
        raise OptionError(f"--devices {devices} --nodes {nodes}", problem, "give flags whose product is that")
    if nodes > 1 and not external:
        raise OptionError(f"--nodes {nodes}", "this command starts processes on one machine", NODES_REMEDY)
    if devices * nodes == 1:
        return ONE_DEVICE
    for name, given in flags.items():
        remedy = "leave out one of them; --jobs trains several at a time"
        raise OptionError(f"--devices {devices}", f"not available with --{name} {given}", remedy)
    if not external and devices > max_jobs():
        raise OptionError(f"--devices {devices}", "more than four per processor", f"give at most {max_jobs()}")
    return AskedDevices(devices, nodes, rank, local, external)


def refuse_devices(_options: SharedOptions) -> None:
    """Raise OptionError: the trainer uses one device."""
    raise OptionError("--devices", "this trainer uses one device", "leave it out")


def _whole(name: str) -> int | None:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else None
