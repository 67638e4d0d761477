"""A trace as the detectors need it: the request, each call with its result, the agent's statements. Built in one pass.

Guarantees linear in the trace; patterns run on at most LONGEST characters of a text, so no turn can hang it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from dspy_programs.programs.failure_judge.phrases import Phrases
from dspy_programs.programs.failure_judge.policy import LONGEST_POLICY, Policy, policy_of
from dspy_programs.types import Trace, Turn

LONGEST = 1200  # characters of any one text that patterns read
_LONGEST_FAULT = 400  # characters in which a tool says what was wrong

_Fault = Literal["", "tool", "schema", "transient", "argument"]

WRITES = re.compile(
    r"(?:^|[^a-z])(?:create|update|delete|remove|send|forward|reply|add|book|cancel|set|write|insert|post|put|patch|move|edit|"
    r"pay|buy|order|submit|upload|save|rename|assign|transfer|schedule|publish|deploy|run|execute|commit|push|apply|close|open)"
    r"(?![a-z])"
)
_READS = re.compile(
    r"(?:^|[./: ])(?:get|list|search|find|read|fetch|look ?up|check|show|view|query|count|describe|calculate|retrieve) "
    r"(?!\w+ and )"
)  # the verb in front: to get an order is not to order
_FAULTY = Phrases(
    r"error|exception|traceback|invalid|missing|fail|require|denied|malformed|must |mandatory|wrong|unknown|unexpected|"
    r"unterminated|unsupported|not (?:a |an )?(?:valid|found|provided|allowed|recogni|supported|registered|available|exist|be)|"
    r"no (?:such|tool|function)|does not|bad |timed? ?out|unavailable|unreachable|try again|retry|reset|refused|rejected|"
    r"too many|limit|without|cannot|could not|unable|\b[45]\d\d\b"
)
_NO_SUCH_TOOL = Phrases(
    r"(?:not a (?:valid|known|registered)|unknown|no such|unregistered|undefined|nonexistent|no) (?:tool|function)|"
    r"(?:tool|function) \S{0,80} ?(?:is |was |does )?not (?:found|exist|registered|available|known)"
)
_NOT_JSON = Phrases(
    r"json|pars(?:e|ing|er)\b|decode error|syntaxerror|malformed|unterminated|unexpected (?:token|end|eof)|delimiter|"
    r"'str' object has no attribute"
)
_TRANSIENT = Phrases(
    r"timed? ?out|temporar|try again|retry|rate limit|too many requests|\b(?:429|50[0-4])\b|connection|unavailable|gateway|"
    r"network|unreachable|overload|deadline|lock wait"
)
_ARGUMENT = Phrases(
    r"require|missing|invalid|argument|parameter|must (?:be|not|have)|not (?:a )?(?:valid|provided|allowed|recogni|supported)|"
    r"unknown|(?:value|type|key)error|validation|wrong|format|out of range|\b4(?:00|22)\b|unexpected keyword|without|"
    r"^no \w+ (?:has|with|matches)|does not (?:exist|match|add up)|id not found"
)
_NAMED = re.compile(r"(?<=[a-z,] )[\"'(*]*([A-Z]\w{2,}|\w*\d\w*)|[\"'*]{1,2}([\w-]{3,})")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False)  # made once: making one costs more than a small value
_ERROR_KEYS = ("error", "errors", "exception", "detail")


@dataclass(eq=False)
class Call:
    """One call of a tool. `place` is the index of its turn; `key` is the same for the same tool and the same input."""

    place: int
    number: int
    name: str
    given: Any
    key: tuple[str, str]
    returned: Any
    latency: float
    fault: _Fault
    writes: bool

    @cached_property
    def output(self) -> str:
        """What the tool returned as text. Computed on demand: most calls never need it, and it may be long."""
        return text_of(self.returned)


class View:
    """What the detectors read of a trace."""

    def __init__(self, trace: Trace) -> None:
        goal, turns, final_result = trace.original_goal, trace.turns, trace.final_result
        last = next((turn.content for turn in reversed(turns) if turn.role == "agent" and turn.content), "")
        if final_result and final_result.strip() != last.strip():  # an answer that is not a turn counts as the last turn
            number = turns[-1].turn_number if turns else 0
            turns = [*turns, Turn(turn_number=number, role="agent", content=final_result)]
        self.goal = goal
        self.turns = turns
        self.error = trace.error
        self.tools = None if trace.tools is None else frozenset(trace.tools)
        self.tool_schemas = trace.tool_schemas
        self.calls = calls_of(turns)
        self.said = [i for i, turn in enumerate(turns) if turn.role == "agent" and turn.content]
        self.first_call = self.calls[0].place if self.calls else len(turns)
        self.final = final_result or last
        self.asked = _asked_in(goal, turns)

    @cached_property
    def policy(self) -> Policy:
        """The rules in the system's text."""
        told = "\n".join(turn.content[:LONGEST_POLICY] for turn in self.turns if turn.role == "system" and turn.content)
        return policy_of(told) if told else Policy()

    @cached_property
    def is_foreign(self) -> bool:
        """Whether the last answer names two or more things, none of which was in the goal, an input or an output."""
        if self.has_a_name_of_goal or len(named := names_in(self.final)) < 2:
            return False
        sources = [self.goal, *(t.content for t in self.turns if t.role != "agent")]
        sources += [text for call in self.calls for text in (call.name, call.key[1], call.output)]
        return not any(name in source for source in map(str.lower, sources) for name in named)

    @cached_property
    def is_elsewhere(self) -> bool:
        """Whether goal and last answer both name things, and not one in common."""
        if not self.names_of_goal or self.has_a_name_of_goal:
            return False
        named, asked = names_in(self.final), self.asked.lower()
        return len(named) > 1 and not any(name in asked for name in named)

    @cached_property
    def names_of_goal(self) -> list[str]:
        return names_in(self.goal)

    @cached_property
    def has_a_name_of_goal(self) -> bool:
        """Whether the last answer names something that the goal names."""
        final = self.final[:LONGEST].lower()
        return any(name in final for name in self.names_of_goal)

    def number(self, place: int) -> int:
        return self.turns[place].turn_number


