"""One row after the other as a pair that is taken, or as a reject that says why not."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from dspy_programs.data.pair import content_in, uuid_of
from dspy_programs.data.reading.not_taken import Kind, NotTaken
from dspy_programs.data.reading.seen import Seen
from dspy_programs.data.reading.shapes import Shaper
from dspy_programs.tables import LONGEST_LINE, Fault, Found, one_line

_LONGEST_TEXT = 500  # characters of a row that is not taken
_AS_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Pair(NamedTuple):
    """fields: of a DataPair, without its defaults; line: these as a line of a file."""

    shape: str
    fields: dict[str, Any]
    line: bytes


class Reject(NamedTuple):
    """line: of the file, or the row's number where there are no lines; text: how the row begins."""

    line: int
    kind: Kind
    reason: str
    text: str

    def as_line(self) -> bytes:
        return json.dumps(self._asdict(), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def taken(rows: Iterable[Found], shaper: Shaper, most: int | None = None) -> Iterator[Pair | Reject]:
    """Yield what becomes of each row. most: end after so many pairs."""
    seen = Seen()
    for found in rows:
        if most is not None and len(seen) >= most:
            return
        yield _one(found, shaper, seen)


def _one(found: Found, shaper: Shaper, seen: Seen) -> Pair | Reject:
    if isinstance(found, Fault):
        return Reject(found.number, "unreadable", found.reason, found.text[:_LONGEST_TEXT])
    try:
        shape, fields = shaper.shaped(found.fields)
        digest = uuid_of(content_in(fields))
        fields["id"] = str(digest)
        if fields["metadata"].get("id") == fields["id"]:  # the row was a pair already
            del fields["metadata"]["id"]
        line = _line_of(fields)
        if not seen.add(digest.bytes):
            raise NotTaken(f"the same content as {digest}, which was taken before", "duplicate")
        return Pair(shape, fields, line)
    except NotTaken as why:
        text = json.dumps(found.fields, ensure_ascii=False, default=str)[:_LONGEST_TEXT]
        return Reject(found.number, why.kind, str(why), text)


def _line_of(fields: dict[str, Any]) -> bytes:
    try:
        line = _AS_JSON.encode(fields).encode() + b"\n"
    except ValueError as error:  # 1e999 is JSON and infinite
        raise NotTaken(f"cannot be written as JSON: {one_line(error, 100)}", "unreadable") from error
    if len(line) > LONGEST_LINE:  # a row of Parquet, or one that was just below
        raise NotTaken(f"longer than {LONGEST_LINE:,} bytes as a pair", "unreadable")
    return line
