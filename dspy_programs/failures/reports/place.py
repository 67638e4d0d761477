"""A record's location in the form other tools expect: "runs.jsonl:17" and "runs.jsonl:17#2" are a file and a line in it."""

import re
from pathlib import PurePath
from typing import NamedTuple
from urllib.parse import quote

_RECORD = re.compile(r"(.+?)(?::([0-9]{1,9}))?(?:#[0-9]+)?", re.DOTALL)


class Place(NamedTuple):
    """A file, and the line the record starts at, from 1."""

    file: str
    line: int


def parse_place(source: str) -> Place:
    match = _RECORD.fullmatch(source)
    if match is None:
        return Place(source, 1)
    file, line = match.groups()
    return Place(file, max(1, int(line or 1)))


def uri_of(file: str) -> str:
    """Return a file's name as a URI reference: relative if the name is."""
    path = PurePath(file)
    name = quote(path.as_posix().encode("utf-8", "surrogatepass"))
    return f"file://{'' if name.startswith('/') else '/'}{name}" if path.is_absolute() else name
