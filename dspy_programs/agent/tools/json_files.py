"""Read and set one value of a JSON file: a small model edits JSON badly by text.

Input      a key like server.port or items.0.name; a key that has dots itself is found too. An empty key is the whole file.
Guarantees only the value's own characters change: order, spaces, numbers as they were written and everything else stay. What
           is written is JSON again. A text that looks like the number or the truth value that it replaces is written as one.
Raises     ToolError for a file that is no JSON (with the line), a key that is not there (with those that are), a key that
           appears twice.
"""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple, NoReturn

from pydantic import JsonValue

from dspy_programs.agent.tools.tool import Scope, ToolError, WorkspacePath, tool

_LONGEST_LINE = 80  # characters
_SHOWN = 4_000  # characters
_SPACE = " \t\n\r"


@tool(effect="reads")
def json_get(scope: Scope, path: WorkspacePath, key: str = "") -> str:
    """Read one value of a JSON file by its key, like server.port or items.0.name."""
    text = _text(scope, path)
    place = _find(text, _parts(key), path)
    if place.rest:
        raise ToolError(f"{path}: there is no {place.rest[0]} in it; there is {_keys(text, place.start)}")
    shown = text[place.start : place.end]
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}\n[cut here; there is {_keys(text, place.start)}]"


@tool(effect="writes", idempotent=True)
def json_set(scope: Scope, path: WorkspacePath, key: str, value: JsonValue) -> str:
    """Set one value of a JSON file by its key, like server.port or items.0.name. Nothing else in the file changes."""
    with scope.workspace.changing:
        text = _text(scope, path) if scope.workspace.kind(path) else "{}\n"
        changed, old, value = with_value(text, key, value, path)
        _checked(changed, path)
        scope.workspace.write(path, changed)
    return f"{path}: {key or 'all'} was {_short(old)} and is {_short(json.dumps(value, ensure_ascii=False))}"


def with_value(text: str, key: str, value: JsonValue, path: str) -> tuple[str, str, JsonValue]:
    """Return a JSON text with one value set, the former value as it was written, and the value that is written now."""
    place = _find(text, _parts(key), path)
    if place.rest:
        return _inserted(text, place, value, path), "nothing", value
    old = text[place.start : place.end]
    value = _as_before(old, value)
    return text[: place.start] + _written(value, text, place.start, like=old) + text[place.end :], old, value


class _Place(NamedTuple):
    start: int
    end: int
    rest: tuple[str, ...] = ()
    """Keys that are not there, below the value at this place."""


def _text(scope: Scope, path: str) -> str:
    if path.endswith((".jsonl", ".ndjson")):
        raise ToolError(f"{path}: has one JSON value a line; use python, or read_file and edit_file")
    if path.endswith((".yaml", ".yml", ".toml", ".ini")):
        raise ToolError(f"{path}: not JSON; use edit_file")
    text = scope.workspace.text(path)
    _checked(text, path)
    return text


def _checked(text: str, path: str) -> None:
    try:
        json.loads(text.removeprefix("\ufeff"), parse_constant=_no_constant)
    except RecursionError:
        raise ToolError(f"{path}: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ToolError(f"{path}: not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    except ValueError as error:
        raise ToolError(f"{path}: not JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _parts(key: str) -> tuple[str, ...]:
    return tuple(part for part in re.sub(r"\[(\d+)\]", r".\1", key.strip()).removeprefix("$").split(".") if part)


def _find(text: str, keys: tuple[str, ...], path: str) -> _Place:
    """Go down the keys as far as they are there."""
    start = _after_space(text, 1 if text.startswith("\ufeff") else 0)
    end = _end_of(text, start)
    while keys:
        inside = _members(text, start, path)
        taken = next((count for count in range(len(keys), 0, -1) if ".".join(keys[:count]) in inside), 0)
        if not taken:
            return _Place(start, end, keys)
        start, end = inside[".".join(keys[:taken])]
        keys = keys[taken:]
    return _Place(start, end)


def _members(text: str, start: int, path: str) -> dict[str, tuple[int, int]]:
    """Return where the values of an object or a list are; nothing for a plain value."""
    found: dict[str, tuple[int, int]] = {}
    if text[start] not in "{[":
        return found
    is_object = text[start] == "{"
    at = _after_space(text, start + 1)
    while text[at] not in "}]":
        key = str(len(found))
        if is_object:
            key, at = scanstring(text, at + 1)
            at = _after_space(text, _after_space(text, at) + 1)
        if key in found:
            raise ToolError(f"{path}: the key {key} appears twice in one object; remove one with edit_file")
        found[key] = at, (end := _end_of(text, at))
        at = _after_space(text, end)
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return found


def _after_space(text: str, at: int) -> int:
    while text[at] in _SPACE:
        at += 1
    return at


def _end_of(text: str, start: int) -> int:
    return json.JSONDecoder().raw_decode(text, start)[1]


def _inserted(text: str, place: _Place, value: JsonValue, path: str) -> str:
    """Put in a key that is not there yet, or an item at the end of a list."""
    first, *deeper = place.rest
    inside = _members(text, place.start, path)
    opening = text[place.start]
    if opening not in "{[" or (opening == "[" and first != str(len(inside))):
        raise ToolError(f"{path}: {first} cannot be put there; there is {_keys(text, place.start)}")
    for key in reversed(deeper):
        value = {key: value}
    name = f"{json.dumps(first, ensure_ascii=False)}: " if opening == "{" else ""
    if inside:
        before, last = list(inside.values())[-1]
        lead = _lead(text, place.start + 1)
        return f"{text[:last]},{lead or ' '}{name}{_written(value, text, last, lead, text[before:last])}{text[last:]}"
    lead = "\n" + _indent_at(text, place.start) + _unit(text)
    end = f"\n{_indent_at(text, place.start)}"
    return f"{text[: place.start + 1]}{lead}{name}{_written(value, text, place.start, lead)}{end}{text[place.end - 1 :]}"


def _lead(text: str, start: int) -> str:
    """Return what stands between a bracket and the first thing in it, if that is on its own line."""
    lead = text[start : _after_space(text, start)]
    return lead[lead.rindex("\n") :] if "\n" in lead else ""


def _unit(text: str) -> str:
    found = re.search(r"\n([ \t]+)\S", text)
    return found[1] if found else "  "


def _indent_at(text: str, at: int) -> str:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]


def _written(value: JsonValue, text: str, at: int, lead: str = "", like: str = "") -> str:
    """Write a value as the file around is written, and as the value `like`: on several lines, or on one."""
    line = json.dumps(value, ensure_ascii=False)
    if ("\n" not in text.strip() and not lead) or (like[:1] in ("{", "[") and "\n" not in like and len(line) <= _LONGEST_LINE):
        return line
    indent = lead.lstrip("\n") if lead else _indent_at(text, at)
    return json.dumps(value, ensure_ascii=False, indent=_unit(text)).replace("\n", "\n" + indent)


def _as_before(old: str, value: JsonValue) -> JsonValue:
    """Turn a text into the kind of plain value that it replaces, if it is one."""
    was = json.loads(old)
    if isinstance(value, str) and isinstance(was, (bool, int, float)):
        try:
            given: JsonValue = json.loads(value)
        except ValueError:
            return value
        if isinstance(given, bool) == isinstance(was, bool) and isinstance(given, (bool, int, float)):
            return given
    return value


def _keys(text: str, start: int) -> str:
    inside = _members(text, start, "the file")
    if text[start] == "[":
        return f"a list of {len(inside)} items, counted from 0"
    return ", ".join(list(inside)[:30]) or "nothing" if text[start] == "{" else "a plain value"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]} [cut]"
