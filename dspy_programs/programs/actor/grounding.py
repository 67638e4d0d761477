"""Keep the arguments that have a source: the task, what was said, results, a date, arithmetic, the schema itself.

A small model fills in what nobody said: the unit that it likes, an account number that looks like one. So an optional
argument without a source is left out, and a call that needs one is not made: its arguments are missing, and an agent can
ask for them.

Input      a call that matches its function's schema; sources: a provenance index of what was asked, said and found.
Output     Grounded: its arguments, what was left out (`repairs`), and what it needs (`missing`: then it must not be made).
Guarantees no value is changed or added; the given call is not changed; linear in the call.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from json import loads
from typing import Any, NamedTuple

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from dspy_programs.no_answer import is_placeholder
from dspy_programs.programs.actor.arguments import json_excerpt
from dspy_programs.programs.actor.wording import Wording
from dspy_programs.provenance import Sources
from dspy_programs.schemas import alternatives_of, items_of, listed_in, named_in, required_of, types_of, united
from dspy_programs.types import Call, Function

_DEEPEST = 8  # levels of a schema; what is deeper is looked up as a whole
_LEFT_OUT = object()
_DEFAULT = re.compile(r"default[^\d\n.;]{0,20}?(-?\d{1,15}(?:\.\d{1,15})?)", re.IGNORECASE)
_ID = re.compile(r"(?:(?<=[a-z])I|(?:^|_)i)d$")
_WORD = re.compile(r"[^\W\d_]+")
COMPOSED = "x-composed"  # marks, in a schema, what the model is to write itself, such as a file's content
_ASKED_FOR = {"seen", "computed"}  # kinds of an origin that somebody's words give, not the schema alone


class MissingArgument(BaseModel):
    """An argument that a call needs and that has no source, so that the call is not made."""

    tool: str
    argument: str
    """The name; of a part of it with dots, as in "address.city"."""
    why: str


class Grounded(NamedTuple):
    """The arguments of one call that have a source, what was left out, and what is needed and has none."""

    arguments: dict[str, JsonValue]
    repairs: list[str]
    missing: list[MissingArgument]


class _Argument(NamedTuple):
    """What a schema says of an argument. inner: of an object's properties; item: of a list's items."""

    schema: dict[str, Any]
    needed: bool
    inner: "Mapping[str, _Argument]"
    item: "_Argument | None"


_ANY = _Argument({}, False, {}, None)


def grounded(call: Call, function: Function, sources: Sources, wording: Wording) -> Grounded:
    """Leave out the arguments of a call that have no source."""
    found = _Grounding(function, sources, wording)
    arguments = found.object(call.arguments, _arguments_of(to_json(function.parameters)), "")
    return Grounded(arguments, found.repairs, found.missing)


class _Grounding:
    """One call's arguments."""

    def __init__(self, function: Function, sources: Sources, wording: Wording) -> None:
        self.function, self.tool, self.sources, self.wording = function, function.name, sources, wording
        self.repairs: list[str] = []
        self.missing: list[MissingArgument] = []

    def object(self, values: Mapping[str, Any], arguments: Mapping[str, _Argument], path: str) -> dict[str, JsonValue]:
        found = {}
        for name, value in values.items():
            argument = arguments.get(name, _ANY)
            place = f"{path}.{name}" if path else name
            kept = self.value(value, argument, name, place, may_go=not argument.needed)
            if kept is not _LEFT_OUT:
                found[name] = kept
            elif argument.needed:
                self.missing.append(MissingArgument(tool=self.tool, argument=place, why=_why(value)))
            else:
                self.repairs.append(f"{self.tool}: {place}: {json_excerpt(value)} left out, for nobody asked for it")
        return found

    def value(self, value: Any, argument: _Argument, name: str, place: str, may_go: bool) -> Any:
        """Return the value, of an object or a list what has a source, or _LEFT_OUT."""
        if argument.schema.get(COMPOSED):
            return value
        if isinstance(value, dict) and value and argument.inner:
            gaps, repairs = len(self.missing), len(self.repairs)
            kept = self.object(value, argument.inner, place)
            if kept or (len(self.missing) > gaps and not may_go):
                return kept
            del self.missing[gaps:], self.repairs[repairs:]
            return _LEFT_OUT
        if isinstance(value, list) and value:
            return self.items(value, argument, name, place) or _LEFT_OUT
        return value if self.has_source(value, argument, name) else _LEFT_OUT

    def items(self, values: list[Any], argument: _Argument, name: str, place: str) -> list[Any]:
        """Return the items with a source; of an optional list of choices all, if somebody named one: "Monday to Friday"."""
        item = argument.item or _ANY
        is_flat = not any(isinstance(each, (dict, list)) for each in values)
        if is_flat and not argument.needed and not any(self.has_source(each, item, name) for each in values):
            return []
        kept = [self.value(each, item._replace(needed=True), name, place, may_go=True) for each in values]
        lost = [each for each, inner in zip(values, kept, strict=True) if inner is _LEFT_OUT]
        if 0 < len(lost) < len(kept):
            self.repairs.append(f"{self.tool}: {place}: {json_excerpt(lost)} left out, for nobody spoke of it")
        return [each for each in kept if each is not _LEFT_OUT]

    def has_source(self, value: Any, argument: _Argument, name: str) -> bool:
        if value == "" or (isinstance(value, str) and is_placeholder(value)):
            return "" in (listed_in(argument.schema) or ())
        if isinstance(value, bool) or value in ("yes", "no"):
            return argument.needed or self.wording.speaks_of(name, argument.schema, self.function)
        if argument.needed and (listed_in(argument.schema) is not None or _is_option(value, argument.schema)):
            return True  # one of these it must be
        origin = self.sources.origin(value, argument.schema, name)
        if origin is not None and origin.kind == "code":
            return self.wording.names_something(self.function)
        if origin is not None and origin.kind == "computed" and self.wording.is_without_numbers and _is_small(value):
            return self.wording.says_part_of(value, may_translate=False)  # five times "a game" is no five
        if value in (0, 1) and not argument.needed:  # as good as false and true
            return value in self.wording.figures or self.wording.speaks_of(name, argument.schema, self.function)
        if origin is not None and (argument.needed or origin.kind in _ASKED_FOR):
            return True
        if _is_a_description(value, argument.schema, name):
            return False
        return self.wording.says_part_of(value, may_translate=argument.needed)


