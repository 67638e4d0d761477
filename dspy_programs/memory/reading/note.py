"""The note that stands for the older part of a conversation: its first line, by which it is known, and its marks.

Input      note_frame: the first and the last turn that the note stands for.
Output     note_frame: the note's first line. is_note: whether a text begins with one. Anybody can write such a line, so only
           the message that opens a conversation is taken for a note that comes back (store.as_note).
"""

import re

STILL_OPEN = " (still open): "  # after the name of who asks
_FRAME = re.compile(r"\[Earlier(?: in this conversation)?, shortened: turns? \d+(?: to \d+)?[^\[\]\n]{0,200}\](?:\n|\Z)")


def note_frame(first: int, last: int) -> str:
    """Return a note's first line."""
    turns = f"turn {first}" if first == last else f"turns {first} to {last}"
    return f"[Earlier, shortened: {turns}]"


def is_note(text: str) -> bool:
    """Return whether a text is a note."""
    return text.startswith("[Earlier") and _FRAME.match(text) is not None
