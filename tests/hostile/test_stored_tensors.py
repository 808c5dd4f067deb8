"""Files of tensors that take memory without data, or whose tensors are not ordinary ones."""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from features.weights import read_state_dict
from system.errors import WeightsError
from system.tensors import MAX_PICKLE_BYTES, check_stored, check_tensors
from tests.command import only_line, run_command
from train_cls.state import read_state as read_classifier_state
from train_seg.learner import _progress_in


class Growing:
    """Becomes a bytearray of a gigabyte when it is unpickled; PyTorch's weights-only reader accepts that."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (10**9,)


def without_data() -> Tensor:
    return torch.empty(10**5, 10**5, device="meta")


def sparse() -> Tensor:
    return torch.sparse_coo_tensor(torch.tensor([[0], [0]]), torch.tensor([1.0]), (10**5, 10**5))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_file_that_grows_is_refused_before_it_is_read(
    zipped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(2), "b": Growing()}, path, _use_new_zipfile_serialization=zipped)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read"))
    for read in (lambda file: read_state_dict(file, ""), read_classifier_state, _progress_in):
        with pytest.raises(
            WeightsError, match="contains more than tensors" if zipped else "more than tensors|not a"
        ):
            read(path)


@pytest.mark.parametrize("make", [without_data, sparse])
def test_tensors_without_plain_values_are_refused(make: Callable[[], Tensor], tmp_path: Path) -> None:
    torch.save({"conv.weight": make()}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"the tensor conv\.weight is not an ordinary one"):
        read_state_dict(tmp_path / "w.pth", "give another")


def test_a_compressed_archive_is_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.rand(100)}, tmp_path / "w.pth")
    with zipfile.ZipFile(tmp_path / "w.pth") as old, zipfile.ZipFile(tmp_path / "new.pth", "w") as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member), zipfile.ZIP_LZMA)
    with pytest.raises(WeightsError, match="compressed, which PyTorch does not do"):
        read_state_dict(tmp_path / "new.pth", "")


@pytest.mark.parametrize("gib", [4, 9])
def test_a_large_file_without_weights_is_not_read(gib: int, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    with path.open("wb") as file:
        file.truncate(gib << 30)
    for read in (lambda file: read_state_dict(file, ""), read_classifier_state, _progress_in):
        with pytest.raises(
            WeightsError, match="not a PyTorch checkpoint|no PyTorch file" if gib == 4 else "more than the 8 GiB"
        ):
            read(path)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="a pipe or a device"):
        check_stored(tmp_path / "w.pth", "")


def test_a_command_refuses_it_in_one_line(
    coco_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"fc.weight": Growing()}, tmp_path / "w.pth")
    assert run_command("train_cls", "fit", coco_folder, "--weights", tmp_path / "w.pth", "--runs", tmp_path) == 2
    assert "contains more than tensors (bytearray)" in only_line(capsys)


def test_an_infinite_size_is_refused(tmp_path: Path) -> None:
    header = b'{"a": {"dtype": "F32", "shape": [1e999], "data_offsets": [0, 4]}}'
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_state_dict(path, "")


def test_many_views_of_the_same_data_are_refused_before_their_values_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of 4 MB with 2,000 tensors of 4 MB would take as long as one of 8 GB."""
    values = torch.zeros(2**20)
    torch.save({f"a{number}": values[number:] for number in range(2000)}, tmp_path / "w.pth")
    looked: list[Tensor] = []
    isfinite = Tensor.isfinite
    monkeypatch.setattr(Tensor, "isfinite", lambda tensor: (looked.append(tensor), isfinite(tensor))[1])
    with pytest.raises(WeightsError, match="its tensors, such as a8, are the same data many times"):
        read_state_dict(tmp_path / "w.pth", "give another")
    assert len(looked) == 8
    torch.save({"a": values, "tied": values, "part": values[:10], "empty": torch.zeros(0)}, tmp_path / "w.pth")
    assert len(read_state_dict(tmp_path / "w.pth", "give another")) == 4


def test_an_empty_tensor_at_the_address_of_the_next_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": torch.zeros(3, 0), "b": torch.zeros(1000)}, path)
    tensors = load_file(path)
    assert len({one.untyped_storage().data_ptr() for one in tensors.values()}) == 1
    check_tensors(path, tensors)


def test_a_long_list_in_an_archive_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "last.ckpt", "w") as file:
        file.writestr("archive/data.pkl", b"]" * (MAX_PICKLE_BYTES + 1))
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("read"))
    for read in (lambda file: read_state_dict(file, ""), read_classifier_state, _progress_in):
        with pytest.raises(WeightsError, match="a list of tensors of 16777217 bytes"):
            read(tmp_path / "last.ckpt")


def test_a_bit_that_changed_on_the_disk_is_found(tmp_path: Path) -> None:
    """PyTorch would read other numbers without a word."""
    path = tmp_path / "w.pth"
    values = torch.arange(1000, dtype=torch.float32)
    torch.save({"a": values}, path)
    data = bytearray(path.read_bytes())
    data[data.find(values.numpy().tobytes()) + 40] ^= 1
    path.write_bytes(data)
    assert not torch.equal(torch.load(path, weights_only=True)["a"], values)
    for read in (lambda file: read_state_dict(file, ""), read_classifier_state, _progress_in):
        with pytest.raises(WeightsError, match="not a PyTorch checkpoint, or a damaged one"):
            read(path)


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"a": torch.zeros(3)}, path)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            data[start + flags] |= 1
            start = data.find(signature, start + 4)
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="not a PyTorch checkpoint, or a damaged one"):
        read_state_dict(path, "")
