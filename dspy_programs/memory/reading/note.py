"""The note that stands for the older part of a conversation: its first line, its marks, and how it is known again.

Input      note_frame: the first and the last turn that the note stands for.
Output     note_frame: the note's first line. is_note: whether a text begins with one. remember, is_ours: whether this process
           wrote the text. Anybody can write such a line, so a plain message is a note only if it is one of ours, word for word.
"""

import re
from hashlib import sha256
from threading import Lock

STILL_OPEN = " (still open): "  # after the name of who asks
_FRAME = re.compile(r"\[Earlier(?: in this conversation)?, shortened: turns? \d+(?: to \d+)?[^\[\]\n]{0,200}\](?:\n|\Z)")
_MOST = 10_000  # notes that are known again
_WRITTEN: dict[bytes, None] = {}  # digests of notes, the oldest first
_writing = Lock()


def note_frame(first: int, last: int) -> str:
    """Return a note's first line."""
    turns = f"turn {first}" if first == last else f"turns {first} to {last}"
    return f"[Earlier, shortened: {turns}]"


def is_note(text: str) -> bool:
    """Return whether a text reads like a note."""
    return text.startswith("[Earlier") and _FRAME.match(text) is not None


def remember(note: str) -> None:
    """Know a note again that this process wrote, when it comes back as a plain message."""
    digest = _digest(note)
    with _writing:
        _WRITTEN.pop(digest, None)
        _WRITTEN[digest] = None
        if len(_WRITTEN) > _MOST:
            del _WRITTEN[next(iter(_WRITTEN))]


def is_ours(text: str) -> bool:
    """Return whether a text is a note that this process wrote."""
    return is_note(text) and _digest(text) in _WRITTEN


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
