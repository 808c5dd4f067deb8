"""Safetensors that list too much, or cannot be read because memory is limited: one line, whatever reads them."""

import json
import mmap
import resource
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import save_file

from datasets.coco import Category
from features import safetensors_file
from features.good_map import load_good_map
from features.safetensors_file import MAX_TENSORS, METADATA_KEY, UnreadableError, checked_header, read_tensors
from features.weights import read_state_dict
from system.errors import WeightsError
from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns
from train_anomaly.options import AnomalyOptions
from train_anomaly.spec import AnomalySpec, load_anomaly
from train_cls.model import ClassifierSpec
from train_cls.state import read_state
from train_cls.stored_net import load_classifier_net
from train_seg.learner import store_threshold
from train_seg.model import ModelSpec, load_model

READERS: list[Callable[[Path], object]] = [
    load_model, load_classifier_net, load_anomaly, load_good_map, read_tensors,
    lambda path: read_state_dict(path, "give another"), lambda path: store_threshold(path, 0.5),
]  # fmt: skip
ENTRY = '"{}":{{"dtype":"F32","shape":[],"data_offsets":[0,0]}}'


def with_header(path: Path, header: bytes, values: int = 0) -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(values))
    return path


@pytest.fixture
def never_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library must not see the file."""
    for name in ("safetensors.safe_open", "safetensors.torch.load_file", "safetensors.torch.load"):
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("opened"))


@pytest.mark.usefixtures("never_opened")
@pytest.mark.parametrize(
    ("header", "words"),
    [
        (("{" + ",".join(map(ENTRY.format, range(MAX_TENSORS))) + "}").encode(), "more than 50000 tensors"),
        (json.dumps({"__metadata__": dict.fromkeys(map(str, range(300_000)), "")}).encode(), "more than 50000"),
        (b'"\\\\","\\\\",' * 300_000, "more than 50000"),
    ],
    ids=["tensors", "metadata", "backslashes"],
)
def test_a_list_of_too_many_tensors_is_never_opened(header: bytes, words: str, tmp_path: Path) -> None:
    path = with_header(tmp_path / "w.safetensors", header)
    for read in READERS:
        with pytest.raises(WeightsError, match=words):
            read(path)


@pytest.mark.usefixtures("never_opened")
def test_a_long_list_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(struct.pack("<Q", 100_000_001))
    with path.open("r+b") as file:
        file.truncate(2**27)
    for read in READERS:
        with pytest.raises(WeightsError, match="a list of tensors of 100000001 bytes"):
            read(path)


@pytest.mark.usefixtures("never_opened")
def test_a_file_of_more_than_8_gib_is_never_opened(tmp_path: Path) -> None:
    path = with_header(tmp_path / "w.safetensors", b"{}")
    with path.open("r+b") as file:
        file.truncate(9 << 30)
    for read in READERS:
        with pytest.raises(WeightsError, match="more than the 8 GiB"):
            read(path)


def test_the_limit_leaves_a_specification_that_names_many_images(tmp_path: Path) -> None:
    """An anomaly detector lists the SHA-256 of each image; names may contain braces and quotation marks."""
    spec = json.dumps([f'{number:064x}"}}' for number in range(40_000)])
    save_file({'a{"': torch.zeros(2)}, tmp_path / "w.safetensors", {"defectline": spec})
    assert checked_header(tmp_path / "w.safetensors").count(b"{") < MAX_TENSORS
    assert set(read_tensors(tmp_path / "w.safetensors")) == {'a{"'}


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, struct.pack("<Q", 9) + b"{}"])
def test_a_short_file_is_damaged(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors").write_bytes(content)
    with pytest.raises(UnreadableError, match="damaged"):
        checked_header(tmp_path / "w.safetensors")


@pytest.fixture
def little_memory() -> Iterator[Callable[[int], None]]:
    """A function that limits the address space to what the process uses and so many bytes more."""
    if sys.platform != "linux":
        pytest.skip("the limit is one of Linux")
    before = resource.getrlimit(resource.RLIMIT_AS)

    def limit(extra: int) -> None:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * mmap.PAGESIZE + extra, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_AS, before)


def with_large_tensor(path: Path, spec: msgspec.Struct) -> Path:
    """Weights of a specification with a tensor of 1 GiB that takes no space on the disk."""
    metadata = {METADATA_KEY: msgspec.json.encode(spec).decode()}
    header = {"__metadata__": metadata, "a": {"dtype": "F32", "shape": [2**28], "data_offsets": [0, 2**30]}}
    with_header(path, json.dumps(header).encode())
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2**30)
    return path


@pytest.mark.parametrize("spare", [100 * 2**20, 1500 * 2**20], ids=["none", "for the library, not for PyTorch"])
def test_a_limit_of_memory_is_one_line(spare: int, tmp_path: Path, little_memory: Callable[[int], None]) -> None:
    types = [Category(1, "chip")]
    specs = {
        load_model: ModelSpec("resnet18", 3, 64, types),
        load_classifier_net: ClassifierSpec("resnet18", "torchvision", 64, types),
        load_anomaly: AnomalySpec(64, 64, AnomalyOptions(), types[0]),
    }
    files = {read: with_large_tensor(tmp_path / f"{read.__name__}.safetensors", s) for read, s in specs.items()}
    little_memory(spare)
    for read, path in [*files.items(), (read_tensors, files[load_model])]:
        with pytest.raises(WeightsError, match="not enough memory to read it; close other programs, or raise"):
            read(path)


def test_a_command_states_it_in_one_line(
    tiny_runs: TinyRuns, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def mapped(*_: object, **__: object) -> None:
        raise RuntimeError("unable to mmap 44 bytes from file <w>: Cannot allocate memory (12)")

    run = tiny_runs("cls")
    capsys.readouterr()
    monkeypatch.setattr("safetensors.torch.load_file", mapped)
    assert run_command("train_cls", "evaluate", run) == 2
    assert "best.safetensors: not enough memory to read it" in only_line(capsys)


def test_a_state_is_not_called_damaged_when_memory_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    path = tmp_path / "w.pt"
    torch.save({"a": torch.zeros(2)}, path)
    monkeypatch.setattr(torch, "load", full)
    for read in (read_state, lambda file: read_state_dict(file, "")):
        with pytest.raises(WeightsError, match="not enough memory"):
            read(path)


def test_every_reader_uses_the_checked_one() -> None:
    """No other module of the product opens safetensors."""
    root = Path(safetensors_file.__file__).parents[1]
    rooms = ("features", "training", "train_anomaly", "train_cls", "train_det", "train_seg", "annotate", "view")
    opening = {
        str(path.relative_to(root))
        for room in rooms
        for path in (root / room).rglob("*.py")
        if "import safetensors" in (text := path.read_text(encoding="utf-8")) or "from safetensors" in text
    }
    assert opening == {"features/safetensors_file.py", "features/weights.py"}
