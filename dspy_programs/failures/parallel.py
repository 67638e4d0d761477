"""The rules over large files on several cores: blocks of lines and groups of files go to processes, outcomes come back.

Input      paths and format as for reader.read_traces; jobs: how many processes.
Output     the same outcomes in the same order as with one process, without the traces unless they are asked for.
Holds      a few blocks for each process are in memory, however large the files. Lines that are parts of one trace come
           back unread and are put together here, as reader.Lines does it.
Raises     UsageError as reader.read_traces does; ProgramsError where a process was killed.
"""

import gzip
import io
import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from dspy_programs.errors import ProgramsError
from dspy_programs.failures.batch import Outcome, classified
from dspy_programs.failures.classifier import FailureClassifier
from dspy_programs.failures.formats.auto import AutoParser, Fragment, fragment_of
from dspy_programs.failures.gauge import size_of
from dspy_programs.failures.reader import (
    BROKEN,
    LINES,
    LONGEST_LINE,
    Item,
    Lines,
    decode,
    found_at,
    kind_of_file,
    read_traces,
)

BLOCK = 500_000  # bytes of lines, or of files, for a process at a time
WORTH_IT = 50_000_000  # bytes from which starting processes pays: about 20,000 traces of ten turns
AHEAD = 3  # blocks that wait for each process
BOM = b"\xef\xbb\xbf"


class Block(NamedTuple):
    """Work for one process: lines of a file from a line number on, or whole files."""

    files: list[Path]
    lines: list[bytes]
    number: int
    size: int


class End(NamedTuple):
    """The end of a file that was given out in blocks of lines."""

    path: Path


class Done(NamedTuple):
    """What came of a block: outcomes, the lines that are parts of traces, and whether it was a block of lines at all."""

    outcomes: list[Outcome]
    parts: dict[Fragment, list[Any]]
    of_lines: bool


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def bytes_in(paths: Sequence[Path]) -> int:
    """Return how many bytes there are to read, 0 where that is not known: standard input has one reader."""
    if any(str(path) == "-" for path in paths):
        return 0
    return sum(size_of(file) for path in paths for file in found_at(path).files)


def outcomes(
    paths: Sequence[Path],
    format: str | None,
    jobs: int,
    with_traces: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[Outcome]:
    """Classify by rules in `jobs` processes. with_traces: the traces of failing runs come back too."""
    total, done = bytes_in(paths), 0
    joined = Joined(format)
    waiting: deque[Future[Done] | Item | End] = deque()
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    try:
        for unit in units(paths):
            waiting.append(pool.submit(work, unit, format, with_traces) if isinstance(unit, Block) else unit)
            if isinstance(unit, Block):
                done += unit.size
            if len(waiting) >= AHEAD * jobs:
                yield from joined.take(waiting.popleft())
                if progress is not None:
                    progress(min(done, total), total)
        while waiting:
            yield from joined.take(waiting.popleft())
    except BrokenProcessPool as error:
        raise ProgramsError("a process was ended from outside, perhaps for its memory; try --jobs 1") from error
    finally:
        pool.shutdown(cancel_futures=True)


class Joined:
    """Gives outcomes in order, and puts together what lines of several blocks tell of one trace."""

    def __init__(self, format: str | None) -> None:
        self.parser, self.classifier = AutoParser(format), FailureClassifier(use_llm=False)
        self.parts: dict[Fragment, list[Any]] = {}
        self.records = 0  # of the file that is given out in blocks

    def take(self, unit: Future[Done] | Item | End) -> Iterator[Outcome]:
        if isinstance(unit, Future):
            found, parts, of_lines = unit.result()
            yield from found
            self.records += len(found) if of_lines else 0
            for kind, values in parts.items():
                self.parts.setdefault(kind, []).extend(values)
        elif isinstance(unit, Item):
            self.records += 1
            yield from classified([unit], self.classifier)
        else:
            yield from classified(self.end_of(str(unit.path)), self.classifier)

    def end_of(self, source: str) -> Iterator[Item]:
        """Give what is left of a file: traces told in several blocks, or that there was nothing in it."""
        lines = Lines(source, self.parser)
        lines.parts = self.parts
        if not self.records and not self.parts:
            yield Item(source, None, "is empty")
        self.parts, self.records = {}, 0
        yield from lines.joined()


def work(block: Block, format: str | None, with_traces: bool) -> Done:
    """Classify one block: what a process does."""
    lines = Lines(str(block.files[0]), AutoParser(format))
    numbered = enumerate(block.lines, block.number)
    items = (item for number, line in numbered for item in lines.items(io.BytesIO(), line, number))
    found = classified(items if block.lines else read_traces(block.files, format), FailureClassifier(use_llm=False))
    return Done([lightened(outcome, with_traces) for outcome in found], lines.parts, bool(block.lines))


def lightened(outcome: Outcome, with_traces: bool) -> Outcome:
    kept = with_traces and outcome.report is not None and outcome.report.failed
    return outcome if kept else outcome._replace(trace=None)


def units(paths: Sequence[Path]) -> Iterator[Block | Item | End]:
    """Cut the work up: large files of lines into blocks of lines, other files into groups."""
    for path in paths:
        group: list[Path] = []
        size = 0
        for file in found_at(path).files or [path]:
            if kind_of_file(file) in LINES and size_of(file) > BLOCK:
                yield from [Block(group, [], 0, size)] if group else []
                group, size = [], 0
                yield from units_of(file)
            else:
                group, size = [*group, file], size + size_of(file)
                if size >= BLOCK:
                    yield Block(group, [], 0, size)
                    group, size = [], 0
        yield from [Block(group, [], 0, size)] if group else []


def units_of(path: Path) -> Iterator[Block | Item | End]:
    """Cut a file of lines up; a file that begins with a part of a trace is left whole."""
    lines: list[bytes] = []
    number, size, broken = 1, 0, None
    try:
        for line in lines_of(path):
            if number == 1 and not lines and is_part(line):
                yield Block([path], [], 0, size_of(path))
                return
            lines.append(line)
            size += len(line)
            if size >= BLOCK:
                yield Block([path], lines, number, size)
                lines, number, size = [], number + len(lines), 0
    except BROKEN as error:
        broken = Item(str(path), None, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if lines:
        yield Block([path], lines, number, size)
    if broken is not None:
        yield broken
    yield End(path)


def lines_of(path: Path) -> Iterator[bytes]:
    """Give the lines of a file. What goes beyond the longest that is read is left out; its reader says so."""
    with open(path, "rb") as file:
        stream = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if path.name.endswith(".gz") else file
        line = stream.readline(LONGEST_LINE + 1).removeprefix(BOM)
        while line:
            yield line
            while len(line) > LONGEST_LINE and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_LINE + 1) or b"\n"
            line = stream.readline(LONGEST_LINE + 1)


def is_part(line: bytes) -> bool:
    value, problem = decode(line)
    return problem is None and fragment_of(value) is not None
