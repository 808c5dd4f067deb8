"""Weights that are none, names that cannot be fetched, and Ultralytics kept to itself."""

import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from system.errors import WeightsError
from train_det import ultralytics_api
from train_det.checkpoints import load_detector, portable, save_checkpoint
from train_det.options import DetectorOptions
from training.fit import Training

NAMES = {0: "crack", 1: "stain"}


def test_random_weights_have_the_classes_of_the_dataset() -> None:
    model, origin = ultralytics_api.new_model("none", NAMES)
    assert model.names == NAMES
    assert model.model[-1].nc == 2  # type: ignore[index,union-attr]
    assert "random" in origin


def test_weights_of_another_class_count_give_what_fits(finished: Training[DetectorOptions]) -> None:
    path = finished.run.weights / "best.pt"
    model, origin = ultralytics_api.new_model(str(path), NAMES)
    total = len(model.state_dict())
    assert f"of {total} tensors from {path}" in origin
    taken = int(origin.split()[0])
    # the last convolution of each of the three class heads, weight and bias, depends on the classes
    assert taken == total - 6
    given, _ = load_detector(path, torch.device("cpu"))
    first = "model.0.conv.weight"
    assert torch.equal(model.state_dict()[first], given.state_dict()[first])


def test_real_weights_are_loaded(real_weights: Path) -> None:
    model, origin = ultralytics_api.new_model(str(real_weights / "yolo11n.pt"), NAMES)
    assert origin.startswith(f"{len(model.state_dict()) - 6} of ")


def test_a_plain_state_dict_of_another_network_is_refused(real_weights: Path) -> None:
    with pytest.raises(WeightsError, match="contains no Ultralytics model"):
        ultralytics_api.new_model(str(real_weights / "resnet18.pt"), NAMES)


def text(path: Path) -> None:
    path.write_text("these are not weights")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no weights")


def state_dict(path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, path)


def tensor(path: Path) -> None:
    torch.save(torch.zeros(3), path)


def other_model(path: Path) -> None:
    torch.save({"model": torch.nn.Linear(2, 2)}, path)


@pytest.mark.parametrize("write", [text, empty, archive, state_dict, tensor, other_model])
def test_a_file_that_holds_no_detector_is_refused(write: object, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    write(path)  # type: ignore[operator]
    with pytest.raises(WeightsError) as error:
        ultralytics_api.new_model(str(path), NAMES)
    assert str(path) in str(error.value)
    assert "none" in error.value.remedy


def test_truncated_weights_are_refused(finished: Training[DetectorOptions], tmp_path: Path) -> None:
    whole = (finished.run.weights / "best.pt").read_bytes()
    path = tmp_path / "half.pt"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError):
        ultralytics_api.new_model(str(path), NAMES)


@pytest.mark.parametrize("name", ["no/such/file.pt", "unheard-of.pt", "yolo11n"])
def test_what_is_neither_file_nor_published_is_refused_without_the_network(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    with pytest.raises(WeightsError) as error:
        ultralytics_api.new_model(name, NAMES)
    assert name in str(error.value)


def test_a_published_name_without_a_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"yolo11n\.pt: cannot be fetched .*; give the path"):
        ultralytics_api.new_model("yolo11n.pt", NAMES)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_fetched_name_is_kept_and_not_fetched_again(
    finished: Training[DetectorOptions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(path: str, **_: object) -> None:
        fetched.append(path)
        Path(path).write_bytes((finished.run.weights / "best.pt").read_bytes())

    monkeypatch.setattr(ultralytics_api, "attempt_download_asset", fetch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert ultralytics_api.fetch_weights("yolo11n.pt") == ultralytics_api.fetch_weights("yolo11n.pt")
    assert fetched == [str(tmp_path / "defectline" / "weights" / "yolo11n.pt")]


def test_importing_it_writes_nothing_and_asks_nobody(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "def forbidden(*a, **k): raise SystemExit('network')\n"
        "socket.getaddrinfo = forbidden\n"
        "import PIL.Image, torch\n"
        "before = PIL.Image.open, torch.save\n"
        "import train_det.ultralytics_api\n"
        "assert before == (PIL.Image.open, torch.save)\n"
        "from ultralytics.utils import SETTINGS, USER_CONFIG_DIR\n"
        "assert not any(v is True for v in SETTINGS.values()), dict(SETTINGS)\n"
        "assert not USER_CONFIG_DIR.exists()\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("YOLO_CONFIG_DIR", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_checkpoint_opens_in_ultralytics_and_predicts_the_same(
    tmp_path: Path, finished: Training[DetectorOptions]
) -> None:
    from ultralytics import YOLO  # noqa: PLC0415 - only after train_det.ultralytics_api has tamed it

    path = finished.run.weights / "best.pt"
    ours, categories = load_detector(path, torch.device("cpu"))
    theirs = YOLO(path).model.eval()
    pixels = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        assert torch.allclose(ours(pixels)[0], theirs(pixels)[0], atol=1e-4)
    assert categories == finished.work.dataset.categories
    assert [theirs.names[k] for k in range(len(categories))] == [c.name for c in categories]


def test_saving_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model, _ = ultralytics_api.new_model("none", NAMES)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    criterion = object()
    model.criterion = criterion  # type: ignore[assignment]
    copy = portable(model.train())
    assert copy is not model
    assert model.criterion is criterion
    assert model.training
    save_checkpoint(tmp_path / "a.pt", model, [], 64, None)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
