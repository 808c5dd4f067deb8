import os
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from system.errors import InputError
from system.workers import map_ordered


def process_of(_: int) -> int:
    return os.getpid()


def square(n: int) -> int:
    return n * n


def refuse_three(n: int) -> int:
    if n == 3:
        raise InputError(Path("3"), "refused", "skip it")
    return n


def die(_: int) -> None:
    os._exit(9)


@pytest.mark.parametrize("jobs", [1, 2, 3])
def test_order_is_kept(jobs: int) -> None:
    assert list(map_ordered(square, range(500), jobs, pool_pays=False)) == [n * n for n in range(500)]


def test_processes_are_used_if_requested_or_faster() -> None:
    assert set(map_ordered(process_of, range(20), 0, pool_pays=False)) == {os.getpid()}
    assert os.getpid() not in set(map_ordered(process_of, range(20), 2, pool_pays=False))
    assert list(map_ordered(process_of, range(1), 2, pool_pays=True)) == [os.getpid()]


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_come_through_whole(jobs: int) -> None:
    with pytest.raises(InputError, match="3: refused; skip it"):
        list(map_ordered(refuse_three, range(9), jobs, pool_pays=False))


def test_after_an_error_the_other_processes_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(5):
        with pytest.raises(InputError, match="3: refused"):
            list(map_ordered(refuse_three, range(2000), 2, pool_pays=False))
    assert capfd.readouterr().err == ""


def test_a_process_that_dies_is_reported() -> None:
    with pytest.raises(BrokenProcessPool):
        list(map_ordered(die, range(4), 2, pool_pays=False))