def _asked_in(goal: str, turns: Sequence[Turn]) -> str:
    """Return the goal and what the user said, each cut. A short goal that the user only repeats appears once."""
    asked = [goal[:LONGEST], *(turn.content[:LONGEST] for turn in turns if turn.role == "user")]
    if len(asked) == 2 and asked[0] == asked[1] and 2 * len(goal) < LONGEST:
        return asked[0]
    return "\n".join(asked)


def names_in(text: str) -> list[str]:
    """Return the salient words of a text: names, quoted words, anything with a digit; at most eight, lower case."""
    return sorted({(name or quoted).lower() for name, quoted in _NAMED.findall(text[:LONGEST])})[:8]


def calls_of(turns: Sequence[Turn]) -> list[Call]:
    """Return the calls in order. A call may be on the agent's turn, with its result on the following tool turn."""
    calls: list[Call] = []
    pending: tuple[int, Turn] | None = None  # an agent's call still without its result
    for place, turn in enumerate(turns):
        if turn.role == "agent":
            if pending is not None:
                calls.append(_call_of(*pending, pending[1]))
            pending = (place, turn) if turn.tool_name else None
        elif turn.role == "tool":
            if pending is not None and turn.tool_name in (None, pending[1].tool_name) and turn.tool_input is None:
                calls.append(_call_of(*pending, turn))
            else:
                calls += [_call_of(*pending, pending[1])] if pending is not None else []
                calls += [_call_of(place, turn, turn)] if turn.tool_name else []
            pending = None
    if pending is not None:
        calls.append(_call_of(*pending, pending[1]))
    return calls


def _call_of(place: int, asked: Turn, answered: Turn) -> Call:
    name = asked.tool_name or ""
    own_text = answered.content if answered is not asked or answered.role == "tool" else ""
    returned = own_text if answered.tool_output in (None, "") else answered.tool_output
    given = asked.tool_input
    key = (name, given if isinstance(given, str) else text_of(given))
    latency = answered.latency_ms or asked.latency_ms or 0.0
    fault = fault_of(answered.tool_output, returned if isinstance(returned, str) else "")
    return Call(place, asked.turn_number, name, given, key, returned, latency, fault, changes(name))


def text_of(value: Any) -> str:
    """Return a JSON value as text, the same for equal values."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return _ENCODER.encode(value)
    except (ValueError, TypeError, RecursionError):
        return repr(type(value))


@lru_cache(maxsize=4096)
def changes(name: str) -> bool:
    """Return, from its name, whether a tool changes anything."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name[:200])
    words = spaced.lower().replace("_", " ")
    return WRITES.search(words) is not None and not _READS.search(words)


def fault_of(value: Any, text: str) -> _Fault:
    """Classify a tool's output: whether it failed, and how. Data that mentions an error is not a failure.

    `text` is the output if it is a string.
    """
    if isinstance(value, dict):
        found = next((value[key] for key in _ERROR_KEYS if value.get(key)), None)
        if found is None and str(value.get("status", "")).lower() in ("error", "failed", "failure"):
            found = value
        if found is None:
            return ""
        text = text_of(found)
    elif isinstance(value, (list, int, float)) or text[:1] in "[" or len(text) > _LONGEST_FAULT:
        return ""
    elif text[:1] == "{" and not text[1:12].lstrip(" \"'").lower().startswith("err"):
        return ""
    head = text[:_LONGEST_FAULT]
    if not isinstance(value, dict) and not _FAULTY.search(head):
        return ""
    if _NO_SUCH_TOOL.search(head):
        return "tool"
    if _TRANSIENT.search(head):
        return "transient"
    if _NOT_JSON.search(head):
        return "schema"
    return "argument" if _ARGUMENT.search(head) or isinstance(value, dict) else ""
