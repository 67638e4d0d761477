"""The tools that a run was offered, gathered from all its model calls: names, and schemas and descriptions where given."""

import json
from functools import lru_cache
from typing import Any

from dspy_programs.conversation import json_of
from dspy_programs.schemas import tool_descriptions, tool_names, tool_schemas

_LONGEST = 100_000  # characters of definitions that are remembered


class Offer:
    """Gathers definitions; what comes again, as logs tell it with every call, is read once."""

    def __init__(self, *published: Any) -> None:
        self.names: set[str] = set()
        self.schemas: dict[str, dict[str, Any]] = {}
        self.descriptions: dict[str, str] = {}
        self._known: set[str] = set()
        for one in published:
            self.add(one)

    def add(self, published: Any) -> None:
        """Add tools in any published form, or JSON of them; of a tool that comes twice the last schema counts."""
        found = json_of(published)
        found = [json_of(item) for item in found] if isinstance(found, list) else found
        if not found or (key := json.dumps(found, ensure_ascii=False)) in self._known:
            return
        self._known.add(key)
        names, schemas, descriptions = _remembered(key) if len(key) <= _LONGEST else _read(key)
        self.names.update(names)
        self.schemas.update(schemas)
        self.descriptions.update(descriptions)


def _read(definitions: str) -> tuple[list[str], dict[str, Any], dict[str, str]]:
    found = json.loads(definitions)
    schemas = {name: schema for name, schema in tool_schemas(found).items() if isinstance(schema, dict)}
    return tool_names(found), schemas, tool_descriptions(found)


_remembered = lru_cache(maxsize=64)(_read)  # the runs of a file have the same tools
