"""Read a memory from a file or stdin: a store's own file, or a conversation in any dialect, as JSON or JSON lines.

Input      path, "-" for stdin; UTF-8 or UTF-16, with or without a byte order mark, any line ends. JSON: a store; a list of
           messages; an object around one (see session.py). JSON lines: messages, lines of Claude Code, a recording of ours.
Output     Loaded: the store, and what else its file contains.
Guarantees JSON lines are read line by line, so that the text is never in memory beside its values. No file over LARGEST is
           read, and no endless pipe waited for.
Raises     UsageError: file, line or message, what is wrong.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from dspy_programs.conversation import held_in, is_message, is_session_line
from dspy_programs.errors import UsageError
from dspy_programs.memory.sessions.adapters import store_of
from dspy_programs.memory.store_file import Loaded, from_content
from dspy_programs.text_stream import decode, recoded, values_in
from dspy_programs.tokens import TokenCounter

LARGEST = 512_000_000  # bytes
_RECORDED = ("recording", "turn", "result")


def read_memory(path: Path, counter: TokenCounter | None = None) -> Loaded:
    name = Path("stdin") if str(path) == "-" else path
    try:
        if str(path) == "-":
            values = list(_values_in(sys.stdin.buffer, name))
        else:
            with open(path, "rb") as file:
                values = list(_values_in(file, name))
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from error
    if not values:
        raise UsageError(f"{name}: is empty; give a memory file or messages")
    content = values[0] if len(values) == 1 else _one_of(values)
    if isinstance(content, dict) and "entries" in content:
        return from_content(content, name, counter)
    if isinstance(content, dict) and (is_message(content) or is_session_line(content)):
        content = [content]  # one line of JSON lines
    try:
        return Loaded(store_of(_a_session(content), counter).store, {})
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def _values_in(stream: BinaryIO, name: Path) -> Iterator[Any]:
    """Yield the JSON values of a stream: line by line if its first line is one, else all that it has."""
    stream = recoded(stream)
    first = stream.readline(LARGEST + 1)
    value, problem = decode(first) if first.strip() else (None, "")
    if problem is not None:
        content = first + stream.read(max(0, LARGEST + 1 - len(first)))
        _check_size(len(content), name)
        for value, problem in values_in(content):
            if problem:
                raise UsageError(f"{name}: {problem}; give a memory file or messages")
            yield value
        return
    yield value
    size, number = len(first), 1
    while line := stream.readline(LARGEST + 1 - size):
        size, number = size + len(line), number + 1
        _check_size(size, name)
        if line.strip():
            value, problem = decode(line)
            if problem:
                raise UsageError(f"{name}:{number}: {problem}; fix or delete that line")
            yield value


def _check_size(size: int, name: Path) -> None:
    if size > LARGEST:
        raise UsageError(f"{name}: larger than {LARGEST:,} bytes, too large for the memory of one session; give a part of it")


def _one_of(values: list[Any]) -> Any:
    """Return the values of several lines as one conversation."""
    if all(isinstance(value, dict) and len(value) == 1 and value.keys() <= set(_RECORDED) for value in values):
        return {"turns": [value["turn"] for value in values if "turn" in value]}
    return values


def _a_session(content: Any) -> Any:
    """Return what is a session, or raise an error that says what is there."""
    if isinstance(content, list):
        several = [item for item in content if _is_conversation(item)]
        if several and len(several) == len(content):
            if len(several) > 1:
                raise UsageError(f"{len(several)} conversations, expected one; give each in a file of its own")
            return several[0]
        return content
    if isinstance(content, dict):
        return content
    raise UsageError("neither a memory (`entries`) nor messages; give a list, JSON lines, or an object with `messages`")


def _is_conversation(item: Any) -> bool:
    """Return whether an item of a list is no message but a whole conversation."""
    if isinstance(item, list):
        return not (len(item) == 2 and all(isinstance(one, str) for one in item))
    if not isinstance(item, dict) or is_message(item) or is_session_line(item):
        return False
    return held_in(item) is not None or any(isinstance(item.get(key), list) for key in ("turns", "traj"))
