"""Completions as streams and back: a cached answer can be streamed, and a streamed one cached."""

import copy
from collections.abc import Iterator
from typing import Any

from dspy_programs.router.upstreams.upstream import Json

_OF_A_CHUNK = {"index", "delta", "message", "finish_reason"}
_HEAD = ("id", "created", "model", "system_fingerprint", "service_tier")


def chunks_of(completion: Json, with_usage: bool) -> Iterator[Json]:
    """Yield a completion as chunks: one with what was said, one with the end; a chunk is passed on as it is.

    with_usage: whether a last chunk, which has no choices, tells the tokens; clients that did not ask for it fail on it.
    """
    choices = [one for one in completion.get("choices", ()) if isinstance(one, dict)]
    if any("delta" in choice for choice in choices) or not choices:
        yield completion
        return
    head = {name: completion[name] for name in _HEAD if name in completion} | {"object": "chat.completion.chunk"}
    for choice in choices:
        delta = dict(choice.get("message") or {})
        if calls := delta.get("tool_calls"):
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
        kept = {name: value for name, value in choice.items() if name not in ("message", "finish_reason")}
        yield head | {"choices": [kept | {"delta": delta, "finish_reason": None}]}
        ended = {"index": choice.get("index", 0), "delta": {}, "finish_reason": choice.get("finish_reason")}
        yield head | {"choices": [ended]}
    if with_usage and (usage := completion.get("usage")):
        yield head | {"choices": [], "usage": usage}


class _Text(list[str]):
    """Pieces of a text, joined at the end: adding each to a string would copy that each time."""


class Assembled:
    """Puts chunks together to the completion that they stream."""

    def __init__(self) -> None:
        self._completion: Json = {}
        self._choices: dict[int, Json] = {}

    def add(self, chunk: Json) -> None:
        """chunk: one whose choices are of OpenAI's protocol (`is_chunk`)."""
        for name, value in chunk.items():
            if name not in ("choices", "object") and value is not None:
                self._completion[name] = value
        for part in chunk.get("choices") or ():
            at = part.get("index") or 0
            choice = self._choices.setdefault(at, {"index": at, "message": {}, "finish_reason": None})
            _merge(choice["message"], part.get("delta") or part.get("message") or {})
            choice["finish_reason"] = part.get("finish_reason") or choice["finish_reason"]
            for name in part.keys() - _OF_A_CHUNK:
                _merge_list(choice, name, part[name])

    def completion(self) -> Json | None:
        """Return the completion; None if a choice has not ended."""
        choices = [_joined(self._choices[at]) for at in sorted(self._choices)]
        if not choices or any(choice["finish_reason"] is None for choice in choices):
            return None
        for choice in choices:
            choice["message"].setdefault("content", None)
            for call in choice["message"].get("tool_calls", ()):
                call.pop("index", None)
        return {**self._completion, "object": "chat.completion", "choices": choices}


def _merge(message: Json, delta: Json) -> None:
    """Add a delta to a message: texts grow, calls of tools by their index, all else is what was said last."""
    for name, value in delta.items():
        if name == "tool_calls":
            for part in value or ():
                _merge_call(message.setdefault("tool_calls", []), part)
        elif name != "role" and isinstance(value, str):
            _grow(message, name, value)
        elif value is not None:
            message[name] = value


def _merge_call(calls: list[Json], part: Json) -> None:
    call = next((call for call in calls if call.get("index") == part.get("index")), None)
    if call is None:
        calls.append(call := {**part, "function": {}})
    for name, value in (part.get("function") or {}).items():
        if isinstance(value, str):
            _grow(call["function"], name, value)


def _merge_list(choice: Json, name: str, value: Any) -> None:
    """Add what else a choice has: lists of logprobs grow, all else is what was said last."""
    known = choice.get(name)
    if isinstance(known, dict) and isinstance(value, dict):
        for each, more in value.items():
            _merge_list(known, each, more)
    elif isinstance(known, list) and isinstance(value, list):
        known.extend(value)
    elif value is not None:
        choice[name] = copy.deepcopy(value)


def _grow(holder: Json, name: str, value: str) -> None:
    if not isinstance(known := holder.get(name), _Text):
        known = holder[name] = _Text()
    known.append(value)


def _joined(value: Any) -> Any:
    if isinstance(value, _Text):
        return "".join(value)
    if isinstance(value, dict):
        return {name: _joined(each) for name, each in value.items()}
    return [_joined(each) for each in value] if isinstance(value, list) else value
