"""The folds of a cross-validation: their run folders, as training.new_run makes them, and their training."""

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

from evaluate.run_folder import (
    Run,
    check_own_predictions,
    is_fused,
    load_member,
    load_run_of,
    read_config,
    read_split,
)
from system.child_process import END_WITH_PARENT, module_command, module_environment
from system.console import print_status, progress
from system.errors import ClusterError, InputError, OptionError
from system.workers import Pool, max_jobs
from training.member_task import LOG_FILE, MemberTraining, open_log
from training.run_lock import locked

GRACE_SECONDS = 5.0  # between Ctrl-C, which reaches the folds too, and SIGTERM


def check_fold_flags(flags: Mapping[str, object], *, crossed: bool) -> None:
    """Raise OptionError for a wrong `--jobs`, and for `--val` or `--jobs` without a cross-validation."""
    for name, value in flags.items():
        if not crossed and name == "val":
            raise OptionError(f"--val {value}", "is for a cross-validation only", "add --folds or leave it out")
        if not crossed:
            remedy = "add --folds or --seeds, or leave it out"
            raise OptionError(f"--{name} {value}", "is for several trainings only", remedy)
    jobs = flags.get("jobs", 1)
    if isinstance(jobs, int) and jobs < 1:
        raise OptionError(f"--jobs {jobs}", "less than 1", "give 1 or more")


def folds_of(run: Run) -> list[Run]:
    """The folds of a cross-validation in order; none for an ordinary run. Raises InputError."""
    return [load_member(run.root / f"fold-{k}") for k in range(1, read_config(run.root).folds + 1)]


def training_without(run: Run, images: Iterable[str]) -> Run | None:
    """`run`, or its first fold, that trained on none of `images`; None if there is none. Raises InputError."""
    unseen = set(images)
    for training in folds_of(run) or [run]:
        if unseen.isdisjoint(read_split(training).images.get("train", [])):
            return training
    return None


def cross_validation(root: Path | None, task: str) -> Run | None:
    """The run of several folds or seeds, of `task`, in `root`; None for a single training.

    Raises InputError, also for a run made of others.
    """
    run = load_run_of(root, task) if root else None
    if run is None:
        return None
    if is_fused(run):
        raise InputError(run.root, "made of other runs, so there is nothing to train", "fuse them again")
    config = read_config(run.root)
    return run if config.folds or config.seeds else None


def single_run(root: Path, task: str) -> Run:
    """The run of `task` in `root`, if it has weights of its own. Raises InputError."""
    run = load_run_of(root, task)
    check_own_predictions(run)
    if read_config(root).folds:
        raise InputError(root, "a cross-validation has no weights of its own", f"name a fold: {root / 'fold-1'}")
    return run


def train_folds(run: Run, command: Sequence[str], jobs: int) -> None:
    """`train_members` of all folds of a cross-validation."""
    train_members(run, folds_of(run), command, jobs)


def train_members(
    run: Run, members: Sequence[Run], command: Sequence[str], jobs: int, pool: Pool | None = None
) -> None:
    """Train every one of `members` without metrics, `jobs` at a time, each by `command` and `--resume MEMBER`.

    The members are folds or seeds of `run`, or folds of its seeds. Each is a process of its own. With several jobs
    each gets its share of the processors and writes to fit.log. With `pool`, the workers of a cluster start these
    processes; a training whose worker dies continues on another one. Raises InputError when one fails, after the
    others are done, ClusterError when the cluster does.
    """
    waiting = [member for member in members if not member.metrics.is_file()]
    try:
        with locked(run.root):
            trained = _train_on(pool, run, waiting, command) if pool else _train(run, waiting, command, jobs)
            failed = [(member, code) for member, code in trained if code]
    except (KeyboardInterrupt, SystemExit) as stop:
        print_status(f"stopped; continue with --resume {run.root}")
        raise SystemExit(stop.code if isinstance(stop, SystemExit) else 130) from None
    except ClusterError as error:
        raise ClusterError(error.where, error.problem, f"fix that, then --resume {run.root}") from None
    if failed:
        (member, code), log = failed[0], failed[0][0].root / LOG_FILE
        how = f"was killed by signal {-code}" if code < 0 else "could not be trained"
        seen = f", see {log}" if log.is_file() else ""
        problem = f"the {member.root.name.partition('-')[0]} {how}{seen}"
        raise InputError(member.root, problem, f"fix that, then --resume {run.root}")


def _train(run: Run, folds: Sequence[Run], command: Sequence[str], jobs: int) -> Iterator[tuple[Run, int]]:
    """Each fold with the exit status of its training, in the order in which they end."""
    jobs = min(jobs, max_jobs())
    environment = {**module_environment(), END_WITH_PARENT: "1"}
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    started: list[subprocess.Popen[bytes]] = []

    def train(fold: Run) -> tuple[Run, int]:
        words = module_command(*command, "--resume", str(fold.root))
        if jobs == 1:
            print_status(_name_in(run, fold))
            started.append(subprocess.Popen(words, env=environment, stdin=PIPE))  # noqa: S603
            return fold, started[-1].wait()
        with open_log(fold.root) as log:
            process = subprocess.Popen(words, env=environment, stdin=PIPE, stdout=log, stderr=log)  # noqa: S603
            started.append(process)
            code = process.wait()
        print_status(f"{_name_in(run, fold)} {'failed' if code else 'is done'}")
        return fold, code

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for future in as_completed([pool.submit(train, fold) for fold in folds]):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            _end(started)
            raise


def _train_on(pool: Pool, run: Run, folds: Sequence[Run], command: Sequence[str]) -> Iterator[tuple[Run, int]]:
    """Each fold with the exit status of its training by a worker of the cluster, in order."""
    roots = [str(fold.root) for fold in folds]
    codes = pool.map_ordered(MemberTraining(tuple(command)), roots, 1)
    for fold, code in zip(folds, progress(codes, "training", len(folds)), strict=True):
        print_status(f"{_name_in(run, fold)} {'failed' if code else 'is done'}")
        yield fold, code


def _name_in(run: Run, member: Run) -> str:
    """Such as fold-1, or seed-0/fold-1."""
    return member.root.relative_to(run.root).as_posix()


def _end(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait until the trainings end, as Ctrl-C reaches them too; terminate those that do not end."""
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        process.terminate()
        process.wait()
