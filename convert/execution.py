"""Execution of a conversion: overwriting, dry run, treatment of faults, number of processes."""

import msgspec

from system.progress import Progress
from system.workers import Pool


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """The options of every conversion. Only `skip_bad` and `exclude` change what is written.

    `strict` makes the first loss an InputError. Faults of the input are reported together, at most `max_errors`;
    with `skip_bad` bad images are left out and counted instead. `exclude` has the patterns of files that are not
    read (see system.exclude). `jobs` is the number of processes, 0 chooses by the amount of work; a running `pool`
    is used instead.
    """

    overwrite: bool = False
    dry_run: bool = False
    strict: bool = False
    max_errors: int = 50
    skip_bad: bool = False
    exclude: tuple[str, ...] = ()
    jobs: int = 0
    progress: Progress = lambda items, _label, _total: items
    pool: Pool | None = None
