"""YAML as data, in which nothing is lost and nothing grows: a duplicate key, a merge key (<<) and a bomb are errors.

Of a duplicate key the first value would be lost. Merge keys of merge keys, and aliases of aliases, double with each level, so
a few lines fill the memory of whoever walks through them; YAML 1.2 has no merge keys.
"""

from collections.abc import Sequence
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
                raise _error(f"more than {self._most:,} values through aliases, or an anchor that contains itself", here)
            if isinstance(here, yaml.MappingNode):
                _require_sound([key for key, _ in here.value])
                waiting += [value for _, value in reversed(here.value)]
            elif isinstance(here, yaml.SequenceNode):
                waiting += reversed(here.value)
        return super().construct_document(node)


def _require_sound(keys: Sequence[yaml.Node]) -> None:
    seen = set()
    for key in keys:
        if not isinstance(key, yaml.ScalarNode):
            raise _error("a key must be a word", key)
        if key.value in seen:
            raise _error(f"the key {key.value[:60]!r} appears twice", key)
        if key.tag == "tag:yaml.org,2002:merge":
            raise _error("<< is not read; write the keys out", key)
        seen.add(key.value)


def _error(problem: str, node: yaml.Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def load(text: str | bytes) -> Any:
    """Return the values of a text. Raises yaml.YAMLError; ValueError for a date that is none; RecursionError."""
    return parse(text)[0]


def parse(text: str | bytes) -> tuple[Any, Any]:
    """Return the values of a text, and its nodes, which know their lines. Raises what `load` raises."""
    loader = StrictLoader(text)
    try:
        node = loader.get_single_node()
        return (loader.construct_document(node) if node else None), node
    finally:
        loader.dispose()
