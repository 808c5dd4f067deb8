"""The import graph of the rooms: `python -m tests.import_graph [ROOT]` prints rooms, levels, cycles and sizes.

ROOT is a checkout of defectline, by default this one, so that two versions can be compared.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
NO_ROOM = {"tests", "benchmarks"}
SUB_ROOMS = "datasets"  # its sub-packages and datasets/coco.py are rooms of their own

Graph = Mapping[str, set[str]]


def modules(root: Path = ROOT) -> dict[str, Path]:
    """Dotted name -> file of every module of every room below `root`."""
    found = {}
    for package in sorted(root.iterdir()):
        if (package / "__init__.py").is_file() and package.name not in NO_ROOM:
            for path in sorted(package.rglob("*.py")):
                parts = path.relative_to(root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_graph(root: Path = ROOT) -> dict[str, set[str]]:
    """Module -> the modules of the rooms that it imports, at its top or inside a function."""
    known = modules(root)
    graph = {}
    for name, path in known.items():
        imported = {target for target in _targets(path) if target in known}
        graph[name] = imported - {name}
    return graph


def room_of(module: str) -> str:
    """The room of a module: its top-level package, below `datasets` the sub-package."""
    first, *rest = module.split(".")
    if first == SUB_ROOMS and (len(rest) > 1 or rest[:1] == ["coco"]):
        return f"{first}.{rest[0]}"
    return first


def room_graph(graph: Graph) -> dict[str, set[str]]:
    """Room -> the other rooms that its modules import."""
    rooms: dict[str, set[str]] = {room_of(module): set() for module in graph}
    for module, imported in graph.items():
        rooms[room_of(module)] |= {room_of(target) for target in imported} - {room_of(module)}
    return rooms


def cycles(graph: Graph) -> list[list[str]]:
    """Groups of modules that import each other, directly or through others (Tarjan's algorithm)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph[node]):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return found


def levels(graph: Graph) -> dict[str, int]:
    """Module -> length of the longest chain of imports below it; modules of one cycle share a level."""
    depth: dict[str, int] = {}
    group_of = {module: tuple(group) for group in cycles(graph) for module in group}

    def level(module: str) -> int:
        if module not in depth:
            group = group_of.get(module, (module,))
            depth.update(dict.fromkeys(group, 0))
            below = {target for member in group for target in graph[member]} - set(group)
            depth.update(dict.fromkeys(group, 1 + max((level(target) for target in below), default=-1)))
        return depth[module]

    for module in graph:
        level(module)
    return depth


def report(root: Path) -> Iterator[str]:
    """The lines that the command prints."""
    graph, files = import_graph(root), modules(root)
    rooms, depth = room_graph(graph), levels(graph)
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in files.items()}
    members: dict[str, list[str]] = defaultdict(list)
    for module in graph:
        members[room_of(module)].append(module)
    yield f"{'room':<17} {'modules':>7} {'lines':>6} {'levels':>6} {'largest':>7}  imports"
    for room in sorted(rooms, key=lambda room: max(depth[module] for module in members[room])):
        inside = {module: graph[module] & set(members[room]) for module in members[room]}
        yield (
            f"{room:<17} {len(members[room]):>7} {sum(sizes[m] for m in members[room]):>6}"
            f" {max(levels(inside).values()) + 1:>6} {max(sizes[m] for m in members[room]):>7}"
            f"  {', '.join(sorted(rooms[room])) or '-'}"
        )
    largest = max(sizes, key=lambda module: sizes[module])
    yield f"{len(graph)} modules, {sum(sizes.values())} lines, {max(depth.values()) + 1} levels of imports"
    yield f"largest module: {largest}, {sizes[largest]} lines"
    yield f"cycles of modules: {cycles(graph) or 'none'}"
    yield f"cycles of rooms: {cycles(rooms) or 'none'}"


def _targets(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


if __name__ == "__main__":
    print("\n".join(report(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT)))
