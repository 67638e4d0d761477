"""A YAML file whose every value knows its line, so that an error can say where.

Raises     UsageError, as "file:line: why": for what is not YAML as strict_yaml.py reads it.
"""

from collections.abc import Sequence
from pathlib import Path

import yaml

from dspy_programs import strict_yaml
from dspy_programs.errors import UsageError
from dspy_programs.text_stream import text_in

_LARGEST = 1_000_000  # bytes


class Document:
    """content: plain values. Lines count from 1."""

    def __init__(self, path: Path, what: str) -> None:
        """what: is read, for the error."""
        self.path = path
        text = text_in(path, _LARGEST, what)
        try:
            self.content, self._root = strict_yaml.parse(text)
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
