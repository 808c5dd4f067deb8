"""Ctrl-C and SIGTERM at any moment: no traceback, no destination, no temporary file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.kill_commands import group_lives
from tests.faults.test_boundary import ROOMS
from tests.labelme_files import shape, write_case

IN_POOL = """
import os, signal
from convert import cli, labelme2coco
from system.startup import end_silently

read = labelme2coco._read

def read_or_wait(source, root):
    if source.file == "n30.json":
        os.write(1, b"x")
        while True:
            signal.pause()  # workers ignore SIGINT
    return read(source, root)

labelme2coco._read = read_or_wait
end_silently()
cli.main()
"""


def test_ctrl_c_in_a_conversion_prints_no_traceback(tmp_path: Path) -> None:
    """A process of the pool is busy with an image; the other has converted all before it, and some after it."""
    for number in range(60):
        write_case(tmp_path / "in", shape("a", "polygon", [[5, 5], [50, 8], [40, 35]]), name=f"n{number}")
    words = ["labelme2coco", tmp_path / "in", tmp_path / "out", "--jobs", "2"]
    command = [sys.executable, "-c", IN_POOL, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1) == "x"
        assert list(tmp_path.glob(".out.partial-*"))
        os.killpg(process.pid, signal.SIGINT)
        text = process.communicate()[1]
    assert process.returncode == 130
    assert "Traceback" not in text
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert not group_lives(process.pid)


AT_IMPORT = """
import os, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            os.kill(os.getpid(), 2)

_, room, moment, *words = sys.argv
sys.meta_path.insert(0, Interrupt())
main = __import__(f"{room}.__main__", fromlist=["main"]).main
sys.argv = [room, *words]
main()
"""


@pytest.mark.parametrize("module", ["{room}.cli", "typer", "system.console", "rich"])
@pytest.mark.parametrize("room", [*ROOMS, "train_cls"])
def test_ctrl_c_while_a_command_is_imported_prints_nothing(room: str, module: str) -> None:
    words = [sys.executable, "-c", AT_IMPORT, room, module.format(room=room), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) in {(-signal.SIGINT, ""), (130, "")}


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("numpy", ["datasets", "check", "{coco}"]),
        ("cv2", ["view", "{coco}", "--out", "{tmp}/view.html"]),
        ("torch", ["train_seg", "fit", "{coco}", "--runs", "{tmp}/runs"]),
        ("datasets.paste.dataset", ["datasets", "paste", "{coco}", "{tmp}/pasted", "--count", "1"]),
    ],
)
def test_ctrl_c_while_a_command_imports_a_library_prints_nothing(
    module: str, words: list[str], coco_folder: Path, tmp_path: Path
) -> None:
    room, *rest = (word.format(coco=coco_folder, tmp=tmp_path) for word in words)
    command = [sys.executable, "-c", AT_IMPORT, room, module, *rest]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
    assert not list(tmp_path.iterdir())


def test_ctrl_c_in_a_callback_is_not_lost(tmp_path: Path) -> None:
    code = (
        "import sys, os, time\nfrom system.startup import end_silently\n"
        "from system.console import new_app, run\n"
        "class Callback:\n    def __del__(self): os.kill(os.getpid(), 2); time.sleep(0.01)\n"
        "def work():\n    Callback()\n    for _ in range(600): time.sleep(0.1)\n"
        "end_silently()\napp = new_app('')\napp.command()(work)\nsys.argv = ['x', 'work']\nrun(app, 'x')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("call", ["files.tempfile.mkstemp", "os.link"])
def test_a_stopped_write_leaves_no_temporary_file(call: str, number: signal.Signals, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text("mine")
    code = (
        "import os, sys, signal\nfrom pathlib import Path\nfrom system import files\n"
        f"if 'mkstemp' in '{call}': files.write_unnamed = lambda *_: False\n"
        f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\nreal = {call}\n"
        "def stopped(*a, **k):\n    made = real(*a, **k)\n    os.kill(os.getpid(), int(sys.argv[2]))\n"
        "    return made\n"
        f"{call} = stopped\nfiles.write_atomic(Path(sys.argv[1]), b'new')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(int(number))], capture_output=True, check=False
    )
    assert done.returncode != 0
    assert [file.name for file in tmp_path.iterdir()] == ["mine.json"]
    assert path.read_text() == "new"  # the signal is delivered after the file is complete


IN_VIEW = """
import os, sys, time
from view import cli, crops

real = crops.render
def stopped(*arguments):
    for _ in range(int(os.environ["TIMES"])):
        os.kill(os.getpid(), 2)
        time.sleep(0.05)
    return real(*arguments)

crops.render = stopped
from system.startup import end_silently
end_silently()
cli.main()
"""


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_in_view_prints_nothing_and_leaves_no_page(times: int, coco_folder: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-c", IN_VIEW, str(coco_folder), "--out", str(tmp_path / "view.html")]
    environment = {**os.environ, "TIMES": str(times)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in {130, -signal.SIGINT}
    assert done.stderr == ""
    assert not list(tmp_path.iterdir())
