"""Which column of a row holds which field: by the user's mapping, else by the names that data sets use.

Guarantees names are compared without regard to case; of several columns for one field the first in ALIASES is taken; what no
           field takes is left over, not lost.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from dspy_programs.data.reading.not_taken import NotTaken
from dspy_programs.errors import UsageError
from dspy_programs.tables import one_line

ALIASES: dict[str, tuple[str, ...]] = {
    "instruction": ("instruction", "prompt", "question", "query", "problem"),
    "output": ("output", "completion", "response", "answer", "solution"),
    "input": ("input", "context", "passage"),
    "context": ("context",),
    "category": ("category", "label", "topic"),
    "difficulty": ("difficulty", "level"),
    "messages": ("messages", "conversations", "conversation"),
    "chosen": ("chosen", "preferred_output"),
    "rejected": ("rejected", "non_preferred_output"),
    "system": ("system", "system_prompt"),
    "history": ("history",),
    "tools": ("tools", "functions", "function"),
    "metadata": ("metadata",),
    "source_seed": ("source_seed",),
    "cycle_id": ("cycle_id",),
    "created_at": ("created_at",),
}

_SHAPES = {("instruction", "output"): "alpaca", ("prompt", "completion"): "prompt-completion"}
_TEXTS = {"instruction", "input", "output", "context", "category", "difficulty"}


def mapping_of(parts: Iterable[str]) -> dict[str, str]:
    """Return {our field: their column} of "ours=theirs,ours=theirs". Raises UsageError."""
    made: dict[str, str] = {}
    for part in (part for text in parts for part in text.split(",")):
        ours, sign, theirs = (piece.strip() for piece in part.partition("="))
        if not sign or not theirs:
            raise UsageError(f"--map {one_line(part, 60)!r}: write ours=theirs, as in instruction=prompt,output=completion")
        if ours in made:
            raise UsageError(f"--map: {ours} is given twice; one column for each field")
        made[ours] = theirs
    return checked_mapping(made)


def checked_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Return the mapping if it names our fields. Raises UsageError."""
    if unknown := [name for name in mapping if name not in ALIASES]:
        raise UsageError(f"--map: no field {one_line(unknown[0], 60)!r}; ours are {', '.join(ALIASES)}")
    return dict(mapping)


class Plan(NamedTuple):
    """columns: field -> column; texts: those that must be text; shape: if they are; is_simple: there is nothing else."""

    columns: Mapping[str, str]
    texts: Mapping[str, str]
    shape: str
    is_simple: bool


@lru_cache(64)  # most files have one kind of rows
def plan_of(names: tuple[str, ...], mapped: frozenset[str], taken: frozenset[str]) -> Plan:
    """Return how to read a row with these columns. mapped: fields that the user maps; taken: columns that are mapped to."""
    columns = _columns_of(names, mapped, taken)
    if "output" not in {*columns, *mapped}:
        shape = "prompt-only"
    else:
        shape = _SHAPES.get((columns.get("instruction", "").lower(), columns.get("output", "").lower()), "generic")
    texts = {field: column for field, column in columns.items() if field in _TEXTS}
    return Plan(columns, texts, shape, "instruction" in texts and not mapped and columns.keys() <= {*texts, "metadata"})


def _columns_of(names: tuple[str, ...], mapped: frozenset[str], taken: frozenset[str]) -> Mapping[str, str]:
    known = {name.strip().lower(): name for name in reversed(names) if name not in taken}
    found: dict[str, str] = {}
    for field, aliases in ALIASES.items():
        free = (known[alias] for alias in aliases if alias in known and known[alias] not in found.values())
        if field not in mapped and (column := next(free, None)):
            found[field] = column
    if "instruction" not in {*found, *mapped} and "input" in found and {"output", "chosen"} & {*found, *mapped}:
        found["instruction"] = found.pop("input")  # a data set of inputs and outputs
        if "context" in found:
            found["input"] = found.pop("context")
    return found


def value_at(row: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Return whether a row has a column, and its value. path: its name, or names and 0-based numbers with dots between."""
    if path in row:
        return True, row[path]
    value: Any = row
    for part in path.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def required(row: Mapping[str, Any], field: str, path: str) -> Any:
    there, value = value_at(row, path)
    if not there:
        raise NotTaken(f"no {one_line(path, 60)}, which --map says is the {field}")
    return value
