"""The output files of a command: opened before the work, moved into place afterwards, each written completely or not at all.

"-" is standard output, which is written as the work goes on; what the command prints for people then goes to standard error.

Guarantees no temporary file stays, not even after SIGTERM (see cli.py).
Raises     UsageError if two outputs have the same name, one is an input or lies in an input folder, or one cannot be
           written.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, NamedTuple

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.errors import UsageError
from dspy_programs.failures.batch import Batch, Outcome, Sink
from dspy_programs.failures.reports.junit import JUnit
from dspy_programs.failures.reports.lines import Lines, OneReport
from dspy_programs.failures.reports.sarif import Sarif
from dspy_programs.failures.trace_files import kind_of_file

_NAMED = 100  # traces listed one by one on a terminal


_STANDARD_OUTPUT = Path("-")


class Outputs(NamedTuple):
    """Where each kind goes, None if not requested, "-" for standard output."""

    lines: Path | None = None
    html: Path | None = None
    sarif: Path | None = None
    junit: Path | None = None


@contextlib.contextmanager
def opened(outputs: Outputs, inputs: Sequence[Path], one_trace: bool = False) -> Iterator[list[Sink]]:
    """Yield a sink for each output. inputs: read, so never written. one_trace: report and page cover a single trace."""
    _check(outputs, inputs)
    sinks: list[Sink] = []
    with contextlib.ExitStack() as stack:
        if outputs.lines:
            file = stack.enter_context(_written(outputs.lines))
            sinks.append(OneReport(file) if one_trace else Lines(file))
        if outputs.html:
            from dspy_programs.failures.reports.html import Page, TracePage

            file = stack.enter_context(_written(outputs.html))
            sinks.append(TracePage(file) if one_trace else Page(file))
        if outputs.sarif:
            sinks.append(Sarif(stack.enter_context(_written(outputs.sarif))))
        if outputs.junit:
            sinks.append(JUnit(stack.enter_context(_written(outputs.junit))))
        yield sinks


def _check(outputs: Outputs, inputs: Sequence[Path]) -> None:
    """Raise UsageError if a file would be written twice, or was to be read."""
    asked = [path if path == _STANDARD_OUTPUT else Path(os.path.realpath(path)) for path in outputs if path is not None]
    if repeated := [path for path in asked if asked.count(path) > 1]:
        name = "standard output" if repeated[0] == _STANDARD_OUTPUT else repeated[0]
        raise UsageError(f"{name}: given for two outputs; give each its own file")
    read = {Path(os.path.realpath(path)) for path in inputs}
    for path in asked:
        if path != _STANDARD_OUTPUT and (path in read or (kind_of_file(path) and read & set(path.parents))):
            raise UsageError(f"{path}: is read as a trace, so it cannot be an output; give another file")


def _written(path: Path) -> contextlib.AbstractContextManager[IO[bytes]]:
    return _standard_output() if path == _STANDARD_OUTPUT else opened_atomically(path)


@contextlib.contextmanager
def _standard_output() -> Iterator[IO[bytes]]:
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


def printing(outputs: Outputs, as_json: bool) -> contextlib.AbstractContextManager[object]:
    """Return a block in which a command prints: to standard error if an output takes standard output.

    Raises UsageError if both are for programs: two documents in one stream can be read by none.
    """
    if _STANDARD_OUTPUT not in outputs:
        return contextlib.nullcontext()
    if as_json:
        raise UsageError("--json and an output named - both go to standard output; give the output a file")
    return contextlib.redirect_stdout(sys.stderr)


class Named:
    """Keeps the outcomes that a terminal lists: all if they are few, else failing ones first, then possibly failing ones."""

    def __init__(self) -> None:
        self.kept: tuple[list[Outcome], ...] = ([], [], [])

    def add(self, outcome: Outcome) -> None:
        if outcome.report is not None:
            rows = self.kept[outcome.report.rank]
            if len(rows) < _NAMED:
                rows.append(outcome._replace(trace=None))

    def finish(self, batch: Batch) -> None:
        """Nothing: the rows are complete."""

    @property
    def rows(self) -> list[Outcome]:
        return list(chain.from_iterable(self.kept))[:_NAMED]
