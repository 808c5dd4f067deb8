"""`doctor` reports what is there by looking at files only, and what to do about what is not."""

import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from doctor import machine, packages
from doctor.check import Check
from doctor.cli import print_area
from doctor.packages import check_packages, read_pins
from doctor.programs import check_programs
from doctor.weights import check_weights, hub_cache, torch_cache
from tests.command import json_document, run_command
from train_det.published import weights_cache

ROOT = Path(__file__).parents[1]


def test_every_check_without_ok_states_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    status = run_command("doctor", "--json")
    document = json_document(capsys)
    assert (document["command"], document["status"]) == ("doctor", status)
    checks = document["result"]
    assert {check["area"] for check in checks} == {"Packages", "Machine", "Programs", "Cached weights"}
    for check in checks:
        assert set(check) == {"area", "name", "level", "found", "remedy"}
        assert bool(check["remedy"]) == (check["level"] != "ok")
    assert status == int(any(check["level"] == "problem" for check in checks))
    found = {check["name"]: check["found"] for check in checks}
    assert found["torch"].startswith(version("torch"))
    assert f"torch {version('torch')}" in found["device"]
    names = set(found)
    assert {
        "python",
        "labelme",
        "X-AnyLabeling",
        "browser",
        "screen",
        "--exported onnx",
        "--exported openvino",
    } <= names
    assert {"processors", "free space here", "temporary files"} <= names


def test_lines_fit_into_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Where stdout is not a terminal, too; what to do is below each table, without a break inside a flag."""
    remedy = "run annotate setup, or name it with --labelme PATH " * 3
    checks = [
        Check("Programs", "labelme", "note", "not found", remedy),
        Check("Programs", "browser", "ok", "a folder with a long name " * 6),
    ]
    print_area("Programs", checks)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.count("--labelme PATH") for line in lines) == 3
    assert any(line.startswith(" labelme: run annotate setup, or name it with --labelme PATH") for line in lines)


def test_no_library_is_imported() -> None:
    code = "import sys; from tests.command import run_command; run_command('doctor', '--json'); print('LOADED', [m for m in ('torch', 'cv2', 'openvino', 'numpy') if m in sys.modules])"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "LOADED []"


def test_versions_are_compared_with_the_pins(tmp_path: Path) -> None:
    pins = tmp_path / "constraints.txt"
    pins.write_text(f"Torch==0.0.1\nnumpy=={version('numpy')}\nSegmentation_Models.PyTorch==0.0.2\n")
    assert read_pins(pins)["segmentation-models-pytorch"] == "0.0.2"
    checks = {check.name: check for check in check_packages(pins)}
    assert checks["torch"].level == "note"
    assert checks["torch"].found == f"{version('torch')}, tested with 0.0.1"
    assert checks["numpy"].level == "ok"
    assert checks["segmentation-models-pytorch"].level == "note"
    without = {check.name: check for check in check_packages(tmp_path / "none.txt")}
    assert without["pinned versions"].level == "note"
    assert without["torch"].level == "ok"


def test_a_missing_package_is_a_problem_and_a_missing_extra_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = packages.installed
    missing = {"torch", "openvino"}
    assert machine.installed is real  # imported before the next line replaces it
    monkeypatch.setattr(packages, "installed", lambda name: None if name in missing else real(name))
    checks = {check.name: check for check in check_packages()}
    assert (checks["torch"].level, checks["torch"].remedy) == ("problem", "run make .venv")
    assert checks["openvino"].level == "note"
    assert "defectline[export]" in checks["openvino"].remedy
    assert run_command("doctor") == 1
    assert "1 problems" in capsys.readouterr().err


def test_cached_weights_and_labelme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "HF_HOME", "HF_HUB_CACHE", "DEFECTLINE_LABELME", "DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert all(check.level == "note" for check in check_weights())
    for folder, name in (
        (weights_cache(), "yolo11n.pt"),
        (torch_cache(), "resnet18-f37072fd.pth"),
        (hub_cache(), "models--timm--resnet18.a1_in1k"),
    ):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(b"w")
    found = [check.found for check in check_weights()]
    assert [check.level for check in check_weights()] == ["ok"] * 3
    assert [text.split(" (")[0] for text in found] == [
        "yolo11n.pt", "resnet18-f37072fd.pth", "timm/resnet18.a1_in1k",
    ]  # fmt: skip
    programs = {check.name: check for check in check_programs()}
    assert (programs["labelme"].level, programs["labelme"].found) == ("note", "not found")
    assert "annotate setup" in programs["labelme"].remedy
    environment = tmp_path / "data/defectline/labelme"
    (environment / "lib/python3.11/site-packages/labelme-6.3.1.dist-info").mkdir(parents=True)
    (environment / "bin").mkdir()
    (environment / "bin/labelme").write_text("#!/bin/sh\n")
    (environment / "defectline-installed.txt").write_text("labelme==6.3.1\n")
    assert next(c for c in check_programs() if c.name == "labelme").found.startswith(
        "6.3.1, by its own environment"
    )


def test_x_anylabeling_is_reported_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEFECTLINE_X_ANYLABELING", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "links"))

    def check() -> Check:
        return next(check for check in check_programs() if check.name == "X-AnyLabeling")

    assert (check().level, check().found) == ("note", "not found")
    assert check().remedy.startswith(
        "only for annotate open --with x-anylabeling: install x-anylabeling-cvhub[cpu]"
    )
    environment = tmp_path / "environment"
    (environment / "bin").mkdir(parents=True)
    program = environment / "bin/xanylabeling"
    program.write_text("#!/bin/sh\nexit 1\n")  # would fail if it were started
    program.chmod(0o755)
    (environment / "lib/python3.12/site-packages/x_anylabeling_cvhub-4.2.1.dist-info").mkdir(parents=True)
    (tmp_path / "links").mkdir()
    (tmp_path / "links/xanylabeling").symlink_to(program)
    assert check().level == "ok"
    assert check().found.startswith("4.2.1, by the PATH: ")
    monkeypatch.setenv("DEFECTLINE_X_ANYLABELING", str(tmp_path / "missing"))
    assert check().level == "note"
    assert check().found == "no such program (named by DEFECTLINE_X_ANYLABELING)"


def test_the_document_is_all_of_standard_output() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doctor", "--json"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode in {0, 1}
    assert json.loads(done.stdout)["command"] == "doctor"
