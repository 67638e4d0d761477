"""Messages with calls and results, as every dialect is read; and which result answers which call.

A result goes to the call with its id; without an id, to the call of its name that has waited longest.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

Role = Literal["system", "user", "agent", "tool"]


class Call(NamedTuple):
    """What an agent asks of a tool: the arguments decoded, or the text that was to be JSON."""

    name: str
    given: Any
    id: str | None = None


class Result(NamedTuple):
    """What a tool gave. `given` is its input, where the call itself may not be on record."""

    output: Any
    id: str | None = None
    name: str | None = None
    latency_ms: float | None = None
    given: Any = None


class Message(NamedTuple):
    """What one speaker says at once.

    name: of the speaker, where the log has one. places: which items of the log it was read from, where it was a list.
    """

    role: Role
    text: str = ""
    calls: tuple[Call, ...] = ()
    results: tuple[Result, ...] = ()
    name: str | None = None
    places: tuple[int, ...] = ()


class Asked:
    """A call that waits for its result."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.result: Result | None = None


def paired(messages: Sequence[Message]) -> tuple[list[list[Asked]], list[list[Result]]]:
    """Return for each message its calls with their results, and the results that answer no call on record."""
    asked: list[list[Asked]] = []
    strays: list[list[Result]] = []
    queues: defaultdict[tuple[str, str | None], deque[Asked]] = defaultdict(deque)
    for message in messages:
        asked.append([Asked(call) for call in message.calls])
        strays.append([])
        for one in asked[-1]:
            kind = "id" if one.call.id else "no id"
            for key in ((kind, one.call.id or one.call.name), (kind, None), ("name", one.call.name), ("name", None)):
                queues[key].append(one)
        for result in message.results:
            keys = [("id", result.id), ("no id", result.name)] if result.id else [("name", result.name)]
            if (first := next(filter(None, (_unanswered(queues[key]) for key in keys)), None)) is None:
                strays[-1].append(result)
            else:
                first.result = result
    return asked, strays


def _unanswered(queue: deque[Asked]) -> Asked | None:
    """Return the call that has waited longest."""
    while queue and queue[0].result is not None:
        queue.popleft()
    return queue[0] if queue else None
