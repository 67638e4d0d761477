"""A change that a goal wants of all things of a kind: made to one, it becomes a task of its own for each other that was found.

"Delete all events with Raj": the search found three, a small model deletes the first and stops.

Input      the turns of a task, the last of which is a change that succeeded; the goal.
Output     others(...) -> the same call for each other record of the search; [] where the goal has a condition that the search
           had not ("overdue"), or the change was made up for its one record: then code cannot tell what the others need.
Guarantees no model; a record is named once.
"""

import contextlib
import json
import re
from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from dspy_programs.agent.acting.look_up import is_id, words_beside
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.types import Call, Turn

ALL = re.compile(r"\b(?:all|any|both|each|every|everything)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_TIME = re.compile(r"(?:future|upcoming|past|last|next|this|today|tomorrow|yesterday|days?|weeks?|months?|\d+)", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FEW = 3  # letters of a value that is not told apart from others


def others(turns: Sequence[Turn], tools: Mapping[str, AgentTool], goal: str) -> list[Call]:
    """Return what is left to do after the last call."""
    last = turns[-1] if turns else None
    if last is None or last.tool_name is None or last.tool_name not in tools or not isinstance(last.tool_input, dict):
        return []
    wanted = [sentence for sentence in _SENTENCE.split(goal) if ALL.search(sentence)]
    keys = [key for key in last.tool_input if is_id(key)]
    if len(keys) != 1 or not wanted:
        return []
    search, records = _search(turns[:-1], keys[0], str(last.tool_input[keys[0]]))
    if search is None or len(records) < 2:
        return []
    own = next(record for record in records if record[keys[0]] == last.tool_input[keys[0]])
    rest = {key: value for key, value in last.tool_input.items() if key != keys[0]}
    copied = {str(value) for key, value in own.items() if len(str(value)) > _FEW and key != keys[0]}
    if any(str(value) in copied for value in rest.values()) or _left_out(wanted, [search, last], tools):
        return []
    ids = dict.fromkeys(record[keys[0]] for record in records if record[keys[0]] != own[keys[0]])
    return [Call(tool=last.tool_name, arguments={**last.tool_input, keys[0]: each}) for each in ids]


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


def _left_out(wanted: Sequence[str], made: Sequence[Turn], tools: Mapping[str, AgentTool]) -> list[str]:
    """Return the words of the goal that no argument accounts for, and that are not about what the tools do."""
    used = [tools[turn.tool_name] for turn in made if turn.tool_name is not None and turn.tool_name in tools]
    values = [str(value).casefold() for turn in made if isinstance(turn.tool_input, dict) for value in turn.tool_input.values()]
    has_day = any(map(_DAY.search, values))
    words = [word for sentence in wanted for word in words_beside(used, ALL.sub(" ", sentence))]
    told = [word for word in words if any(word.casefold().removesuffix("'s") in value for value in values)]
    return [word for word in words if word not in told and not (has_day and _TIME.fullmatch(word))]
