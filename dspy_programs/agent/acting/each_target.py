"""A change that a goal wants of all things of a kind: made to one, it becomes a task of its own for each other that was found.

"Delete all events with Raj", or "Delete my events with Raj": the search found three, a small model deletes the first and stops.

Input      the turns of a task, the last of which is a change that succeeded; the goal.
Output     others(...) -> the same call for each other record of the search; None where the goal has a condition that the search
           had not ("overdue", "last week"), or the change was made up for its one record: then code cannot tell what the
           others need. more(...) -> the same after the search was made again: it may show only the first few.
Guarantees no model; a record is changed once.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.acting.look_up import is_id, words_beside
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.types import Call, Turn

ALL = re.compile(r"\b(?:all|any|both|each|every|everything)\b", re.IGNORECASE)
_MANY = re.compile(
    r"^\W*(?:please\s+)?(?!keep|leave)\w+\s+(?:the|my|our|these|those)\s+(?:(?!(?:first|last|next|two|three|few|other)\b)[a-z]+\s+)?"
    r"(?P<thing>[a-z]{3,})s\b",
    re.IGNORECASE,
)
"""A plural right after the verb."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_FROM_NOW = re.compile(r"future|upcoming|künftige?n?", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FEW = 3  # letters of a value that is not told apart from others


class Others(NamedTuple):
    """search: what found the records; key: of their ids; calls: the change to each that is left."""

    search: Call
    key: str
    calls: list[Call]


def others(turns: Sequence[Turn], tools: Mapping[str, AgentTool], goal: str) -> Others | None:
    """Return what is left to do after the last call."""
    last = turns[-1] if turns else None
    if last is None or last.tool_name is None or last.tool_name not in tools or not isinstance(last.tool_input, dict):
        return None
    keys = [key for key in last.tool_input if is_id(key)]
    if len(keys) != 1:
        return None
    wanted = [sentence for sentence in _SENTENCE.split(goal) if ALL.search(sentence) or _many(sentence, keys[0])]
    if not wanted:
        return None
    search, records = _search(turns[:-1], keys[0], str(last.tool_input[keys[0]]))
    if search is None or search.tool_name is None or not isinstance(search.tool_input, dict) or len(records) < 2:
        return None
    change = Call(tool=last.tool_name, arguments=last.tool_input)
    own = next(record for record in records if str(record[keys[0]]) == str(last.tool_input[keys[0]]))
    rest = {key: value for key, value in last.tool_input.items() if key != keys[0]}
    copied = {str(value) for key, value in own.items() if len(str(value)) > _FEW and key != keys[0]}
    if any(str(value) in copied for value in rest.values()) or _left_out(wanted, [search, last], tools, goal):
        return None
    made = Call(tool=search.tool_name, arguments=search.tool_input)
    return Others(made, keys[0], more(search.tool_output, [change], keys[0]))


def _many(sentence: str, key: str) -> bool:
    """Whether a sentence wants a change of several things of the kind whose ids are under this key: events, of event_id."""
    kind, found = re.sub(r"[_-]?ids?$", "", key.lower()), _MANY.match(sentence)
    return found is not None and kind in (thing := found["thing"].lower(), thing.removesuffix("e"), re.sub("ie$", "y", thing))


def more(found: JsonValue, made: Sequence[Call], key: str) -> list[Call]:
    """Return the change to each record that was found and that has not been changed. made: the changes so far."""
    done = {str(call.arguments.get(key)) for call in made}
    kept = {str(record[key]): record[key] for record in _list_of(found) if isinstance(record, dict) and key in record}
    return [made[0].model_copy(update={"arguments": {**made[0].arguments, key: kept[id_]}}) for id_ in kept if id_ not in done]


def found_with(turns: Sequence[Turn], key: str, id_: str) -> list[dict[str, JsonValue]]:
    """Return what the last search found that found a record of this id; [] if none did."""
    return _search(turns, key, id_)[1]


def _search(turns: Sequence[Turn], key: str, id_: str) -> tuple[Turn | None, list[dict[str, JsonValue]]]:
    """Return the last call that found several records, this one among them, with the records."""
    for turn in reversed(turns):
        found = _list_of(turn.tool_output)
        records = [record for record in found if isinstance(record, dict) and key in record]
        if any(str(record[key]) == id_ for record in records):
            return turn, records
    return None, []


def _list_of(result: JsonValue) -> list[JsonValue]:
    """Return the items of a result that is a list, or its JSON."""
    if isinstance(result, str) and result.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            result = json.loads(result)
    return result if isinstance(result, list) else []


def _left_out(wanted: Sequence[str], made: Sequence[Turn], tools: Mapping[str, AgentTool], goal: str) -> list[str]:
    """Return the words of the goal that no argument accounts for, and that are not about what the tools do."""
    used = [tools[turn.tool_name] for turn in made if turn.tool_name is not None and turn.tool_name in tools]
    values = [str(value).casefold() for turn in made if isinstance(turn.tool_input, dict) for value in turn.tool_input.values()]
    is_from_now = any((day := _DAY.match(value)) and day[0] in goal for value in values)
    words = [word for sentence in wanted for word in words_beside(used, ALL.sub(" ", sentence))]
    told = [word for word in words if any(word.casefold().removesuffix("'s") in value for value in values)]
    return [word for word in words if word not in told and not (is_from_now and _FROM_NOW.fullmatch(word))]
