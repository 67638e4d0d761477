"""Answers in which a server does not tell us our own keys: answers are cached, kept in sessions, and shown.

Guarantees a key that comes in pieces is found too: of a stream, what may be the beginning of a key is held back.
"""

import dataclasses
import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dspy import lm15
from dspy._vendor.lm15.serde import response_from_dict, response_to_dict

from dspy_programs.lm.server.redaction import SHOWN


def without_keys_in(response: lm15.Response, keys: Sequence[str]) -> lm15.Response:
    """Return the answer with each key replaced, wherever in it a text stands; the answer itself if there is none."""
    told = shown = json.dumps(response_to_dict(response)) if keys else ""
    for key in keys:
        shown = shown.replace(json.dumps(key)[1:-1], SHOWN)
    return response if shown == told else response_from_dict(json.loads(shown))


def events_without_keys(events: Iterable[Any], keys: Sequence[str]) -> Iterator[Any]:
    """Yield the events of an answer without the keys in its text, its thoughts and the arguments of its calls."""
    held: Any = None  # the last event with text, of which only what may begin a key is left
    for event in events:
        goes_on = held is not None and _place_of(held) == _place_of(event)
        if held is not None and not goes_on:
            yield held
        if _field_of(event) is None:
            held = None
            yield _without(event, keys)
            continue
        text = _without(_text_of(held if goes_on else None) + _text_of(event), keys)
        kept = max((_overlap(text, key) for key in keys), default=0)
        held = _with_text(event, text[len(text) - kept :]) if kept else None
        if (done := text[: len(text) - kept]) or not kept or event.delta.type == "tool_call":  # which names the tool
            yield _with_text(event, done)
    if held is not None:
        yield held


def _without(value: Any, keys: Sequence[str]) -> Any:
    """Return a value without the keys in its texts."""
    if isinstance(value, str):
        return functools.reduce(lambda text, key: text.replace(key, SHOWN), keys, value)
    if isinstance(value, Mapping):
        return {name: _without(each, keys) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_without(each, keys) for each in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        told = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
        shown = _without(told, keys)
        return value if shown == told else dataclasses.replace(value, **shown)
    return value


def _field_of(event: Any) -> str | None:
    """Return the name of the field of a piece that is joined to a text."""
    delta = getattr(event, "delta", None)
    return {"text": "text", "thinking": "text", "tool_call": "input"}.get(getattr(delta, "type", ""))


def _place_of(event: Any) -> tuple[str, int] | None:
    """Return which of the answer's texts a piece belongs to."""
    return (event.delta.type, event.delta.part_index) if _field_of(event) else None


def _text_of(event: Any) -> str:
    field = None if event is None else _field_of(event)
    return str(getattr(event.delta, field) or "") if field else ""


def _with_text(event: Any, text: str) -> Any:
    changed: dict[str, Any] = {str(_field_of(event)): text}
    return event if _text_of(event) == text else dataclasses.replace(event, delta=dataclasses.replace(event.delta, **changed))


def _overlap(text: str, key: str) -> int:
    """Return how many characters at the end of a text may be the beginning of a key."""
    return next((length for length in range(min(len(key) - 1, len(text)), 0, -1) if text.endswith(key[:length])), 0)
