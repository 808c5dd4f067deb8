"""The option `--on` of commands whose work a cluster can do; system.cluster is imported only if it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from system.cluster_address import check_on
from system.errors import OptionError

if TYPE_CHECKING:
    from system.workers import Pool

On = Annotated[
    str | None,
    typer.Option("--on", metavar="dask://HOST:PORT", help="Do the work on a Dask cluster (docs/cluster.md)."),
]


@contextmanager
def pool_on(on: str | None, jobs: int = 0) -> "Iterator[Pool | None]":
    """The workers of the cluster `on` for the block; None if the work is done here.

    Raises OptionError for another form of address and if `jobs`, the number of processes here, is given too;
    ClusterError if no scheduler answers.
    """
    if on is None:
        yield None
        return
    if jobs:
        raise OptionError(
            f"--jobs {jobs}", "is the number of processes on this machine", "leave out --jobs or --on"
        )
    check_on(on)
    from system.cluster import opened_cluster

    with opened_cluster(on) as pool:
        yield pool
