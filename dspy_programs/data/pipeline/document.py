"""A YAML file whose every value knows its line, so that an error can say where.

Raises     UsageError, as "file:line: why": for what is no YAML, a key that is there twice, an anchor that refers to itself.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from dspy_programs.errors import UsageError
from dspy_programs.text_stream import text_in

_LARGEST = 1_000_000  # bytes
_MOST_NODES = 10_000  # with what aliases repeat


class Document:
    """content: plain values. Lines count from 1."""

    def __init__(self, path: Path, what: str) -> None:
        """what: is read, for the error."""
        self.path = path
        text = text_in(path, _LARGEST, what)
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self._require_sound(self._root)
            self.content: Any = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).splitlines()[0]
            raise self.error(f"not YAML: {problem}", mark.line + 1 if mark else 1) from error
        except (ValueError, RecursionError) as error:  # a date that is none; a thousand brackets
            raise self.error(f"not YAML: {' '.join(str(error).split())[:200]}", 1) from error

    def error(self, why: str, line: int) -> UsageError:
        return UsageError(f"{self.path}:{line}: {why}")

    def line_of(self, keys: Sequence[str | int]) -> int:
        """Return the line of the value that keys and positions lead to; of the last one that is there."""
        node, line = self._root, 1
        for key in keys:
            found = self._inside(node, key)
            if found is None:
                break
            line, node = found
        return line

    @staticmethod
    def _inside(node: yaml.Node | None, key: str | int) -> tuple[int, yaml.Node] | None:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                if name.value == str(key):
                    return name.start_mark.line + 1, value
        if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            return node.value[key].start_mark.line + 1, node.value[key]
        return None

    def _require_sound(self, root: yaml.Node | None) -> None:
        """Raise UsageError for a key that is there twice, of which YAML would take the last, and for a bomb of aliases."""
        waiting, count = [root] if root else [], 0
        while waiting:
            node = waiting.pop()
            count += 1
            if count > _MOST_NODES:
                why = f"more than {_MOST_NODES:,} values, or an anchor that contains itself"
                raise self.error(why, node.start_mark.line + 1)
            if isinstance(node, yaml.MappingNode):
                names = set()
                for name, value in node.value:
                    line = name.start_mark.line + 1
                    if not isinstance(name, yaml.ScalarNode):
                        raise self.error("a key that is no word", line)
                    if name.value in names:
                        raise self.error(f"{name.value}: is there twice", line)
                    names.add(name.value)
                    waiting.append(value)
            elif isinstance(node, yaml.SequenceNode):
                waiting += node.value
