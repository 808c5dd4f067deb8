"""The seeds and the corpus of each fuzz target, and thousands of random changes of them."""

import random
from pathlib import Path

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import LIMIT, TARGETS, survives

CORPUS = Path(__file__).parent / "corpus"
WEIGHTS = ("segmenter", "classifier", "anomaly", "detector", "state_dict")
CHANGES = {name: 100 if name in WEIGHTS else 1000 for name in TARGETS}
TOKENS = [
    b"[" * 60,
    b"{",
    b'"',
    b"null",
    b"-1",
    b"1e999",
    b"NaN",
    b"\xff",
    b"\0",
    b"9" * 30,
    b"&a",
    b"*a",
    b"!!",
    b"\n",
]


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little memory for each input."""
    monkeypatch.setenv(*LIMIT)


def inputs(name: str) -> list[bytes]:
    """Seeds, and what the coverage-guided fuzzer kept."""
    return [*seeds(name), *(path.read_bytes() for path in sorted((CORPUS / name).glob("*")))]


def changed(data: bytes, chance: random.Random) -> bytes:
    """`data` with one to four bytes flipped, parts removed, repeated or replaced."""
    mutable = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(mutable) + 1)
        end = min(len(mutable), start + chance.choice([1, 2, 4, 40]))
        kind = chance.randrange(5)
        if kind == 0:
            mutable[start:end] = b""
        elif kind == 1:
            mutable[start:start] = mutable[start:end]
        elif kind == 2:
            mutable[start:end] = chance.choice(TOKENS)
        elif kind == 3:
            mutable[start:end] = bytes(chance.randrange(256) for _ in range(end - start))
        else:
            mutable = mutable[: chance.randrange(len(mutable) + 1)]
    return bytes(mutable)


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_a_file_contains_is_read_or_refused(name: str, tmp_path: Path) -> None:
    known, chance = inputs(name), random.Random(name)
    for data in known:
        survives(name, tmp_path, data)
    for _ in range(CHANGES[name]):
        survives(name, tmp_path, changed(chance.choice(known), chance))


def test_an_error_of_another_kind_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise TypeError("unforeseen")

    monkeypatch.setitem(TARGETS, "split", ("split.json", fail))
    with pytest.raises(TypeError, match="unforeseen"):
        survives("split", tmp_path, b"{}")
