"""An export is refused unless it and the weights beside it are those of its record."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from system.errors import DefectlineError, WeightsError
from tests.command import only_line, run_command
from tests.tiny_runs import TinyRuns
from training.export_record import MAX_BYTES, check_record, checksums_of, exported_files, write_record

AGAIN = "train_seg export RUN --format openvino"


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """An OpenVINO export, its weights and its record."""
    for name in ("best.xml", "best.bin", "best.safetensors"):
        (tmp_path / name).write_bytes(name.encode() * 3)
    path = tmp_path / "best.xml"
    write_record(path, checksums_of([*exported_files(path), tmp_path / "best.safetensors"]))
    return path


def test_the_record_has_the_form_of_sha256sum(export: Path) -> None:
    digest = hashlib.sha256(b"best.xml" * 3).hexdigest()
    record = export.with_name("best.xml.sha256")
    assert record.read_text().splitlines()[0] == f"{digest}  best.xml"
    assert [line.split("  ")[1] for line in record.read_text().splitlines()] == [
        "best.xml",
        "best.bin",
        "best.safetensors",
    ]
    check_record(export, AGAIN)
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--quiet", record.name], cwd=export.parent, check=True)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("best.xml", r"best\.xml: changed since it was exported and compared with its original"),
        ("best.bin", r"best\.bin: changed since it was exported and compared with its original"),
        ("best.safetensors", r"best\.xml: made of other weights than best\.safetensors contains now"),
    ],
)
def test_each_change_is_named(export: Path, name: str, problem: str) -> None:
    file = export.with_name(name)
    changed = bytearray(file.read_bytes())
    changed[3] ^= 1
    file.write_bytes(changed)
    with pytest.raises(WeightsError, match=f"{problem}; export it again: train_seg export RUN"):
        check_record(export, AGAIN)
    file.unlink()
    with pytest.raises(WeightsError, match="no such file; export it again"):
        check_record(export, AGAIN)


def test_an_export_without_a_record_is_refused(export: Path) -> None:
    export.with_name("best.xml.sha256").unlink()
    with pytest.raises(WeightsError, match=r"best\.xml: without its record best\.xml\.sha256; export it again"):
        check_record(export, AGAIN)


DIGEST = "0" * 64
WRONG_RECORDS = {
    "empty": b"",
    "not text": b"\xff\xfe",
    "one name only": f"{DIGEST}  best.xml\n".encode(),
    "no weights": f"{DIGEST}  best.xml\n{DIGEST}  best.bin\n".encode(),
    "another folder": f"{DIGEST}  best.xml\n{DIGEST}  best.bin\n{DIGEST}  ../../secret\n".encode(),
    "an absolute path": f"{DIGEST}  best.xml\n{DIGEST}  best.bin\n{DIGEST}  /etc/passwd\n".encode(),
    "the folder above": f"{DIGEST}  best.xml\n{DIGEST}  best.bin\n{DIGEST}  ..\n".encode(),
    "without digits": b"best.xml\nbest.bin\nbest.pt\n",
    "a name with a zero byte": f"{DIGEST}  best.xml\n{DIGEST}  best.bin\n{DIGEST}  a\0b\n".encode(),
    "a very long one": b"x" * (MAX_BYTES * 2),
}


@pytest.mark.parametrize("case", WRONG_RECORDS)
def test_a_damaged_record_is_one_line(export: Path, case: str) -> None:
    export.with_name("best.xml.sha256").write_bytes(WRONG_RECORDS[case])
    with pytest.raises(WeightsError) as caught:
        check_record(export, AGAIN)
    assert "\n" not in str(caught.value)
    assert "export it again" in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
@pytest.mark.parametrize("name", ["best.xml.sha256", "best.bin", "best.safetensors"])
def test_a_pipe_is_refused_and_not_waited_for(export: Path, name: str) -> None:
    export.with_name(name).unlink()
    os.mkfifo(export.with_name(name))
    with pytest.raises(DefectlineError):
        check_record(export, AGAIN)


def test_predict_refuses_an_export_that_was_edited(
    tiny_runs: TinyRuns, small_image: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such an export gave predictions that nobody had compared with those of the original."""
    for package in ("openvino", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed, so exports are not tested")
    run = Path(shutil.copytree(tiny_runs("seg"), tmp_path / "run"))
    assert run_command("train_seg", "export", run, "--format", "openvino") == 0
    out = tmp_path / "found.json"
    words = ("train_seg", "predict", run, small_image, "--exported", "openvino", "--out", out)
    assert run_command(*words) == 0
    out.unlink()
    graph = run / "weights" / "best.xml"
    text = graph.read_text()
    changed = text.replace("&quot;padding&quot;:[124,", "&quot;padding&quot;:[123,")
    assert changed != text
    graph.write_text(changed)
    capsys.readouterr()
    assert run_command(*words) == 2
    assert "best.xml: changed since it was exported" in only_line(capsys)
    assert not out.exists()
