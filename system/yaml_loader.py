"""The loaders of `system.yaml_file`: they refuse names given twice and deep nesting."""

import re
from collections.abc import Hashable

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode

MAX_DEPTH = 50  # nested lists and mappings; the Python parser is recursive
MAX_VALUES = 1_000_000  # of a file of 4 MiB, if references are written out
FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class StrictLoader(yaml.SafeLoader):
    """Safe YAML: a name given twice in a mapping is an error."""

    depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        """The next node. Raises ComposerError if it is nested too deeply, or too large by references (*NAME)."""
        self.sizes: dict[int, int]  # the number of values in each node, with those of references
        if self.depth == 0:
            self.sizes = {}
        is_reference = self.check_event(AliasEvent)
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            problem = f"nested more than {MAX_DEPTH} levels deep"
            raise ComposerError(problem=problem, problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)  # type: ignore[arg-type]  # also a node or None
        self.depth -= 1
        if node is not None:
            if is_reference and id(node) not in self.sizes:
                raise ComposerError(problem="a reference to what contains it", problem_mark=mark)
            if self.sizes.setdefault(id(node), self._size(node)) > MAX_VALUES:
                problem = f"references make it larger than {MAX_VALUES} values"
                raise ComposerError(problem=problem, problem_mark=mark)
        return node

    def _size(self, node: Node) -> int:
        if isinstance(node, ScalarNode):
            return 1
        inner = [one for pair in node.value for one in pair] if isinstance(node, MappingNode) else node.value
        return 1 + sum(self.sizes[id(one)] for one in inner)

    def compose_mapping_node(self, anchor: object) -> MappingNode:
        """The next mapping. Raises ComposerError if two of its names are equal."""
        node = super().compose_mapping_node(anchor)  # type: ignore[arg-type]  # a name or None
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                self.check_name(key)
            elif key.value in seen:
                raise ComposerError(problem=f"{key.value} is given twice", problem_mark=key.start_mark)
            else:
                seen.add(key.value)
        return node

    def check_name(self, key: Node) -> None:
        """Whether a list or mapping may be a name. The constructor decides that."""


class OptionsLoader(StrictLoader):
    """Strict YAML for options: names are text, and 1e-3 is a number."""

    def check_name(self, key: Node) -> None:
        """Raise ComposerError: a list or mapping is not a name."""
        raise ComposerError(problem="a name is expected", problem_mark=key.start_mark)

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, object]:
        """A mapping whose names are text."""
        return {str(name): value for name, value in super().construct_mapping(node, deep).items()}


OptionsLoader.add_implicit_resolver("tag:yaml.org,2002:float", FLOAT, list("-+.0123456789"))


class TextLoader(StrictLoader):
    """Strict YAML in which every scalar is the text in the file."""

    yaml_implicit_resolvers: dict[str, list[object]] = {}  # noqa: RUF012 -- the name and type are PyYAML's
