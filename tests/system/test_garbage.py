"""The search for reference cycles pauses in the block only."""

import gc

import pytest

from system.garbage import paused_garbage_collection


def test_it_pauses_and_goes_on_after_an_error() -> None:
    @paused_garbage_collection()
    def fail() -> None:
        assert not gc.isenabled()
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    assert gc.isenabled()


def test_a_program_that_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with paused_garbage_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
