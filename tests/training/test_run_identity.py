import shutil
from pathlib import Path

from evaluate.run_folder import load_run
from tests.command import run_command
from tests.tiny_runs import TinyRuns
from training.run_identity import run_identity


def test_it_is_that_of_the_weights_alone(tiny_runs: TinyRuns, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(tiny_runs("seg"), copy)
    first = run_identity(load_run(copy))
    assert first == run_identity(load_run(tiny_runs("seg")))
    assert len(first) == 16
    (copy / "weights/best.onnx").write_bytes(b"exported later")
    assert run_identity(load_run(copy)) == first
    (weights,) = copy.glob("weights/best.safetensors")
    weights.write_bytes(weights.read_bytes() + b"0")
    assert run_identity(load_run(copy)) != first


def test_that_of_a_fused_run_depends_on_each_of_its_runs(tiny_runs: TinyRuns, tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(tiny_runs("seg"), tmp_path / "runs/seg" / name)
    a, b = (tmp_path / "runs/seg" / name for name in ("a", "b"))
    given = ("--runs", tmp_path / "runs", "--device", "cpu")
    assert run_command("train_seg", "fuse", a, b, "--name", "two", *given) == 0
    two = load_run(tmp_path / "runs/seg/two")
    first = run_identity(two)
    assert first not in {run_identity(load_run(a)), ""}
    weights = b / "weights/best.safetensors"
    weights.write_bytes(weights.read_bytes() + b"0")
    assert run_identity(two) != first
