"""Keep the arguments that have a source: the task, what was said, results, a date, arithmetic, the schema itself.

A small model fills in what nobody said: the unit that it likes, an account number that looks like one. So an optional
argument without a source is left out, and a call that needs one is not made: its arguments are missing, and an agent can
ask for them.

Input      calls that match their schemas; tools; sources: a provenance index of what was asked, said and found.
Output     Grounded: the calls to make, what was left out (`repairs`), and what the other calls need (`missing`).
Guarantees values are never changed or added; the given calls are not changed; linear in the calls.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from json import loads
from typing import Any, NamedTuple

from pydantic import BaseModel, JsonValue
from pydantic_core import to_json

from dspy_programs.programs.actor.arguments import json_excerpt
from dspy_programs.provenance import Sources
from dspy_programs.schemas import alternatives_of, items_of, listed_in, named_in, required_of, types_of, united
from dspy_programs.text import is_placeholder
from dspy_programs.types import Call, Function

_DEEPEST = 8  # levels of a schema; what is deeper is looked up as a whole
_LEFT_OUT = object()
_ASKED_FOR = {"seen", "computed", "code"}  # kinds of an origin that somebody's words give, not the schema alone


class Missing(BaseModel):
    """An argument that a call needs and that has no source, so that the call is not made."""

    tool: str
    argument: str
    """The name; of a part of it with dots, as in "address.city"."""
    why: str


class Grounded(NamedTuple):
    calls: list[Call]
    repairs: list[str]
    missing: list[Missing]


class _Argument(NamedTuple):
    """What a schema says of an argument. inner: of an object's properties; item: of a list's items."""

    schema: dict[str, Any]
    needed: bool
    inner: "Mapping[str, _Argument]"
    item: "_Argument | None"


_ANY = _Argument({}, False, {}, None)


def grounded(calls: Iterable[Call], tools: Sequence[Function], sources: Sources) -> Grounded:
    """Leave out what has no source. A call of an unknown tool stays as it is: its name is a problem already."""
    by_name = {tool.name: tool for tool in reversed(tools)}
    kept: list[Call] = []
    repairs: list[str] = []
    missing: list[Missing] = []
    for call in calls:
        if call.tool not in by_name:
            kept.append(call)
            continue
        checked = _Grounding(call.tool, sources)
        arguments = checked.object(call.arguments, _arguments_of(to_json(by_name[call.tool].parameters)), "")
        repairs += [] if checked.missing else checked.repairs
        missing += [gap for gap in checked.missing if gap not in missing]
        kept += [] if checked.missing else [Call(tool=call.tool, arguments=arguments)]
    return Grounded(kept, repairs, missing)


class _Grounding:
    """One call's arguments."""

    def __init__(self, tool: str, sources: Sources) -> None:
        self.tool, self.sources = tool, sources
        self.repairs: list[str] = []
        self.missing: list[Missing] = []

    def object(self, values: Mapping[str, Any], arguments: Mapping[str, _Argument], path: str) -> dict[str, JsonValue]:
        found = {}
        for name, value in values.items():
            argument = arguments.get(name, _ANY)
            place = f"{path}.{name}" if path else name
            kept = self.value(value, argument, name, place)
            if kept is not _LEFT_OUT:
                found[name] = kept
            elif argument.needed:
                self.missing.append(Missing(tool=self.tool, argument=place, why=_why(value)))
            else:
                self.repairs.append(f"{self.tool}: {place}: {json_excerpt(value)} left out, for nobody asked for it")
        return found

    def value(self, value: Any, argument: _Argument, name: str, place: str) -> Any:
        """Return the value, of an object or a list what has a source, or _LEFT_OUT."""
        if isinstance(value, dict) and value and argument.inner:
            return self.object(value, argument.inner, place) or _LEFT_OUT
        if isinstance(value, list) and value:
            item = argument.item or _ANY
            kept = [self.value(each, item._replace(needed=True), name, place) for each in value]
            some = [each for each in kept if each is not _LEFT_OUT]
            if 0 < len(some) < len(kept):
                lost = [each for each, is_in in zip(value, kept, strict=True) if is_in is _LEFT_OUT]
                self.repairs.append(f"{self.tool}: {place}: {json_excerpt(lost)} left out, for nobody spoke of it")
            return some or _LEFT_OUT
        return value if self.has_source(value, argument, name) else _LEFT_OUT

    def has_source(self, value: Any, argument: _Argument, name: str) -> bool:
        if value == "" or (isinstance(value, str) and is_placeholder(value)):
            return "" in (listed_in(argument.schema) or ())
        if argument.needed and (isinstance(value, bool) or listed_in(argument.schema) is not None):
            return True  # one of these it must be
        origin = self.sources.origin(value, argument.schema, name)
        return origin is not None and (argument.needed or origin.kind in _ASKED_FOR)


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
