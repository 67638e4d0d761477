"""Rebuilds one conversation from many model calls that each log the whole history again.

Repeated messages appear once; new ones appear in order. A message that occurs twice within one history stays twice.
"""

from collections import Counter
from collections.abc import Sequence

from dspy_programs.conversation import Call, Message, Result
from dspy_programs.programs.failure_judge import text_of


class Story:
    """The messages of a run, in the order in which they were first told."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.latencies: dict[str, float] = {}
        self._told: Counter[tuple[str, ...]] = Counter()
        self._open: list[Call] = []

    def say(self, message: Message) -> None:
        """Add what is new for certain."""
        for one in apart(message):
            self.messages.append(one)
            self._told.update(keys_of(one))
            self._open += one.calls
            for result in one.results:
                self._close(result)

    def _close(self, result: Result) -> None:
        """Take the call that a result answers out of those that wait: few ever do, so that this stays linear."""
        fits = (c for c in self._open if (c.id == result.id if result.id else result.name in (None, c.name)))
        if (answered := next(fits, None)) is not None:
            self._open.remove(answered)

    def recall(self, history: Sequence[Message]) -> None:
        """Add of a history what was not told yet."""
        seen: Counter[tuple[str, ...]] = Counter()
        for message in history:
            for one in apart(message):
                keys = keys_of(one)
                seen.update(keys)
                if not any(seen[key] <= self._told[key] for key in keys):
                    self.say(one)

    def answer(self, name: str, given: object, result: Result) -> None:
        """Add the run of a tool: the result of a call that was told, or a call that the log has only here."""
        if result.id is None:
            same = [call for call in self._open if call.name == name]
            exact = [call for call in same if text_of(call.given) == text_of(given)]
            result = result._replace(id=next((call.id for call in exact + same), None))
        if result.latency_ms is not None and result.id:
            self.latencies[result.id] = result.latency_ms
        waits = any(call.id == result.id for call in self._open if call.id)
        is_told = bool(result.id) and not waits and self._told["id", result.id or ""] > 0
        if not (is_told or (waits and result.output is None)):
            self.say(Message("tool", results=(result._replace(name=name, given=given),)))


def apart(message: Message) -> list[Message]:
    """Return a message with several results as one message for each: logs bundle them differently."""
    alone = [Message("tool", results=(result,)) for result in message.results]
    rest = message._replace(results=())
    return [rest, *alone] if rest.text or rest.calls or not alone else alone


def keys_of(message: Message) -> list[tuple[str, ...]]:
    """Return by what a message is known again: a result by its call or else by its text."""
    if message.results:
        result = message.results[0]
        by_id = [("id", result.id)] if result.id else []
        return [*by_id, ("result", text_of(result.output))]
    calls = [part for call in message.calls for part in (call.name, text_of(call.given))]
    return [(message.role, message.text.strip(), *calls)]
