"""The house itself: who may import whom, what a command loads before it works, how large a room's modules are."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEFT_OF = {
    "system": set(),
    "datasets": {"system"},
    "convert": {"system", "datasets"},
    "evaluate": {"system", "datasets", "training"},
    "annotate": {"system", "datasets", "convert", "evaluate", "training"},
    "training": {"system", "datasets", "evaluate"},
    "train_det": {"system", "datasets", "evaluate", "training"},
    "train_seg": {"system", "datasets", "evaluate", "training"},
    "view": {"system", "datasets", "annotate", "evaluate", "training"},
}
ONLY_IN = {
    "ultralytics": {"train_det"},
    "segmentation_models_pytorch": {"train_seg"},
    "albumentations": {"train_seg"},
    "lightning": {"train_seg"},
    "labelme": set(),
}
# docs/adr/0015: the features of `propose --from-good`, imported inside that command only
TORCH_INSIDE = {"annotate/features.py", "annotate/memory.py"}
LIGHT = ("system", "datasets", "convert", "annotate", "evaluate")
HEAVY = {"torch", "ultralytics", "matplotlib", "pandas", "lightning", "albumentations", "scipy", "cv2", "numpy"}
COMMANDS = ["datasets", "convert", "annotate", "train_det", "train_seg", "view"]


def modules() -> list[Path]:
    return sorted(p for room in LEFT_OF for p in (ROOT / room).rglob("*.py"))


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_left_and_big_libraries_stay_in_their_room(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    imported = imports(path)
    assert imported & LEFT_OF.keys() <= LEFT_OF[room] | {room}
    for library, rooms in ONLY_IN.items():
        assert library not in imported or room in rooms
    if room in LIGHT and path.relative_to(ROOT).as_posix() not in TORCH_INSIDE:
        assert not imports(path, top_level=True) & {"torch", "matplotlib", "pandas"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_a_module_is_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300


@pytest.mark.parametrize("room", COMMANDS)
def test_help_loads_nothing_heavy(room: str) -> None:
    code = f"import sys; import {room}.cli; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("room", COMMANDS)
def test_the_command_and_the_module_are_the_same(room: str) -> None:
    script = Path(sys.executable).parent / room
    told = [
        subprocess.run([*start, "--help"], capture_output=True, text=True, check=True).stdout
        for start in ([str(script)], [sys.executable, "-m", room])
    ]
    assert told[0] == told[1]
    assert f"Usage: {room}" in told[0]


def test_constraints_name_packages_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        assert equals
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert version[0].isdigit()
        assert "/" not in line
