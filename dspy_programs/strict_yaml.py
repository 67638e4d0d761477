"""YAML as data, in which nothing is lost and nothing grows: a duplicate key, a merge key (<<) and a bomb are errors.

Of a duplicate key the first value would be lost. Merge keys of merge keys, and aliases of aliases, double with each level, so
a few lines fill the memory of whoever walks through them; YAML 1.2 has no merge keys.
"""

from typing import Any

import yaml

_MOST_VALUES = 10_000  # with what aliases repeat, in a short text; a long one may have as many as it has characters


class StrictLoader(yaml.SafeLoader):
    """Raises yaml.MarkedYAMLError, whose `problem` says what is wrong."""

    def __init__(self, text: str | bytes) -> None:
        super().__init__(text)
        self._most = max(_MOST_VALUES, len(text))

    def construct_document(self, node: yaml.Node) -> Any:
        waiting, count = [node], 0
        while waiting:
            here = waiting.pop()
            count += 1
            if count > self._most:
                problem = f"more than {self._most:,} values through aliases, or an anchor that contains itself"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=here.start_mark)
            if isinstance(here, yaml.MappingNode):
                waiting += [value for _, value in here.value]
            elif isinstance(here, yaml.SequenceNode):
                waiting += here.value
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key must be a word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value[:60]!r} appears twice", problem_mark=key.start_mark)
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.MarkedYAMLError(problem="<< is not read; write the keys out", problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def load(text: str | bytes) -> Any:
    """Return the values of a text. Raises yaml.YAMLError; ValueError for a date that is none; RecursionError."""
    return parse(text)[0]


def parse(text: str | bytes) -> tuple[Any, yaml.Node | None]:
    """Return the values of a text, and its nodes, which know their lines. Raises what `load` raises."""
    loader = StrictLoader(text)
    try:
        node = loader.get_single_node()
        return (loader.construct_document(node) if node else None), node
    finally:
        loader.dispose()
