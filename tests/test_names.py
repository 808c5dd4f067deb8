"""Names and types of the rooms: one class per name; no `Any` in public signatures, fields and type aliases."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.import_graph import modules

MODULES = modules()
ANY = re.compile(r"\bAny\b")


def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def public_functions(parent: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions of a module and public methods of its public classes, with their qualified names."""
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public_functions(node, f"{node.name}.")


def has_any(function: ast.FunctionDef) -> bool:
    every = function.args
    arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    annotations = [a.annotation for a in arguments if a and a.annotation] + [function.returns]
    return any(ANY.search(ast.unparse(annotation)) for annotation in annotations if annotation)


def fields_and_aliases(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Name and type of each annotated field of a class and of each type alias of a module."""
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            annotated = (item for item in node.body if isinstance(item, ast.AnnAssign))
            yield from ((f"{node.name}.{ast.unparse(item.target)}", item.annotation) for item in annotated)
        elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias" and node.value:
            yield ast.unparse(node.target), node.value
    blocks = [module.body, *(node.body for node in module.body if isinstance(node, ast.If))]
    for node in (node for block in blocks for node in block):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
            yield ast.unparse(node.targets[0]), node.value


def test_one_class_per_name() -> None:
    owners = defaultdict(list)
    for module in MODULES:
        for node in tree(module).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                owners[node.name].append(module)
    assert {name: found for name, found in owners.items() if len(found) > 1} == {}


def test_no_any_in_public_signatures() -> None:
    assert [
        f"{module}.{name}"
        for module in MODULES
        for name, function in public_functions(tree(module))
        if has_any(function)
    ] == []


def test_no_any_in_fields_and_aliases() -> None:
    assert [
        f"{module}.{name}"
        for module in MODULES
        for name, annotation in fields_and_aliases(tree(module))
        if ANY.search(ast.unparse(annotation))
    ] == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class A:\n    a: int\n    b: dict[str, Any] = {}", ["A.b"]),
        ("def f():\n    class A:\n        a: Any", ["A.a"]),
        ("State = dict[str, Any]\nif TYPE_CHECKING:\n    Run = Callable[[Any], int]", ["State", "Run"]),
        ('Nested: TypeAlias = "int | list[Any]"\nMaybe = Any | None', ["Nested", "Maybe"]),
        ("first: Any = f(Any)\nnames = load(Any)\nvalues = by_name[0]", []),
    ],
)
def test_any_in_a_field_or_an_alias_is_found(source: str, names: list[str]) -> None:
    found = [
        name for name, annotation in fields_and_aliases(ast.parse(source)) if ANY.search(ast.unparse(annotation))
    ]
    assert found == names


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(a: Any) -> int: ...", True),
        ("def f(a: int) -> dict[str, Any]: ...", True),
        ('def f(a: "NDArray[Any]") -> int: ...', True),
        ("def f(*, a: int, **b: Any) -> int: ...", True),
        ("def f(a: AnyStr) -> int: ...", False),
    ],
)
def test_any_is_found_wherever_it_is(source: str, expected: bool) -> None:
    assert [has_any(function) for _, function in public_functions(ast.parse(source))] == [expected]
