"""Read traces from files, folders and pipes, one at a time, whatever they contain.

Input      paths: files (.json, .jsonl, .ndjson, .traj, each also .gz; .eval), folders (walked in name order), "-" for stdin,
           in UTF-8 or UTF-16. Values may follow each other without line breaks.
           format: one of formats.FORMATS, or None to detect it for each record.
Output     Items: `source` says where the record is ("runs.jsonl:17", "log.json#3"), with either `trace` or `problem` set.
           A bad record is an Item with a problem, and the next record follows.
Guarantees JSONL is read line by line: memory does not grow with the file. Only lines that are parts of one trace (spans,
           runs that name a parent, single messages, a session, an unfinished recording) are kept until the end of their
           file. Of an archive (.eval) one sample is in memory at a time.
           No line over LONGEST_LINE and no JSON file over LARGEST_FILE is read; no endless pipe is waited for.
Raises     UsageError for a path that does not exist or cannot be read at all.
"""

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from pydantic import ValidationError

from dspy_programs.conversation import is_book_line
from dspy_programs.errors import UsageError
from dspy_programs.failures import archive
from dspy_programs.failures.byte_progress import ByteProgress
from dspy_programs.failures.formats.auto import Fragment, Parser, fragment_of
from dspy_programs.failures.formats.native import read_recording
from dspy_programs.failures.trace_files import LINES, SUFFIXES, found_at, kind_of_file
from dspy_programs.text_stream import decode, recoded, values_in
from dspy_programs.types import Trace

LONGEST_LINE = 64_000_000  # bytes
LARGEST_FILE = 512_000_000  # bytes of a file that is one JSON value, or of the parts of a trace that are kept
BROKEN = (OSError, EOFError, zlib.error)


class Item(NamedTuple):
    """One record: the trace, or what is wrong with it."""

    source: str
    trace: Trace | None
    problem: str | None


def read_traces(
    paths: Sequence[str | Path], format: str | None = None, progress: Callable[[int, int], None] | None = None
) -> Iterator[Item]:
    """Yield every trace of every path, in order. A bad record is an Item with a problem; reading continues.

    Args:
        paths: Files (.json, .jsonl, .ndjson, .traj, each also .gz; .eval), folders, or "-" for stdin.
        format: The format of all records; None to detect it for each.
        progress: Called with the bytes read so far and the total.

    Returns:
        An iterator of Items, in order.

    Raises:
        UsageError: The format is unknown, or a path cannot be read at all.
    """
    parser = Parser(format)
    gauge = ByteProgress(progress) if progress is not None else None
    found = [(path, None if str(path) == "-" else found_at(Path(path))) for path in paths]
    if gauge is not None:
        gauge.expect(file for _, files in found for file in (files.files if files else []))
    for path, files in found:
        if files is None:
            yield from _read_stream(sys.stdin.buffer, "-", parser)
            continue
        if not files.files:
            others = f", only {files.skipped} other files" if files.skipped else ""
            yield Item(str(path), None, f"no {', '.join(SUFFIXES)} files in this folder{others}")
        for file in files.files:
            yield from read_file(file, parser, gauge)


def read_file(path: Path, parser: Parser, gauge: ByteProgress | None = None) -> Iterator[Item]:
    try:
        with open(path, "rb") as file:
            is_archive = file.read(len(archive.START)) == archive.START
            file.seek(0)
            if is_archive:
                items = _archive_items(file, path.stat().st_size, str(path), parser)
            else:
                stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.name.endswith(".gz") else file
                items = _read_stream(stream, str(path), parser, by_line=kind_of_file(path) in LINES)
            yield from items if gauge is None else gauge.along(items, path, file)
    except BROKEN as error:
        yield Item(str(path), None, f"cannot be read: {getattr(error, 'strerror', None) or error}")


def _read_stream(stream: BinaryIO, source: str, parser: Parser, by_line: bool = False) -> Iterator[Item]:
    """Read a stream by lines if `by_line` or if its first line is a complete JSON value, else all its values at once."""
    stream = recoded(stream)
    first = stream.readline(LONGEST_LINE + 1)
    if by_line or (len(first) <= LONGEST_LINE and first.strip() and decode(first)[1] is None):
        yield from Lines(source, parser).read(stream, first)
        return
    content = first + stream.read(max(0, LARGEST_FILE + 1 - len(first)))
    if len(content) > LARGEST_FILE:
        yield Item(source, None, f"larger than {LARGEST_FILE:,} bytes; write one trace per line, as .jsonl")
    elif content.startswith(archive.START):
        yield from _archive_items(io.BytesIO(content), len(content), source, parser)
    elif not content.strip():
        yield Item(source, None, "is empty")
    else:
        lines = Lines(source, parser)
        yield from lines.values(content, source)
        yield from lines.joined()


