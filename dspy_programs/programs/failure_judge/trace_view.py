"""A trace as the detectors need it: the request, each call with its result, the agent's statements. Built in one pass.

Guarantees linear in the trace; patterns run on at most LONGEST characters of a text, so no turn can hang it.
"""

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from dspy_programs.programs.failure_judge.faults import Fault, fault_of
from dspy_programs.programs.failure_judge.phrases import CONTROL_WORD, EMPTY_RESULT, MARKED_ERROR, STILL_WAITING, WAITS
from dspy_programs.programs.failure_judge.policy import LONGEST_POLICY, Policy, policy_of
from dspy_programs.programs.failure_judge.verbs import doing
from dspy_programs.types import Trace, Turn

LONGEST = 1200  # characters of any one text that patterns read
WRITES = re.compile(
    r"(?:^|[^a-z])(?:create|update|delete|remove|send|forward|reply|add|book|cancel|set|write|insert|post|put|patch|move|edit|"
    r"pay|buy|order|submit|upload|save|rename|assign|transfer|schedule|publish|deploy|run|execute|commit|push|apply|close|open)"
    r"(?![a-z])"
)
_READS = re.compile(
    r"(?:^|[./: ])(?:get|list|search|find|read|fetch|look ?up|check|show|view|query|count|describe|calculate|retrieve) "
    r"(?!\w+ and )"
)  # the verb in front: to get an order is not to order
_STATE_KEYS = ("status", "state", "phase", "progress")
_LONGEST_STATE = 200  # characters in which a result says how far a job is
_NAMED = re.compile(r"(?<=[a-z,] )[\"'(*]*([A-Z]\w{2,}|\w*\d\w*)|[\"'*]{1,2}([\w-]{3,})")
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False)  # made once: making one costs more than a small value


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
    fault: Fault
    writes: bool
    _output: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it only waits: it sleeps, its result says that a job is not done, or that it should be tried again."""
        if self.fault == "transient" or WAITS.search(self.name[:200]):
            return True
        if isinstance(self.returned, dict):
            return any(isinstance(v := self.returned.get(key), str) and STILL_WAITING.match(v[:40]) for key in _STATE_KEYS)
        return isinstance(self.returned, str) and STILL_WAITING.search(self.returned[:_LONGEST_STATE]) is not None

    @property
    def output(self) -> str:
        """What the tool returned as text. Computed once and on demand: it may be long."""
        if self._output is None:
            self._output = text_of(self.returned)
        return self._output


class View:
    """What the detectors read of a trace."""

    def __init__(self, trace: Trace) -> None:
        goal, turns, final_result = trace.original_goal, trace.turns, trace.final_result
        self.said = [i for i, turn in enumerate(turns) if says_something(turn)]
        last = turns[self.said[-1]].content if self.said else ""
        if final_result and final_result.strip() != last.strip():  # an answer that is not a turn counts as the last turn
            number = turns[-1].turn_number if turns else 0
            turns = [*turns, Turn(turn_number=number, role="agent", content=final_result)]
            self.said += [len(turns) - 1] if says_something(turns[-1]) else []
        self.goal = goal
        self.turns = turns
        self.error = trace.error
        self.tools = None if trace.tools is None else frozenset(trace.tools)
        self.tool_schemas = trace.tool_schemas
        self.calls = calls_of(turns)
        self.repeats = len({call.key for call in self.calls}) < len(self.calls)  # some call is made twice with the same input
        self.told = _told_in(turns, self.said)
        self.has_user = any(turn.role == "user" for turn in turns)
        self.end = next((i for i in range(len(turns) - 1, -1, -1) if _is_an_end(turns[i])), -1)  # -1: none says or does a thing
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
        if self.has_a_name_of_goal or not _has_words(named := names_in(self.final)) or len(named) < 2:
            return False
        sources = [self.goal, *(t.content for t in self.turns if t.role != "agent")]
        sources += [text for call in self.calls for text in (call.name, call.key[1], call.output)]
        return not any(name in source for source in map(str.lower, sources) for name in named)

    @cached_property
    def is_elsewhere(self) -> bool:
        """Whether goal and last answer both name things, and not one in common."""
        named, asked = names_in(self.final), self.asked.lower()
        if self.has_a_name_of_goal or not _has_words(self.names_of_goal) or not _has_words(named):
            return False
        return len(named) > 1 and not any(name in asked for name in named)

    @cached_property
    def names_of_goal(self) -> list[str]:
        return names_in(self.goal)

    @cached_property
    def has_a_name_of_goal(self) -> bool:
        """Whether the last answer names something that the goal names."""
        final = self.final[:LONGEST].lower()
        return any(name in final for name in self.names_of_goal)

    @cached_property
    def _new_words(self) -> list[int]:
        """The places at which the user says something that is not what the user said before."""
        places, before = [], ""
        for place, turn in enumerate(self.turns):
            if turn.role == "user" and turn.content != before:
                places.append(place)
                before = turn.content
        return places

    def words_before(self, place: int) -> int:
        """Return how often the user has said something new by then: it asks for a fresh look."""
        return bisect_left(self._new_words, place)

    @property
    def last_words(self) -> str:
        """What the agent said at the end, "" where the run ends with a call, a result or the user."""
        return self.turns[self.end].content.strip() if self.said and self.end == self.said[-1] else ""

    @property
    def is_answered(self) -> bool:
        """Whether the run has an answer: a result on record, or the agent's words at the end."""
        return bool(self.last_words) and not MARKED_ERROR.match(self.last_words[:40])

    @property
    def last_number(self) -> int:
        """The number of the turn at which the run ended, 0 where there is none."""
        return self.turns[self.end].turn_number if self.turns else 0

    def number(self, place: int) -> int:
        return self.turns[place].turn_number


