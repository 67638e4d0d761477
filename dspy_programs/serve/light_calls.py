"""Calls of A2A and MCP made easy to parse: what may have millions of values becomes JSON text inside the call.

Both SDKs parse a call in the event loop, and protobuf takes a tenth of a millisecond for each value; text costs them nothing.
"""

import json
from typing import Any

from dspy_programs.jsonable import sound_json
from dspy_programs.serve.problems import TooLarge

MOST_VALUES = 1_000  # that an SDK gets, of a call or an answer


def light(body: bytes) -> bytes:
    """Return a large JSON-RPC call that is easy to parse. Raises TooLarge if it has many values beside data and arguments."""
    try:
        call = json.loads(sound_json(body))
        lighten(call)
        if has_many(call):
            raise TooLarge(f"a call has at most {MOST_VALUES:,} values beside its data part or arguments")
        return json.dumps(call).encode()
    except (ValueError, RecursionError):
        return b"{"  # not JSON either: whoever reads it says so at once


def lighten(call: Any) -> None:
    """Put text in place of a call's data parts and arguments."""
    params = call.get("params") if isinstance(call, dict) else None
    if isinstance(params, dict):
        _lighten_message(params.get("message"))
        _lighten_arguments(params.get("arguments"))


def _lighten_message(message: Any) -> None:
    parts = message.get("parts") if isinstance(message, dict) else None
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and "data" in part:
            part["text"] = json.dumps(part.pop("data"))
            part |= {"kind": "text"} if part.get("kind") == "data" else {}


def _lighten_arguments(arguments: Any) -> None:
    for name, value in arguments.items() if isinstance(arguments, dict) else ():
        if isinstance(value, (dict, list)):
            arguments[name] = json.dumps(value)


def has_many(value: Any) -> bool:
    left, seen = [value], 0
    while left and seen <= MOST_VALUES:
        item = left.pop()
        seen += 1
        if isinstance(item, (dict, list)):
            left.extend(item.values() if isinstance(item, dict) else item)
    return bool(left)