def _archive_items(file: BinaryIO, size: int, source: str, parser: Parser) -> Iterator[Item]:
    """Yield the samples of an Inspect log as they are unpacked."""
    if parser.format not in (None, "inspect"):
        yield Item(source, None, f"a zip archive, not a trace in the format {parser.format}")
        return
    for number, one in enumerate(archive.read_archive(file, size, LARGEST_FILE), 1):
        place = f"{source}#{number}"
        yield Item(place, None, str(one)) if isinstance(one, UsageError) else Item(place, one, None)


class Lines:
    """Reads a file of lines. Keeps only parts of traces that span several lines."""

    def __init__(self, source: str, parser: Parser) -> None:
        self.source = source
        self.parser = parser
        self.parts: dict[Fragment, list[Any]] = {}
        self.kept = 0

    def read(self, stream: BinaryIO, line: bytes) -> Iterator[Item]:
        number, count = 0, 0
        while line:
            number += 1
            for item in self.items(stream, line, number):
                count += 1
                yield item
            line = stream.readline(LONGEST_LINE + 1)
        if not count and not self.parts:
            yield Item(self.source, None, "is empty")
        yield from self.joined()

    def items(self, stream: BinaryIO, line: bytes, number: int) -> Iterable[Item]:
        """Yield the records in a line. If it is too long, the rest is consumed from the stream."""
        source = f"{self.source}:{number}"
        trace = _native_trace(line, self.parser.format)
        return self.others(stream, line, source) if trace is None else (Item(source, trace, None),)

    def others(self, stream: BinaryIO, line: bytes, source: str) -> Iterator[Item]:
        """Yield the records in a line that is not simply a trace in our own format."""
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = stream.readline(1_000_000)
            yield Item(source, None, f"the line is longer than {LONGEST_LINE:,} bytes")
        elif line.strip():
            yield from self.values(line, source, may_be_cut=not line.endswith(b"\n"))

    def values(self, text: bytes, source: str, may_be_cut: bool = False) -> Iterator[Item]:
        """Yield the records in the JSON values of a text; several are numbered source#1, source#2."""
        found: list[Trace | str] = []
        for value, problem in values_in(text):
            if problem and may_be_cut and {"recording", "session"} & self.parts.keys():
                continue  # the last line of a killed program, which it was still writing
            kind = None if problem else fragment_of(value)
            if kind is None:
                found += [problem] if problem else _traces_in(value, self.parser)
            else:
                found += self.keep(kind, value, len(text))
        for number, one in enumerate(found, 1):
            place = f"{source}#{number}" if len(found) > 1 else source
            yield Item(place, None, one) if isinstance(one, str) else Item(place, one, None)

    def keep(self, kind: Fragment, value: Any, size: int) -> list[str]:
        """Keep a part of a trace; return what is wrong if there are too many."""
        kept = self.parts.setdefault(kind, [])
        if kind == "session" and kept and is_book_line(value):
            return []
        if self.kept + size > LARGEST_FILE:
            return [f"the parts of traces in this file are larger than {LARGEST_FILE:,} bytes"]
        self.kept += size
        kept.append(value)
        return []

    def joined(self) -> Iterator[Item]:
        """Yield the traces that span several lines."""
        for kind, values in self.parts.items():
            if kind == "recording":
                yield from _recordings_of(values, self.source)
                continue
            found = _traces_in(values, self.parser)
            for number, one in enumerate(found, 1):
                place = f"{self.source}#{number}" if len(found) > 1 else self.source
                yield Item(place, None, one) if isinstance(one, str) else Item(place, one, None)


def _traces_in(value: Any, parser: Parser) -> list[Trace | str]:
    """Return the traces in one JSON value, and in the place of each that cannot be read what is wrong with it."""
    found = [one if isinstance(one, Trace) else str(one) for one in parser.each(value)]
    return found or ["contains no trace"]


def _recordings_of(lines: list[Any], source: str) -> Iterator[Item]:
    """Yield the trace of each unfinished recording; each starts with its header."""
    starts = [place for place, line in enumerate(lines) if "recording" in line and place] + [len(lines)]
    begin = 0
    for number, end in enumerate(starts, 1):
        place = f"{source}#{number}" if len(starts) > 1 else source
        try:
            yield Item(place, read_recording(lines[begin:end]), None)
        except UsageError as error:
            yield Item(place, None, str(error))
        begin = end


def _native_trace(line: bytes, format: str | None) -> Trace | None:
    """Read a line in our own format directly; None sends it through the general parser, which says what is wrong.

    NaN is not JSON: the general parser keeps it as text.
    """
    if format not in (None, "native") or b'"original_goal"' not in line or b"NaN" in line or b"Infinity" in line:
        return None
    if len(line) > LONGEST_LINE:
        return None
    try:
        trace = Trace.model_validate_json(line)
    except ValidationError:
        return None
    return trace if trace.original_goal else None  # a goal that is missing is found by the general parser