def _is_a_description(value: Any, schema: Mapping[str, Any], name: str) -> bool:
    """Return whether words stand where a value belongs: "8-digit ID", as its argument is described; "ID of the door"."""
    if not isinstance(value, str) or len(value.split()) < 2:
        return False
    return value.casefold() in str(schema.get("description", "")).casefold() or _ID.search(name) is not None


def _is_small(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and abs(value) < 10


def _is_option(value: Any, schema: Mapping[str, Any]) -> bool:
    """Return whether a description lists a word as one that may be chosen, or tells a default. A name is an example."""
    text = str(schema.get("description", ""))
    if isinstance(value, (int, float)):
        return any(float(told[1]) == value for told in _DEFAULT.finditer(text))
    if not isinstance(value, str) or not value.isalpha():
        return False
    return f"'{value}'" in text or f'"{value}"' in text or (value.islower() and value in _WORD.findall(text))


def _why(value: JsonValue) -> str:
    return "nothing that was said or found gives it" + (f"; the model wrote {json_excerpt(value)}" if value else "")


@lru_cache(maxsize=1024)
def _arguments_of(parameters: bytes) -> Mapping[str, _Argument]:
    root = loads(parameters)
    return _named(united(root), root, 0)


def _named(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> dict[str, _Argument]:
    required = set(required_of(schema))
    return {name: _argument(inner, name in required, root, depth + 1) for name, inner in named_in(schema).items()}


def _argument(schema: Any, needed: bool, root: Mapping[str, Any], depth: int) -> _Argument:
    if depth > _DEEPEST:
        return _Argument({}, needed, {}, None)
    try:
        forms = [form for form in alternatives_of(schema, root) if types_of(form) != ["null"]] or [{}]
    except OverflowError:
        forms = [{}]
    form = forms[0]
    item = _argument(items_of(form)[1], False, root, depth + 1) if "array" in types_of(form) else None
    return _Argument(form, needed, _named(form, root, depth) if len(forms) == 1 else {}, item)
