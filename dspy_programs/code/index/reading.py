"""From a file to what an index keeps of it."""

import hashlib
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from dspy_programs.code.files.secret_files import is_private_key
from dspy_programs.code.files.source_files import HOLDS_SECRETS, SourceFile, is_generated, read_bytes, text_in
from dspy_programs.code.index.words import humps
from dspy_programs.code.parsing.chunks import Chunk, Parsed, parse
from dspy_programs.code.parsing.symbol import Symbol

_JUST_NOW = 2 * 10**9  # nanoseconds: a file this young may change again without a change of its time
_COMMENT = re.compile(r"(^|(?<!\s)\s+)(#|//)\s.*$")
_LONGEST_SIGNATURE = 160  # characters
_LONGEST_LINE = 2_000  # characters of one that are looked at


class Read(NamedTuple):
    """A file that may have changed.

    trusted_time: of its last change, in nanoseconds; 0 if it is so young that its time proves nothing. is_new: its content is
    not what the index has. why: it is not indexed, if so.
    """

    found: SourceFile
    trusted_time: int
    digest: bytes
    is_new: bool
    why: str
    text: str
    parsed: Parsed | None


def read_source(folder: Path, found: SourceFile, before: bytes | None) -> Read:
    """Read and parse a file, if its content is new. before: the digest of what the index has."""
    data = read_bytes(folder / found.path)
    digest = hashlib.blake2b(data or b"", digest_size=16).digest()
    trusted = found.changed if time.time_ns() - found.changed > _JUST_NOW else 0
    if data is not None and digest == before:
        return Read(found, trusted, digest, False, "", "", None)
    text = text_in(data) if data is not None else None
    why = "cannot be read" if data is None else "binary" if text is None else _why_not_indexed(text)
    if why or text is None:
        return Read(found, trusted, digest, True, why, "", None)
    return Read(found, trusted, digest, True, "", text, parse(text, found.path))


def _why_not_indexed(text: str) -> str:
    if is_private_key(text):
        return HOLDS_SECRETS
    return "generated" if is_generated(text) else ""


def signature_of(lines: Sequence[str], symbol: Symbol) -> str:
    """Return the line of a definition, with the next ones if its brackets are open, on one line."""
    text = ""
    for line in lines[symbol.head - 1 : min(symbol.end_line, symbol.head + 11)]:
        text += " " + _COMMENT.sub("", line[:_LONGEST_LINE]).strip()
        if text.count("(") <= text.count(")") or len(text) > _LONGEST_SIGNATURE:
            break
    text = text.strip().replace("( ", "(").replace(", )", ")").replace(",)", ")")
    return text if len(text) <= _LONGEST_SIGNATURE else text[:_LONGEST_SIGNATURE] + "..."


def searched_columns(path: str, chunks: Sequence[Chunk], first: int) -> Iterator[tuple[int, str, str, str, str]]:
    """Yield a row of the full-text table for each chunk."""
    place = f"{path} {humps(path)}"
    for at, chunk in enumerate(chunks, first):
        yield at, f"{chunk.symbol} {humps(chunk.symbol)}", place, chunk.text, humps(chunk.text)
