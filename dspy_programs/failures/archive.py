"""Inspect's default log, `.eval`: a zip archive with a member for each sample, read one at a time.

Nothing is written to disk, so that a member's path cannot lead anywhere.

Guarantees what an archive says of its own sizes is checked before anything is unpacked: at most MOST_MEMBERS members, none
           over `largest` bytes, and all of them at most MOST_FOLDS times the archive. A sample that is broken is a problem.
Source     inspect.aisi.org.uk/eval-logs.html (log format); zipfile reads no more of a member than its directory declares.
"""

import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.inspect_logs import read_sample, task_of
from dspy_programs.jsonable import to_jsonable
from dspy_programs.text_stream import decode
from dspy_programs.types import Trace

START = b"PK\x03\x04"
MOST_MEMBERS = 200_000
MOST_FOLDS = 100  # deflate can make 1,032; logs of conversations pack 5 to 40 times
_SMALL = 64_000_000  # bytes that any archive may unpack to
_HEADS = ("header.json", "_journal/start.json")
_DUMP = "unpack it with `inspect log dump FILE > log.json`"
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, NotImplementedError, ValueError)


def read_archive(file: BinaryIO, size: int, largest: int) -> Iterator[Trace | UsageError]:
    """Yield the trace of each sample, or what is wrong with it. `size`: bytes of the archive."""
    try:
        archive = zipfile.ZipFile(file)
    except _BROKEN as error:
        yield UsageError(f"not a readable zip archive: {error}")
        return
    with archive:
        members = [member for member in archive.infolist() if _is_sample(member.filename)]
        if problem := _refusal(archive, members, size):
            yield UsageError(problem)
            return
        task = _task(archive, largest)
        for member in members:
            try:
                yield read_sample(to_jsonable(_value_in(archive, member, largest)), task)
            except UsageError as error:
                yield UsageError(f"{member.filename[:200]}: {error}")


def _is_sample(name: str) -> bool:
    return name.startswith("samples/") and name.endswith(".json")


def _refusal(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], size: int) -> str | None:
    """Say why an archive is not read at all; None if it is."""
    if len(archive.filelist) > MOST_MEMBERS:
        return f"has {len(archive.filelist):,} members, more than {MOST_MEMBERS:,}"
    if not members:
        has_head = any(name in archive.NameToInfo for name in _HEADS)
        return (
            "the Inspect log has no samples; was it stopped?"
            if has_head
            else "a zip archive without samples/: no log of Inspect"
        )
    whole = sum(member.file_size for member in members)
    if whole > max(_SMALL, MOST_FOLDS * size):
        return f"unpacks to {whole:,} bytes, more than {MOST_FOLDS} times its size; {_DUMP}"
    kinds = {member.compress_type for member in members}
    if odd := kinds - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, getattr(zipfile, "ZIP_ZSTANDARD", zipfile.ZIP_STORED)}:
        return f"packed in a way that this Python cannot unpack ({'zstd' if 93 in odd else sorted(odd)}); {_DUMP}"
    return None


def _task(archive: zipfile.ZipFile, largest: int) -> str:
    """Return the name of the task, "" where the head cannot be read."""
    head = next((archive.NameToInfo[name] for name in _HEADS if name in archive.NameToInfo), None)
    try:
        return "" if head is None else task_of(_value_in(archive, head, min(largest, _SMALL)))
    except UsageError:
        return ""


def _value_in(archive: zipfile.ZipFile, member: zipfile.ZipInfo, largest: int) -> Any:
    """Return the JSON of a member. Raises UsageError."""
    if member.file_size > largest:
        raise UsageError(f"larger than {largest:,} bytes")
    try:
        with archive.open(member) as file:
            content = file.read(member.file_size + 1)  # `read` without a size unpacks more than the directory declares
    except _BROKEN as error:
        raise UsageError(f"cannot be unpacked: {error}") from error
    value, problem = decode(content)
    if problem:
        raise UsageError(problem)
    return value
