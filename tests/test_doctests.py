"""The examples in docstrings give what they show."""

import doctest
from importlib import import_module

import pytest

from tests.import_graph import modules

EXAMPLES = {
    name: path.read_text(encoding="utf-8").count(">>> ")
    for name, path in modules().items()
    if ">>> " in path.read_text(encoding="utf-8")
}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_right(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert (result.failed, result.attempted) == (0, EXAMPLES[name])
