"""Accepts an answer in a different shape than requested, if its meaning is unambiguous.

Without a schema, a model may wrap its answer ({"json": {...}}), put it in a list of one, or give the only field's value
without its name. If a reply contains two different answers, one may be a draft, so it counts as no answer.
"""

import json
from functools import lru_cache
from typing import Any

import dspy
from pydantic import TypeAdapter, ValidationError

from dspy_programs.lm.replies.thoughts import objects_in


class NoOneAnswer(Exception):
    """Why the reply does not contain exactly one answer."""


def in_shape(signature: type[dspy.Signature], text: str) -> str:
    """Return the one answer in a reply as JSON with the outputs' names; other text unchanged. Raises NoOneAnswer."""
    names = set(signature.output_fields)
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        found = [json.loads(text[start:end], strict=False) for start, end in objects_in(text)]
        answers = [each for each in found if names & set(each)]
        if any(each != answers[0] for each in answers):
            raise NoOneAnswer(f"The reply holds {len(answers)} answers that differ.") from None
        if answers:
            return json.dumps(answers[0])
        if (value := _only_object(text)) is None:
            return text
    answer = _unwrapped(signature, value)
    return text if answer is value else json.dumps(answer)


def _only_object(text: str) -> Any:
    """Return the object from a text's first brace to its last, None if that is not one."""
    try:
        return json.loads(text[text.find("{") : text.rfind("}") + 1], strict=False)
    except (ValueError, RecursionError):
        return None


def _unwrapped(signature: type[dspy.Signature], value: Any) -> Any:
    names = signature.output_fields
    if isinstance(value, dict) and names.keys() & value.keys():
        return value
    if len(names) == 1 and _is_value_of(signature, value):
        return {next(iter(names)): value}
    if isinstance(value, list):
        if len(value) > 1:
            raise NoOneAnswer(f"The reply is a list of {len(value)}, not one JSON object.")
        return _unwrapped(signature, value[0]) if value else value
    inner = [read(each) for each in value.values()] if isinstance(value, dict) else []
    wrapped = [each for each in inner if isinstance(each, dict) and names.keys() & each.keys()]
    if len(wrapped) == 1:
        return wrapped[0]
    raise NoOneAnswer(f"The reply has no field {' or '.join(map(repr, names))}.")


def _is_value_of(signature: type[dspy.Signature], value: Any) -> bool:
    """Return whether the value fits the only output; an object with unknown names does not, because names may be ignored."""
    [field] = signature.output_fields.values()
    reader = reader_of(field.annotation)
    try:
        as_read = reader.dump_python(reader.validate_python(value), mode="json")
    except (ValidationError, RecursionError):
        return False
    return not isinstance(value, dict) or (value != {} and isinstance(as_read, dict) and value.keys() <= as_read.keys())


@lru_cache(maxsize=256)
def reader_of(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def read(value: Any) -> Any:
    """Return the value of a JSON text, or any other value unchanged."""
    try:
        return json.loads(value, strict=False) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def is_object(text: Any) -> bool:
    return isinstance(text, str) and isinstance(read(text), dict)
