"""Calls of A2A and MCP made easy to parse: what may have millions of values becomes JSON text.

Both SDKs parse a call in the event loop, and protobuf takes a tenth of a millisecond for each value; text costs them nothing.
A2A's data stays inside the call, as text. MCP's arguments go beside it, because each session of that SDK keeps its last call.
"""

import json
from collections.abc import MutableMapping
from typing import Any

from dspy_programs.jsonable import sound_json
from dspy_programs.serve.problems import TooLarge

BESIDE = "dspy_programs.arguments"  # of an ASGI scope: a list of a tool's arguments, empty when they have been taken
MOST_VALUES = 1_000  # that an SDK gets, of a call or an answer
MOST_LEVELS = 30  # of these: protobuf takes 100 messages inside each other, three for each level
MOST_TO_READ = 200_000  # that the event loop reads: a tenth of a second
MOST_ROUTED = 100_000  # of a request to the router, whose values are checked one by one


def light(body: bytes, read_here: bool = False) -> bytes:
    """Return a large JSON-RPC call that is easy to parse, and a tool's arguments in a line of their own after it.

    read_here: what becomes text is read in the server's own process later. Raises TooLarge for too many values.
    """
    try:
        call = json.loads(sound_json(body))
        if read_here:
            check_few(call)
        arguments = _params_of(call).pop("arguments", None)
        lighten(call)
        if has_many(call):
            raise TooLarge(f"a call has at most {MOST_VALUES:,} values beside its data part or arguments")
        return b"\n".join(json.dumps(part).encode() for part in (call, arguments) if part is not None)
    except (ValueError, RecursionError):
        return b"{"  # not JSON either: whoever reads it says so at once


def may_have_many(body: bytes, most: int = MOST_ROUTED) -> bool:
    """Whether a JSON text may have more values than that; texts with many commas may look so."""
    return len(body) > most and sum(map(body.count, (b",", b"[", b"{"))) >= most


def check_few(value: Any, most: int = MOST_TO_READ) -> None:
    """Raise TooLarge for what would stop the event loop while it is read."""
    if has_many(value, most):
        raise TooLarge(f"a request that may ask the model has at most {most:,} values; send less at a time")


def take_arguments(scope: MutableMapping[str, Any]) -> bytes:
    """Return the arguments that came beside this request's call, b"" if none did; they are not in its scope any more."""
    beside: list[bytes] = scope.get(BESIDE, [])
    return beside.pop() if beside else b""


def lighten(call: Any) -> None:
    """Put text in place of the data parts of a call's message."""
    message = _params_of(call).get("message")
    parts = message.get("parts") if isinstance(message, dict) else None
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and "data" in part:
            part["text"] = json.dumps(part.pop("data"))
            part |= {"kind": "text"} if part.get("kind") == "data" else {}


def _params_of(call: Any) -> dict[str, Any]:
    params = call.get("params") if isinstance(call, dict) else None
    return params if isinstance(params, dict) else {}


def has_many(value: Any, most: int = MOST_VALUES) -> bool:
    left, seen = [value], 0
    while left and seen <= most:
        item = left.pop()
        seen += 1
        if isinstance(item, (dict, list)):
            left.extend(item.values() if isinstance(item, dict) else item)
    return bool(left) or seen > most


def is_deep(value: Any, most: int = MOST_LEVELS) -> bool:
    """Whether a value has more levels of objects and lists than that. Look only at what does not have many."""
    left = [(value, 1)]
    while left:
        item, level = left.pop()
        if isinstance(item, (dict, list)):
            if level > most:
                return True
            left.extend((each, level + 1) for each in (item.values() if isinstance(item, dict) else item))
    return False