def says_something(turn: Turn) -> bool:
    """Whether the agent speaks, and more than the word with which a framework ends a run ("Verifier: TERMINATE")."""
    text = turn.content
    if turn.role != "agent" or not text or text.isspace():
        return False
    return len(text) > 80 or CONTROL_WORD.fullmatch(text.strip()) is None


def _is_an_end(turn: Turn) -> bool:
    """Whether a turn can be the last of a run: notes of the system, control words and empty turns come after the end."""
    if turn.role == "agent":
        return turn.tool_name is not None or says_something(turn)
    return turn.role == "tool" or (turn.role == "user" and bool(turn.content.strip()))


def _told_in(turns: Sequence[Turn], said: Sequence[int]) -> list[int]:
    """Return the places of what the agent told the user: before the user's next word, and at the end."""
    return [i for i in said if i == said[-1] or turns[i + 1].role == "user"]


def _asked_in(goal: str, turns: Sequence[Turn]) -> str:
    """Return the goal and what the user said, each cut. A short goal that the user only repeats appears once."""
    asked = [goal[:LONGEST], *(turn.content[:LONGEST] for turn in turns if turn.role == "user")]
    if len(asked) == 2 and asked[0] == asked[1] and 2 * len(goal) < LONGEST:
        return asked[0]
    return "\n".join(asked)


def is_empty(output: str) -> bool:
    """Return whether a look-up found nothing."""
    return len(output) <= _LONGEST_STATE and EMPTY_RESULT.match(output) is not None


def names_in(text: str) -> list[str]:
    """Return the salient words of a text: names, quoted words, anything with a digit; at most eight, lower case."""
    return sorted({(name or quoted).lower() for name, quoted in _NAMED.findall(text[:LONGEST])})[:8]


def _has_words(names: Sequence[str]) -> bool:
    """Return whether there is more among the names than bare figures."""
    return any(any(map(str.isalpha, name)) for name in names)


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
    writes = changes(name)
    fault = fault_of(answered.tool_output, returned if isinstance(returned, str) else "", writes and not doing(name).looks)
    return Call(place, asked.turn_number, name, given, key, returned, latency, fault, writes)


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
