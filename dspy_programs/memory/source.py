"""Read a memory from a store's file, a file of messages (JSON or JSON lines), or stdin.

Input      path, "-" for stdin. JSON: a store; a list of messages; an object with `messages`. JSON lines: one message per line.
Output     Loaded: the store, and what else its file contains.
Raises     UsageError: file, line or message, what is wrong.
"""

import json
import sys
from pathlib import Path
from typing import Any

from dspy_programs.errors import UsageError
from dspy_programs.memory.adapters import store_of
from dspy_programs.memory.store_file import Loaded, from_content
from dspy_programs.tokens import TokenCounter


def read_memory(path: Path, counter: TokenCounter | None = None) -> Loaded:
    name = Path("stdin") if str(path) == "-" else path
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    content = parsed(text, name)
    if isinstance(content, dict) and "entries" in content:
        return from_content(content, name, counter)
    messages = content.get("messages") if isinstance(content, dict) else content
    if isinstance(content, dict) and "role" in content and messages is None:
        messages = [content]  # one line of JSON lines
    if not isinstance(messages, list):
        raise UsageError(
            f"{name}: neither a memory (`entries`) nor messages; give a list, JSON lines, or an object with `messages`"
        )
    try:
        return Loaded(store_of(messages, counter).store, {})
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error


def parsed(text: str, name: Path) -> Any:
    """Return the value of JSON, or a list for JSON lines."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UsageError(f"{name}: nested too deeply") from error
    except ValueError as whole:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not lines[0][1].lstrip().startswith("{"):
            raise UsageError(f"{name}: not JSON: {whole}; give a memory file or messages") from whole
        return [parse_line(line, f"{name}:{number}") for number, line in lines]


def parse_line(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON: {error}; fix or delete that line") from error
