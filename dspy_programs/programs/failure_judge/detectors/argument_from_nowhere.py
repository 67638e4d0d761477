"""HALLUCINATION: a call is given a value that nobody gave before: no user, no result, no arithmetic, no schema."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import JsonValue

from dspy_programs.programs.failure_judge.finding import Finding, found
from dspy_programs.programs.failure_judge.known_before import came_to_nothing
from dspy_programs.programs.failure_judge.trace_view import Call
from dspy_programs.provenance import Kind, Sources, kind_of
from dspy_programs.schemas import properties_of

_MOST_VALUES = 40  # of a call that are looked up
_UNKNOWN: Mapping[str, JsonValue] = {}  # schema
_SHOWN = 60  # characters of a value
_LONGEST_NAME = 200  # characters of a tool's or an argument's
_TAKEN: Mapping[Kind, float] = {"id": 0.85, "e-mail": 0.8, "number": 0.7, "moment": 0.65}
"""The call changed something. Free text, paths and choices are not here: an agent may word them itself."""
_TURNED_DOWN: Mapping[Kind, float] = {"id": 0.65, "e-mail": 0.65, "number": 0.45, "moment": 0.45}
"""The call came to nothing, and no later one of the tool came to more."""
_LOOKED_UP: Mapping[Kind, float] = {"id": 0.5, "e-mail": 0.5}
"""The call only looked something up: what it did not find may not be there under the right name either."""
_PERHAPS_LISTED = 0.5
_LATEST_LISTS, _LONGEST_LIST = 10, 5000  # results, and characters of each, in which ids of the same form are looked for
_AMOUNT = re.compile(
    r"amount|price|cost|total|sum\b|quantity|qty|fee\b|budget|balance|salary|payment|refund|guests|passengers|people|nights",
    re.IGNORECASE,
)
_MAKES = re.compile(r"(?:^|[^a-z])(?:create|add|insert|register|new|init|upload|save|write|make|generate|put)(?![a-z])")
_ALSO_CHANGES = re.compile(
    r"(?:^|[^a-z])(?:merge|exchange|return|refund|issue|make|modify|change|replace|purchase|reserve|register|charge|withdraw|"
    r"deposit|approve|reject|grant|revoke|invite|archive|upgrade|rebook)(?![a-z])"
)
_OWN_NAME = re.compile(
    r"(?:new_?)?(?:id|key|name|title|slug|tag|branch|label|file_?name|path|token|idempotency_?key)", re.IGNORECASE
)


class Given(NamedTuple):
    """A value of a call that must come from somewhere."""

    call: Call
    name: str
    value: JsonValue
    kind: Kind
    schema: Mapping[str, JsonValue]


def given_in(call: Call, schema: Mapping[str, JsonValue]) -> list[Given]:
    """Return the values of a call that must come from somewhere. schema: of the tool's arguments, {} if it is not known."""
    found = []
    asked = _TAKEN if changes_something(call) else _LOOKED_UP  # which period or how much is looked up is for the agent
    for name, value, own in _values_of(call.given, schema):
        kind = kind_of(value, name, own)
        if kind not in asked:
            continue
        if kind == "number" and not _is_amount(name[:_LONGEST_NAME]):
            continue
        if kind != "id" or not _is_for_the_agent(call.name[:_LONGEST_NAME], name[:_LONGEST_NAME]):
            found.append(Given(call, name, value, kind, own))
    return found


def comes_from_nowhere(given: Given, sources: Sources) -> bool:
    return sources.origin(given.value, given.schema, given.name) is None


def argument_from_nowhere(invented: Sequence[Given], calls: Sequence[Call]) -> Finding | None:
    """Weigh what was invented in a run: what a tool took weighs most, what was then mended nothing.

    The first such call is blamed, with the confidence of the weightiest. calls: all of the run, in order.
    """
    last_good = {call.name: call.place for call in calls if not came_to_nothing(call)}
    weighed = [(one, weight) for one in invented if (weight := _weight(one, calls, last_good.get(one.call.name, -1)))]
    if not weighed:
        return None
    call, name, value, _, _ = weighed[0][0]
    evidence = f"{call.name} was given {name or 'the input'} {str(value)[:_SHOWN]}, which nothing before it gave"
    turns = list(dict.fromkeys(one.call.number for one, _ in weighed))
    return found("HALLUCINATION", call.number, max(weight for _, weight in weighed), evidence, turns)


def _weight(given: Given, calls: Sequence[Call], last_good: int) -> float:
    """Return how sure it is that an invented value did harm; 0 if a later call of the tool came to more."""
    call, kind = given.call, given.kind
    failed = came_to_nothing(call)
    if failed and last_good > call.place:
        return 0.0
    weight = (_LOOKED_UP if not changes_something(call) else _TURNED_DOWN if failed else _TAKEN)[kind]
    is_listed = kind == "id" and _may_have_been_listed(str(given.value), call, calls)
    return min(weight, _PERHAPS_LISTED) if is_listed else weight


def _may_have_been_listed(id_: str, call: Call, calls: Sequence[Call]) -> bool:
    """Return whether a list of ids of the same form was given before: traces are often cut, and this one was perhaps in it."""
    form = re.compile(rf"(?<!\w){re.sub(r'[0-9]', '[0-9]', re.escape(id_[:_SHOWN]))}(?!\w)")
    lists = [one for one in calls if one.place < call.place and isinstance(one.returned, list) and len(one.returned) > 1]
    return any(form.search(one.output[:_LONGEST_LIST]) for one in lists[-_LATEST_LISTS:])


def changes_something(call: Call) -> bool:
    return call.writes or _also_changes(call.name)


@lru_cache(maxsize=4096)
def _also_changes(name: str) -> bool:
    return _ALSO_CHANGES.search(name[:200].lower().replace("_", " ")) is not None


@lru_cache(maxsize=4096)
def _is_amount(argument: str) -> bool:
    return _AMOUNT.search(argument) is not None


@lru_cache(maxsize=4096)
def _is_for_the_agent(tool: str, name: str) -> bool:
    """What is made new may be named by who makes it."""
    low = tool.lower().replace("_", " ")
    if not _MAKES.search(low):
        return False
    thing = re.sub(r"_?(?:id|key|number|code|name)$", "", name.lower())
    return _OWN_NAME.fullmatch(name) is not None or (bool(thing) and thing in low)


def _values_of(given: Any, schema: Mapping[str, JsonValue]) -> list[tuple[str, JsonValue, Mapping[str, JsonValue]]]:
    """Return (name, value, its schema) of the scalars in a call's arguments, the first of them only if there are many."""
    if isinstance(given, str) and given.lstrip()[:1] in ("{", "["):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return []
    left: list[tuple[str, Any, Mapping[str, JsonValue]]] = [("", given, schema)]
    found: list[tuple[str, JsonValue, Mapping[str, JsonValue]]] = []
    while left and len(found) < _MOST_VALUES:
        name, value, own = left.pop()
        if isinstance(value, dict):
            some, known = list(value.items())[_MOST_VALUES - 1 :: -1], properties_of(own) if own else {}
            left += [(key, each, _mapping(known.get(key)) if known else _UNKNOWN) for key, each in some]
        elif isinstance(value, list):
            item = _mapping(own.get("items"))
            left += [(name, each, item) for each in value[_MOST_VALUES - 1 :: -1]]
        else:
            found.append((name, value, own))
    return found


def _mapping(schema: object) -> Mapping[str, JsonValue]:
    return schema if isinstance(schema, dict) else _UNKNOWN
