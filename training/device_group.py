"""The processes that train together, one for each device: what they compute is that of one process.

Each process has a part of every batch. The loss is computed from the outputs for the whole batch, and batch
normalisation uses the statistics of the whole batch (training.group_norm), so only rounding differs.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import torch
from torch import Tensor, distributed, nn

from system.errors import OptionError
from training.asked_devices import AskedDevices
from training.device import choose_device

if TYPE_CHECKING:
    from torch.distributed import Store  # type: ignore[attr-defined]

JOIN = timedelta(minutes=30)  # for the longest wait of a process for another one during the training


def group_device(name: str, asked: AskedDevices) -> torch.device:
    """The device of this process; `name` is that of `--device`. Raises OptionError if there are fewer."""
    device = choose_device(name)
    if device.type == "cpu":
        return torch.device("cpu")
    if device.type != "cuda" or device.index is not None:
        problem = f"names one device, and --devices asks for {asked.devices}"
        raise OptionError(f"--device {name}", problem, "give auto or cpu")
    if asked.devices > (have := torch.cuda.device_count()):
        raise OptionError(f"--devices {asked.devices}", f"this machine has {have} CUDA devices", f"give {have}")
    return torch.device("cuda", asked.local_rank)


def part_bounds(count: int, rank: int, size: int) -> tuple[int, int]:
    """Start and end of the part of process `rank` in `count` items; the first parts have one more if need be."""
    small, more = divmod(count, size)
    start = rank * small + min(rank, more)
    return start, start + small + (rank < more)


class DeviceGroup:
    """The connected processes; `rank` is the number of this one. The process of rank 0 leads: it writes the run.

    `size` is their number, `local_size` that on this machine.
    """

    def __init__(self, asked: AskedDevices, device: torch.device) -> None:
        self.rank = asked.rank
        self.size = asked.count
        self.local_size = asked.devices
        self.nodes = asked.nodes
        self.device = device

    def join(self, store: "Store") -> None:
        """Connect this process with the others, which do the same."""
        backend = "nccl" if self.device.type == "cuda" else "gloo"
        distributed.init_process_group(
            backend, store=store, rank=self.rank, world_size=self.size, timeout=JOIN,
            device_id=self.device if backend == "nccl" else None,
        )  # fmt: skip

    def leave(self) -> None:
        """Wait until all are here, and disconnect."""
        distributed.barrier()
        distributed.destroy_process_group()

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self.rank == 0

    def bounds(self, count: int) -> tuple[int, int]:
        """`part_bounds` of this process."""
        return part_bounds(count, self.rank, self.size)

    def whole(self, own: Tensor) -> Tensor:
        """The parts of all processes, n x ... each, in order; gradients flow to the part of this process only.

        A loss of the whole batch, multiplied by `size`, then has the right gradient: parameters get the mean of
        the gradients of all processes.
        """
        count = torch.tensor([len(own)], device=own.device)
        counts = [torch.empty_like(count) for _ in range(self.size)]
        distributed.all_gather(counts, count)
        sizes = [int(one) for one in counts]
        padded = own.new_zeros((max(sizes), *own.shape[1:]))
        padded[: len(own)] = own.detach()
        parts = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(parts, padded)
        cut = [part[:size] for part, size in zip(parts, sizes, strict=True)]
        cut[self.rank] = own
        return torch.cat(cut)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        summed = values.detach().to(self.device, copy=True)
        distributed.all_reduce(summed)
        return summed.to(values.device)

    def word(self, value: int = 0) -> int:
        """The value of the process that leads; the others wait for it."""
        shared = torch.tensor([value], device=self.device)
        distributed.broadcast(shared, 0)
        return int(shared)

    def equalise(self, network: nn.Module) -> None:
        """Give `network` the parameters and buffers that it has in the process that leads."""
        for tensor in network.state_dict().values():
            first = tensor.contiguous()
            distributed.broadcast(first, 0)
            tensor.copy_(first)

    def average_gradients(self, network: nn.Module) -> None:
        """Replace each gradient by the mean over the processes, where one without it counts as 0.

        A parameter that has no gradient in any process keeps none, so that the optimiser leaves it unchanged.
        """
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        own = [parameter.grad for parameter in trained]
        parts = [p.new_zeros(p.numel()) if g is None else g.reshape(-1) for p, g in zip(trained, own, strict=True)]
        has = parts[0].new_tensor([float(gradient is not None) for gradient in own])
        summed = torch.cat([*parts, has])
        distributed.all_reduce(summed)
        *means, has = torch.split(summed / self.size, [len(part) for part in (*parts, has)])
        for parameter, mean, known in zip(trained, means, has.tolist(), strict=True):
            if known:
                parameter.grad = torch.empty_like(parameter).copy_(mean.view_as(parameter))

    def parallel(self, network: nn.Module) -> nn.Module:
        """`network`, whose gradients are averaged over the processes."""
        ids = [self.device] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=ids, static_graph=True)
