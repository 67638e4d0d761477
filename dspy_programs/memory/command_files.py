"""The files of the memory's commands: what is read, what is written, and who has to wait meanwhile.

Input      paths as the user gave them; "-" is standard input or output.
Output     read(...) -> Loaded; write(...) and tell(...) write, tell to standard error if the other took standard output.
Raises     UsageError: a file that cannot be read or written, one that is given twice, an option without an effect.
"""

import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dspy_programs.atomic_file import is_same
from dspy_programs.errors import UsageError
from dspy_programs.memory.store import MemoryStore
from dspy_programs.memory.store_file import Loaded
from dspy_programs.tokens import TokenCounter

STANDARD = Path("-")
MADE_FROM = "made_from"  # in a file of originals: the digest of the messages that they were read from


def check(path: Path, output: Path, is_messages: bool, strict: bool, originals: Path | None) -> None:
    """Refuse options of `compress` that would have no effect, and outputs that would take what they should keep."""
    check_strict(is_messages, strict)
    if originals and not is_messages:
        raise UsageError("--originals works with --format messages; a memory file has its originals inside")
    if originals == STANDARD:
        raise UsageError("--originals: give a file; standard output takes only the messages")
    if originals and (is_same(originals, path) or is_same(originals, output)):
        raise UsageError(f"{originals}: given for the originals and for the messages; give each its own file")
    if is_messages and not originals and is_same(path, output):
        raise UsageError(f"{path}: its originals would be lost; write to another file, or keep them with --originals FILE")


def check_strict(is_messages: bool, strict: bool) -> None:
    if strict and not is_messages:
        raise UsageError("--strict works with --format messages; a memory file keeps its messages as they are")


@contextlib.contextmanager
def alone(path: Path, output: Path, originals: Path | None = None) -> Iterator[None]:
    """Hold what is read and then replaced, so that another process adds to it before or after, not in between."""
    from dspy_programs.memory.file_lock import locked

    with contextlib.ExitStack() as stack:
        if originals:
            stack.enter_context(locked(originals))
        if path.is_file() and is_same(path, output):
            stack.enter_context(locked(path))
        yield


def read(path: Path, originals: Path | None, counter: TokenCounter | None = None) -> Loaded:
    """Read a memory; originals: the memory file of the messages in `path`, after which more may have been said."""
    from dspy_programs.memory.originals import continued
    from dspy_programs.memory.sending.chat import chat_messages
    from dspy_programs.memory.sessions.adapters import store_of
    from dspy_programs.memory.sessions.source import read_memory
    from dspy_programs.memory.store_file import load

    if not originals or not originals.exists():
        return read_memory(path, counter)
    digest, found, known = digest_of(path), read_memory(path, counter), load(originals, counter)
    if digest is not None and digest == known.extra.get(MADE_FROM):
        return known  # a command was stopped before it wrote the messages
    for strict in (False, True):
        sent = store_of(chat_messages(known.store, strict)).store.entries
        if (longer := continued(known.store, sent, found.store.entries)) is not None:
            return Loaded(longer, known.extra)
    raise UsageError(
        f"{path}: does not begin with the messages that were last written with {originals}; give those, with what was said "
        "since, or name another file for the originals"
    )


def digest_of(path: Path) -> str | None:
    """Return the digest of a file of messages; None for what can be read only once."""
    with contextlib.suppress(OSError):  # which reading it will tell
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    return None


def warn_of_notes(restored: MemoryStore, path: Path) -> None:
    """Say on standard error if what was restored still has a note whose originals are elsewhere."""
    from dspy_programs.memory.reading.note import is_note

    notes = [entry.turn_number for entry in restored if entry.role != "system" and is_note(entry.content)]
    if notes:
        typer.echo(
            f"{path}: turn {notes[0]} is a note of a compression, and its originals are not in this file: it stays as it is; "
            "if they were kept with `compress --originals FILE`, restore with --originals FILE",
            err=True,
        )


def said(content: str) -> str:
    """Return a content as given, or standard input, without its last line break. Raises UsageError if it is empty."""
    text = content
    if content == str(STANDARD):
        try:
            text = sys.stdin.buffer.read().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(f"stdin: not UTF-8 at byte {error.start}; send it as UTF-8") from error
        text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise UsageError("--content: empty; nothing was added")
    return text


def as_messages(store: MemoryStore, strict: bool) -> bytes:
    """Return a memory as messages for a chat API."""
    from dspy_programs.memory.packed_originals import dumped
    from dspy_programs.memory.sending.chat import chat_messages

    return (dumped(chat_messages(store, strict)) + "\n").encode()


def over(store: MemoryStore, strict: bool, budget: int) -> int:
    """Return by how many tokens a memory's messages exceed a budget: they may say that a result or a beginning is missing."""
    from dspy_programs.memory.sending.chat import chat_messages
    from dspy_programs.memory.sending.sent import sent_tokens

    return sum(sent_tokens(message, store.counter) for message in chat_messages(store, strict)) - budget


def as_given(store: MemoryStore) -> bytes:
    """Return a restored memory as the messages that it was made of."""
    from dspy_programs.memory.packed_originals import dumped
    from dspy_programs.memory.sessions.entries import messages_in

    return (dumped(messages_in(store)) + "\n").encode()


def write(output: Path, content: bytes) -> None:
    from dspy_programs.atomic_file import write_atomically

    if output == STANDARD:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        write_atomically(output, content)


def tell(output: Path, fields: dict[str, Any]) -> None:
    """Print a line about what was written, beside it if that went to standard output."""
    typer.echo(json.dumps(fields), err=output == STANDARD)
