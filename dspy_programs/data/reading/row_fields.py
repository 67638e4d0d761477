"""The fields of one row by our names, and what is said about the pair beside what is trained on.

Guarantees what no field takes is kept in `metadata`.
Raises     NotTaken for a field that must be text and is none.
"""

import itertools
import json
from collections.abc import Mapping
from typing import Any

from dspy_programs.data.reading.columns import Plan, required, value_at
from dspy_programs.data.reading.conversation import is_transcript
from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.tables import Cell, one_line

_DEEPEST = 100  # levels
_ABOUT: dict[str, tuple[type, ...]] = {
    "category": (str, Cell, int, float),
    "difficulty": (str, Cell, int, float),
    "source_seed": (str, Cell),
    "created_at": (str, Cell),
    "cycle_id": (int,),
    "tools": (list,),
}
"""What is said about a pair -> the types that it may have, exactly: true is no number. Anything else stays in metadata."""


class RowFields:
    """plan: of the row's columns. mapping: the user's. tag: noted in the pair. Columns that are used are not left over."""

    def __init__(self, row: Mapping[str, Any], plan: Plan, mapping: Mapping[str, str], tag: str) -> None:
        self.row, self.plan, self.columns, self.mapping, self.tag = row, plan, plan.columns, mapping, tag
        self.used: set[str] = set()

    def all_texts(self) -> bool:
        """Return whether all that is trained on is texts, and no transcript."""
        values = [self.row[column] for column in self.plan.texts.values()]
        return all(isinstance(value, str) and not is_transcript(value) for value in values)

    def has(self, *fields: str) -> bool:
        return any(field in self.mapping or field in self.columns for field in fields)

    def value(self, field: str) -> Any:
        """Return the value of a field, or None."""
        if field in self.mapping:
            return value_at(self.row, self.mapping[field])[1]
        return self.row[self.columns[field]] if field in self.columns else None

    def column(self, field: str) -> str:
        return one_line(self.mapping.get(field) or self.columns.get(field) or field, 60)

    def use(self, *fields: str) -> None:
        for field in fields:
            if column := self.mapping.get(field) or self.columns.get(field):
                self.used.add(column)

    def text(self, field: str) -> str:
        """Return a field as text; a number is its digits, and what the user mapped himself may be any JSON."""
        self.use(field)
        if field in self.mapping and field in ("instruction", "output"):
            required(self.row, field, self.mapping[field])
        value = self.value(field)
        if value is None or isinstance(value, str):
            return str(value or "")
        if isinstance(value, (bool, int, float)) or field in self.mapping:
            require_shallow(value, self.column(field))
            return json.dumps(value, ensure_ascii=False)
        column = self.column(field)
        inside = one_line(next(iter(value), "..."), 60) if isinstance(value, dict) else 0
        raise NotTaken(
            f"{column}: must be text, not {type(value).__name__}; --map {field}={column}.{inside} names a text in it"
        )

    def about(self) -> dict[str, Any]:
        """Return what is known about a pair, and the tools of its conversation."""
        found: dict[str, Any] = {}
        for field, types in _ABOUT.items():
            if self.has(field) and type(value := self.value(field)) in types:
                found[field] = str(value) if str in types else value
                self.use(field)
        if found.get("tools"):
            require_shallow(found["tools"], self.column("tools"))
        return found

    def metadata(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is left over, the row's own metadata, and where it is from. fields: what was taken already."""
        rest = {name: value for name, value in self.row.items() if name not in self.used and value not in ("", None)}
        if rest:
            said = [fields.get(name) for name in ("instruction", "input", "output", "messages")]
            rest = {name: value for name, value in rest.items() if value not in said}
            own = self.value("metadata")
            if isinstance(own, dict):
                rest = {name: value for name, value in rest.items() if name != self.columns.get("metadata")} | own
            require_shallow(rest, "a column")
        ours = {"source": "user", **({"tag": self.tag} if self.tag else {})}
        for name, value in ours.items():
            if name in rest and rest[name] != value:
                free = next(f"{name}{'_' * more}" for more in itertools.count(1) if f"{name}{'_' * more}" not in rest)
                rest[free] = rest.pop(name)
        return {**rest, **ours}


def require_shallow(value: Any, where: str) -> None:
    """Refuse what readers of JSON give up on."""
    if isinstance(value, (dict, list)):
        level: list[Any] = [value]
        for _ in range(_DEEPEST):
            inner = (each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer))
            level = [each for each in inner if isinstance(each, (dict, list))]
            if not level:
                return
        raise NotTaken(f"{where}: nested deeper than {_DEEPEST} levels")
