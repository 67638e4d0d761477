"""Which rows are the same as an earlier one but for case and spaces.

Rule       instruction, output and turns count in lower case with single spaces; the input and the context as they are.
"""

import hashlib
import json

from dspy_programs.data.pair import DataPair


def content_key(pair: DataPair) -> bytes:
    """Return 16 bytes that two pairs share if, and only if, they are duplicates."""
    plain = [_squeezed(pair.instruction), pair.input.strip(), pair.context.strip(), _squeezed(pair.output)]
    turns = None if pair.messages is None else _squeezed(json.dumps(pair.messages, sort_keys=True))
    rejected = None if pair.rejected is None else _squeezed(pair.rejected)
    return hashlib.blake2b(json.dumps([plain, turns, rejected]).encode(), digest_size=16).digest()


def _squeezed(text: str) -> str:
    return " ".join(text.lower().split())
