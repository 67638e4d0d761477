"""From what a client sent to a typed request of an operation, and the fault in one line where there is none."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from dspy_programs.serve import requests as asked
from dspy_programs.serve.operations import OPERATIONS, Operation
from dspy_programs.serve.problems import Invalid

_FAULTS_SHOWN = 3


def request_from(operation: Operation, arguments: Mapping[str, Any]) -> asked.Request:
    """Return the typed request. Raises Invalid with one line that names the fields but never their values."""
    try:
        return operation.request.model_validate(arguments)
    except ValidationError as error:
        raise Invalid(faults(error)) from None


def request_from_texts(operation: Operation, arguments: Mapping[str, Any]) -> asked.Request:
    """Return the typed request; models often send JSON as text, so that is read where the text itself does not fit."""
    try:
        return request_from(operation, arguments)
    except Invalid:
        read = {name: _read(value) for name, value in arguments.items()} if isinstance(arguments, Mapping) else arguments
        if read == arguments:
            raise
        return request_from(operation, read)


def _read(value: Any) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[") else value
    return value


def asked_in(content: Any) -> tuple[Operation, asked.Request]:
    """Return the operation and the request in {"skill": NAME, "input": {...}}; all else is a trace. Raises Invalid."""
    if not isinstance(content, dict) or "skill" not in content:
        content = {"skill": "classify_failure", "input": {"trace": content}}
    skill, given = content["skill"], content.get("input")
    if not isinstance(skill, str) or skill not in OPERATIONS:
        raise Invalid(f"skill: choose from {', '.join(OPERATIONS)}")
    if not isinstance(given, Mapping):
        raise Invalid("input: send an object with the request's fields")
    return OPERATIONS[skill], request_from(OPERATIONS[skill], given)


def faults(error: ValidationError) -> str:
    return error_line(error.errors(include_url=False, include_context=False, include_input=False))


def error_line(errors: Any) -> str:
    """Say in one line what is wrong with a request: field and fault, without repeating what was sent."""
    lines = [f"{_field_path(fault['loc'])}: {fault['msg']}" for fault in errors]
    more = f"; and {len(lines) - _FAULTS_SHOWN} more" if len(lines) > _FAULTS_SHOWN else ""
    return "; ".join(lines[:_FAULTS_SHOWN]) + more


def _field_path(location: Sequence[int | str]) -> str:
    """Return the path to a field, without the validator names that pydantic adds, which mean nothing to a client."""
    parts = [str(part) for part in location if isinstance(part, int) or str(part).isidentifier()]
    return ".".join(parts) or "request"
