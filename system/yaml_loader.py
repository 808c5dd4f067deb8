"""The loaders of `system.yaml_file`: they refuse names given twice, deep nesting, tags and numbers without end."""

import re
from collections.abc import Hashable

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode

MAX_DEPTH = 50  # nested lists and mappings; the Python parser is recursive
MAX_VALUES = 1_000_000  # of a file of 4 MiB, if references are written out
MAX_NUMBER = 100  # characters; 1:1:1:... and 0b1111... take time that grows with their square
MAX_QUOTED = 60  # characters of a tag in an error
TEXT_TAG = "tag:yaml.org,2002:str"
NUMBER_TAGS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
FLOAT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class StrictLoader(yaml.SafeLoader):
    """Safe YAML: a name given twice in a mapping is an error, and so is a tag such as !!int or !!python/name.

    PyYAML fails with any error for values that do not fit their tag.
    """

    depth = 0

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        """The next node.

        Raises ComposerError if it is nested too deeply, too large by references (*NAME), or has a tag.
        """
        self.sizes: dict[int, int]  # the number of values in each node, with those of references
        if self.depth == 0:
            self.sizes = {}
        is_reference = self.check_event(AliasEvent)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        mark = event.start_mark
        if getattr(event, "tag", None) not in {None, "!", TEXT_TAG}:
            raise ComposerError(
                problem=f"the tag {event.tag[:MAX_QUOTED]} is not read; remove it", problem_mark=mark
            )
        self.depth += 1
        if self.depth > MAX_DEPTH:
            problem = f"nested more than {MAX_DEPTH} levels deep"
            raise ComposerError(problem=problem, problem_mark=mark)
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

    def compose_scalar_node(self, anchor: object) -> ScalarNode:
        """The next scalar. Raises ComposerError for a number without end and for half a character."""
        node = super().compose_scalar_node(anchor)  # type: ignore[arg-type]  # a name or None
        if node.tag in NUMBER_TAGS and len(node.value) > MAX_NUMBER:
            problem = f"a number of {len(node.value)} characters"
            raise ComposerError(problem=problem, problem_mark=node.start_mark)
        if not node.value.isascii() and any("\ud800" <= c <= "\udfff" for c in node.value):
            raise ComposerError(problem="half a character (\\uD800 to \\uDFFF)", problem_mark=node.start_mark)
        return node

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


class PlainLoader(StrictLoader):
    """Strict YAML without references."""

    def compose_node(self, parent: Node | None, index: object) -> Node | None:
        """The next node. Raises ComposerError for a reference (*NAME)."""
        if self.check_event(AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ComposerError(problem="it has references (*NAME)", problem_mark=mark)
        return super().compose_node(parent, index)


class TextLoader(StrictLoader):
    """Strict YAML in which every scalar is the text in the file."""

    yaml_implicit_resolvers: dict[str, list[object]] = {}  # noqa: RUF012 -- the name and type are PyYAML's
