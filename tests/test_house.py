"""The layout: which room may import which, import cycles, module sizes, and what a command loads at start-up."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOMS
from tests.import_graph import ROOT, cycles, import_graph, modules, room_graph, room_of

FORMATS = {"system", "datasets.coco", "datasets.images", "datasets.masks", "datasets.formats"}
# Room -> the rooms that it imports. CONTRIBUTING.md and docs/adr/0001 draw the same.
MAY_IMPORT = {
    "system": set(),
    "recipes": set(),
    "datasets.coco": set(),
    "datasets.images": {"datasets.coco", "system"},
    "datasets.masks": {"datasets.coco", "datasets.images", "system"},
    "datasets.formats": FORMATS - {"datasets.formats"},
    "datasets.check": FORMATS,
    "datasets.paste": FORMATS,
    "datasets.synth": {"system"},
    "datasets": FORMATS | {"datasets.check", "datasets.paste", "datasets.synth"},
    "convert": FORMATS | {"datasets"},
    "evaluate": FORMATS,
    "features": {"datasets.masks", "system"},
    "annotate": FORMATS | {"datasets.check", "convert", "evaluate", "features"},
    "train_anomaly": (FORMATS - {"datasets.images"}) | {"datasets.paste", "evaluate", "features", "training"},
    "training": FORMATS | {"datasets", "datasets.check", "datasets.paste", "evaluate", "features"},
    "train_cls": FORMATS | {"datasets.paste", "evaluate", "features", "training"},
    "train_det": FORMATS | {"evaluate", "features", "training"},
    "train_seg": (FORMATS - {"datasets.images"}) | {"evaluate", "features", "training"},
    "view": FORMATS | {"evaluate"},
    "doctor": {"annotate", "system", "train_det"},
}
MAX_LINES = 250
MAX_TEST_LINES = 400
LIBRARY_ROOMS = {
    "ultralytics": {"train_det"},
    "segmentation_models_pytorch": {"train_seg"},
    "albumentations": {"train_seg"},
    "lightning": {"train_seg"},
    "timm": {"features", "train_cls"},
    "labelme": set(),
}
LIGHT = ("system", "datasets", "convert", "annotate", "evaluate", "view", "doctor")
# docs/adr/0009: imports `features`, and with it torch, and is imported inside `propose --from-good` only
TORCH_INSIDE = {"annotate.from_good"}
HEAVY = {
    "torch",
    "ultralytics",
    "matplotlib",
    "pandas",
    "lightning",
    "albumentations",
    "scipy",
    "cv2",
    "numpy",
    "sklearn",
}
MODULES = modules()


def libraries(path: Path, *, top_level: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_every_room_is_in_the_layout() -> None:
    assert {room_of(module) for module in MODULES} == MAY_IMPORT.keys()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_the_rooms_of_the_layout_and_no_other(room: str) -> None:
    assert room_graph(import_graph())[room] == MAY_IMPORT[room]


def test_no_module_and_no_room_is_in_an_import_cycle() -> None:
    graph = import_graph()
    assert cycles(graph) == []
    assert cycles(room_graph(graph)) == []


def test_the_search_for_cycles_finds_one() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"]]


@pytest.mark.parametrize("module", MODULES)
def test_big_libraries_stay_in_their_rooms(module: str) -> None:
    room = module.split(".", maxsplit=1)[0]
    imported = libraries(MODULES[module])
    for library, rooms in LIBRARY_ROOMS.items():
        assert library not in imported or room in rooms
    if room in LIGHT and module not in TORCH_INSIDE:
        assert not libraries(MODULES[module], top_level=True) & {"torch", "matplotlib", "pandas", "features"}
    if room in {"system", "datasets"}:
        assert "torch" not in imported


def test_predicting_by_a_segmenter_imports_no_lightning() -> None:
    """Lightning takes seconds to import and only trains: no module that a learner imports at its top has it."""
    waiting, seen = ["train_seg.learner"], set[str]()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
        imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.module}
        waiting += sorted((imported & MODULES.keys()) - seen)
        assert "lightning" not in libraries(MODULES[module], top_level=True), module
    assert "train_seg.segmenter" in seen


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_small(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def test_no_test_module_is_long() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    assert [t.name for t in tests if len(t.read_text(encoding="utf-8").splitlines()) > MAX_TEST_LINES] == []


@pytest.mark.parametrize("room", ROOMS)
def test_help_loads_nothing_heavy(room: str) -> None:
    code = f"import sys; import {room}.cli; print(*sorted(m.split('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("room", ROOMS)
def test_the_command_and_the_module_are_the_same(room: str) -> None:
    script = Path(sys.executable).parent / room
    helps = [
        subprocess.run([*start, "--help"], capture_output=True, text=True, check=True).stdout
        for start in ([str(script)], [sys.executable, "-m", room])
    ]
    assert helps[0] == helps[1]
    assert f"Usage: {room}" in helps[0]


def test_constraints_name_packages_and_versions_only() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        name, equals, version = line.partition("==")
        assert equals
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
        assert version[0].isdigit()
        assert "/" not in line
