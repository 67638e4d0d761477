"""The output files of a command: opened before the work, moved into place afterwards, each written completely or not at all.

Raises     UsageError if two outputs have the same name, one is an input or lies in an input folder, or one cannot be
           written.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dspy_programs.atomic_file import opened_atomically
from dspy_programs.errors import UsageError
from dspy_programs.failures.batch import Batch, Outcome, Sink
from dspy_programs.failures.reader import kind_of_file
from dspy_programs.failures.reports.junit import JUnit
from dspy_programs.failures.reports.lines import Lines, OneReport
from dspy_programs.failures.reports.sarif import Sarif

_NAMED = 100  # traces listed one by one on a terminal


class Outputs(NamedTuple):
    """Where each kind goes, None if not requested."""

    lines: Path | None = None
    html: Path | None = None
    sarif: Path | None = None
    junit: Path | None = None


@contextlib.contextmanager
def opened(outputs: Outputs, inputs: Sequence[Path], one_trace: bool = False) -> Iterator[list[Sink]]:
    """Yield a sink for each output. inputs: read, so never written. one_trace: report and page cover a single trace."""
    asked = [path.resolve() for path in outputs if path is not None]
    if repeated := [path for path in asked if asked.count(path) > 1]:
        raise UsageError(f"{repeated[0]}: given for two outputs; give each its own file")
    read = {path.resolve() for path in inputs}
    for path in asked:
        if path in read or (kind_of_file(path) and read & set(path.parents)):
            raise UsageError(f"{path}: is read as a trace, so it cannot be an output; give another file")
    sinks: list[Sink] = []
    with contextlib.ExitStack() as stack:
        if outputs.lines:
            file = stack.enter_context(opened_atomically(outputs.lines))
            sinks.append(OneReport(file) if one_trace else Lines(file))
        if outputs.html:
            from dspy_programs.failures.reports.html import Page, TracePage

            file = stack.enter_context(opened_atomically(outputs.html))
            sinks.append(TracePage(file) if one_trace else Page(file))
        if outputs.sarif:
            sinks.append(Sarif(stack.enter_context(opened_atomically(outputs.sarif))))
        if outputs.junit:
            sinks.append(JUnit(stack.enter_context(opened_atomically(outputs.junit))))
        yield sinks


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
