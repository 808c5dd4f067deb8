"""An export that does not fit on the disk: one line, and no file beside the weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from system import files
from system.errors import OutputError
from tests.command import only_line, run_command
from tests.faults.full_disk import fill, small_disk
from tests.tiny_runs import TinyRuns
from training.exported_model import write_openvino

openvino = pytest.importorskip("openvino", reason="openvino is not installed, so no export is written")


def network(values: int) -> object:
    """A model with `values` numbers."""
    ops = openvino.opset13
    rgb = ops.parameter([1, values], np.float32, name="rgb")
    numbers = np.random.default_rng(0).random((1, values), np.float32)
    return openvino.Model([ops.add(rgb, ops.constant(numbers))], [rgb])


@pytest.mark.parametrize(("values", "free"), [(40_000, 0), (40_000, 1 << 16), (900, 4096)])
def test_a_network_that_does_not_fit_is_a_full_disk(tmp_path: Path, values: int, free: int) -> None:
    """Neither file fits, not the large .bin, or the small .bin and not the .xml beside it."""
    with small_disk(tmp_path / "disk", 1 << 17) as disk:
        filler = fill(disk)
        with filler.open("r+b") as file:
            file.truncate(filler.stat().st_size - free)
        with pytest.raises(OSError, match="No space left on device"):
            write_openvino(network(values), disk / "network.xml")  # type: ignore[arg-type]


def test_an_incomplete_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk has space again."""

    def cut(model: object, path: Path, **_: object) -> None:
        path.write_text("<net><layers>")

    monkeypatch.setattr(openvino, "save_model", cut)
    with pytest.raises(OutputError, match="it is not complete"):
        write_openvino(network(9), tmp_path / "network.xml")  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [("openvino", "32"), ("openvino", "bf16"), ("onnx", "32")])
def test_an_export_on_a_full_disk_is_one_line(
    tiny_runs: TinyRuns, tmp_path: Path, options: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run = tiny_runs("cls")
    size = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    with small_disk(tmp_path / "disk", size + (1 << 20)) as disk:
        copy = Path(shutil.copytree(run, disk / "run"))
        fill(disk)
        before = sorted(path.name for path in (copy / "weights").iterdir())
        export = ("export", copy, "--format", options[0], "--precision", options[1], "--max-loss", "0.9")
        capsys.readouterr()
        assert run_command("train_cls", *export) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert "no space left on the device" in line
        assert f"{copy}/weights" in line
        assert sorted(path.name for path in (copy / "weights").iterdir()) == before


def test_a_folder_of_weights_that_cannot_be_written_is_refused_at_once(
    tiny_runs: TinyRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Path(shutil.copytree(tiny_runs("cls"), tmp_path / "run"))
    monkeypatch.setattr(files, "may_write", lambda _: False)
    assert run_command("train_cls", "export", run) == 2
    assert f"no permission to write in {run / 'weights'}" in only_line(capsys)
