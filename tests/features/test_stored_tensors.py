"""What files of weights contain, read without PyTorch, is what PyTorch reads from them."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision import models

from features.common_networks import COMMON, STRIDES, can_fit, check_layers, starts_of
from features.encoder import _strides, load_encoder
from features.library import build_network, libraries_with
from features.names import check_weights_file, timm_names, torchvision_names
from features.stored_tensors import check_stored_weights, pickled_classes
from features.weights import read_state_dict
from system.errors import OptionError, WeightsError
from tests.features.networks import random_resnet

EXAMPLES = ("resnet18", "resnet50", "tf_efficientnet_lite0", "efficientnet_b0", "mobilenet_v2")


def shapes(state: dict[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in state.items()}


def written(path: Path, content: object, **options: object) -> Path:
    torch.save(content, path, **options)
    return path


def test_shapes_are_those_that_pytorch_reads(tmp_path: Path) -> None:
    state = models.mobilenet_v2(weights=None).state_dict()
    contents: list[object] = [
        state,
        {f"module.{name}": value for name, value in state.items()},
        {"state_dict": state, "epoch": 3, "loss": 0.5, "names": ["a", ("b", True, None)]},
        {"a": nn.Parameter(torch.zeros(3, 4)), "b": torch.zeros(()), "c": torch.zeros(2, dtype=torch.bfloat16)},
    ]
    for number, content in enumerate(contents):
        path = written(tmp_path / f"{number}.pt", content)
        assert check_stored_weights(path, "") == shapes(read_state_dict(path, ""))
    path = tmp_path / "w.safetensors"
    save_file({name: value.clone() for name, value in state.items()}, path, {"format": "pt"})
    assert check_stored_weights(path, "") == shapes(read_state_dict(path, ""))


def test_files_that_only_pytorch_can_read_pass(tmp_path: Path) -> None:
    path = written(tmp_path / "old.pt", {"a": torch.zeros(2)}, _use_new_zipfile_serialization=False)
    assert check_stored_weights(path, "") is None
    assert shapes(read_state_dict(path, "")) == {"a": (2,)}
    path = written(tmp_path / "parts.pt", {"a": torch.zeros(2), "device": torch.device("cpu")})
    assert check_stored_weights(path, "") is None


class Unknown:
    """A class that is not part of PyTorch."""


def refused_files(folder: Path) -> dict[str, Path]:
    """A file for each kind of refusal, by the words of the refusal."""
    folder.mkdir(exist_ok=True)
    files = {
        "damaged or no PyTorch file": [("png.pt", b"\x89PNG\r\n"), ("empty.pth", b""), ("text.pt", b"hello\n"),
                                       ("short.safetensors", b"\xff" * 100), ("no.safetensors", b"")],
    }  # fmt: skip
    found = {}
    for words, ones in files.items():
        for name, data in ones:
            (folder / name).write_bytes(data)
            found[f"{name}: {words}"] = folder / name
    whole = written(folder / "whole.pt", {"a": torch.zeros(2000)}).read_bytes()
    (folder / "cut.pt").write_bytes(whole[:-2000])
    found["cut.pt: damaged or no PyTorch file"] = folder / "cut.pt"
    save_file({"a": torch.zeros(2000)}, folder / "whole.safetensors")
    (folder / "cut.safetensors").write_bytes((folder / "whole.safetensors").read_bytes()[:-100])
    found["cut.safetensors: damaged or no PyTorch file"] = folder / "cut.safetensors"
    found["more: it contains more than tensors"] = written(folder / "model.pt", {"a": Unknown()})
    found["plain: not a plain state dict of tensors"] = written(folder / "numbers.pt", {"a": 3, "b": [1.5]})
    found["list: not a plain state dict of tensors"] = written(folder / "list.pt", [torch.zeros(2)])
    return found


def test_pytorch_reads_no_state_dict_from_what_is_refused(tmp_path: Path) -> None:
    for label, path in refused_files(tmp_path / "files").items():
        with pytest.raises(WeightsError) as early:
            check_stored_weights(path, "give another")
        assert not is_state_dict(path), label
        assert label.partition(": ")[2] in str(early.value)


def is_state_dict(path: Path) -> bool:
    try:
        read = load_file(path) if path.suffix == ".safetensors" else torch.load(path, weights_only=True)
    except Exception:  # noqa: BLE001  damaged files can raise any error
        return False
    return isinstance(read, dict) and all(isinstance(value, torch.Tensor) for value in read.values())


def test_no_code_and_no_large_memory_cell_is_used(tmp_path: Path) -> None:
    """A pickle that names a memory cell of 4 billion, and one that would create a file, are left unread."""
    path = written(tmp_path / "w.pt", {"a": torch.zeros(2)})
    names = sorted(pickled_classes(path) or ())
    assert names == ["collections.OrderedDict", "torch.FloatStorage", "torch._utils._rebuild_tensor_v2"]
    large_cell = with_pickle(path, tmp_path / "cell.pt", b"\x80\x02}r\xff\xff\xff\xff.")
    assert check_stored_weights(large_cell, "") is None
    makes_folder = with_pickle(path, tmp_path / "code.pt", b"\x80\x02cos\nmkdir\n(X\x04\x00\x00\x00madetR.")
    with pytest.raises(WeightsError, match="it contains more than tensors"):
        check_stored_weights(makes_folder, "")
    assert not Path("made").exists()


def with_pickle(source: Path, dest: Path, data: bytes) -> Path:
    """A copy of a PyTorch file with another list of tensors."""
    import zipfile  # noqa: PLC0415

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(dest, "w") as new:
        for one in old.infolist():
            new.writestr(one, data if one.filename.endswith("data.pkl") else old.read(one))
    return dest


def test_a_header_of_safetensors_may_be_anything(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    for header in ([], {"a": 3}, {"a": {"shape": "x", "data_offsets": [0, 0]}}, {"a": {"shape": [1]}}, 7):
        data = json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(data)) + data)
        with pytest.raises(WeightsError, match="damaged or no PyTorch file"):
            check_stored_weights(path, "")


@pytest.mark.parametrize("name", EXAMPLES)
def test_facts_about_common_networks_are_those_of_the_libraries(name: str) -> None:
    assert starts_of(name)
    for library in libraries_with(name, ""):
        assert can_fit(name, build_network(library, name, "").state_dict())
        modules = _strides(build_network(library, name, "").eval())
        check_layers(name, list(modules), "--layers")
    with pytest.raises(OptionError, match="no such layer"):
        check_layers(name, ["8", "layer9.0"], "--layers")
    encoder = load_encoder(name, "none", [str(stride) for stride in STRIDES])[0]
    assert len(encoder.spec.layers) == len(STRIDES)
    check_layers(name, [str(stride) for stride in STRIDES], "--layers")
    with pytest.raises(OptionError, match="no such layer"):
        load_encoder(name, "none", ["64"])


def test_every_common_network_exists() -> None:
    known = timm_names() | torchvision_names()
    for names in COMMON:
        assert any(names.fullmatch(name) for name in known)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = random_resnet(tmp_path / "r.pt")
    check_weights_file(str(path), "resnet50", "")
    check_weights_file(str(path), "densenet121", "")  # unknown here, refused when the network is built
    with pytest.raises(WeightsError, match="none of its 90 tensors fits tf_efficientnet_lite0"):
        check_weights_file(str(path), "tf_efficientnet_lite0", "")
    for layer in ("99", "0", "1"):
        with pytest.raises(OptionError, match="no such layer of densenet121; give strides of 2 to 64 or a module"):
            check_layers("densenet121", [layer], "--layers")
    with pytest.raises(
        OptionError, match=r"--layers 6: no such layer of resnet18; give strides \(2, 4, 8, 16, 32\)"
    ):
        check_layers("resnet18", ["8", "layer1", "6"], "--layers")


def test_wrong_files_are_refused_before_a_heavy_import(tmp_path: Path) -> None:
    files = {label: str(path) for label, path in refused_files(tmp_path / "files").items()}
    resnet = str(random_resnet(tmp_path / "r.pt"))
    options = {
        "train_seg": "--encoder-weights", "train_anomaly": "--encoder-weights", "train_cls": "--weights",
        "train_det": "--weights",
    }  # fmt: skip
    wrong = [[f"{room}", option, file] for room, option in options.items() for file in files.values()]
    wrong += [
        ["train_anomaly", "--encoder-weights", resnet], ["train_det", "--weights", resnet],
        ["train_cls", "--arch", "mobilenet_v2", "--weights", resnet],
        ["train_seg", "--encoder", "tu-tf_efficientnet_lite0", "--encoder-weights", resnet],
        ["train_anomaly", "--encoder-weights", "none", "--layers", "99"],
        ["train_anomaly", "--encoder-weights", "none", "--layers", "8,foo"],
        ["train_cls", "--weights", "none", "--head", "fitted", "--layers", "4,99"],
    ]  # fmt: skip
    code = f"""
import contextlib, io, sys
from tests.command import run_command
for room, *rest in {wrong!r}:
    err = io.StringIO()
    with contextlib.redirect_stderr(err):
        status = run_command(room, "fit", "no-such-dataset", *rest)
    print(status, len(err.getvalue().splitlines()), "no-such-dataset" in err.getvalue(), room, rest)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    *lines, loaded = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("2 1 False")] == []
    assert len(lines) == len(wrong)
    assert loaded == "False"
