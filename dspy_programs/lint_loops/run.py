"""Check many files, on all processors.

Input      paths of files and folders; `-` is standard input.
Output     Report: the findings of all files, worst first, and a note for each file that could not be checked.
Guarantees one bad file stops nothing. The order does not depend on how many processes there are.
"""

import gc
import multiprocessing
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dspy_programs.errors import UsageError
from dspy_programs.lint_loops.check import Checked, check_text
from dspy_programs.lint_loops.code.source import text_of
from dspy_programs.lint_loops.files import python_files
from dspy_programs.lint_loops.finding import Finding

_LARGEST = 4_000_000  # bytes: larger files are data in the shape of code, and a tree of one takes a hundred times its size
_WORTH_PROCESSES = 40  # files: fewer are checked before a second process has started
_AT_ONCE = 25  # files per hand-over, so that the large ones spread
STDIN = Path("-")


@dataclass
class Report:
    """What a run gave. problems: (file, why it could not be checked); standard_input: its text, if it was checked."""

    STANDARD_INPUT: ClassVar[str] = "<stdin>"

    findings: list[Finding] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    files: int = 0
    lines: int = 0
    ignored: int = 0
    standard_input: str = ""

    def add(self, checked: Checked) -> None:
        self.files += 1
        self.lines += checked.lines
        self.ignored += checked.ignored
        self.findings += checked.findings
        if checked.problem:
            self.problems.append((checked.file, checked.problem))


def lint(paths: Sequence[Path], exclude: Sequence[str] = (), processes: int | None = None) -> Report:
    """Find the patterns in files and folders. processes: by default one a processor. Raises UsageError for a wrong path."""
    report, notes = Report(), list[str]()
    if STDIN in paths:
        report.standard_input = text_of(sys.stdin.buffer.read())
        report.add(check_text(report.standard_input, Report.STANDARD_INPUT))
    files = list(python_files([path for path in paths if path != STDIN], exclude, notes))
    for checked in _checked(files, processes or _processors()):
        report.add(checked)
    report.problems += [(name, why) for name, _, why in (note.partition(": ") for note in notes)]
    report.findings.sort(key=lambda each: each.order)
    return report


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(files: Sequence[Path], processes: int) -> Iterator[Checked]:
    if processes < 2 or len(files) < _WORTH_PROCESSES:
        yield from map(check_file, files)
        return
    batches = [files[at : at + _AT_ONCE] for at in range(0, len(files), _AT_ONCE)]
    # a forked child has all that is imported; elsewhere it must start anew
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    try:
        with ProcessPoolExecutor(processes, context, initializer=_begin) as pool:
            for batch in pool.map(_check_all, batches):
                yield from batch
    except BrokenProcessPool as error:
        raise UsageError("a process that checks files was ended, perhaps for want of memory; name fewer files") from error


def _begin() -> None:
    gc.disable()  # a tree has no cycles; looking for them takes a quarter of the time


def _check_all(files: Iterable[Path]) -> list[Checked]:
    found = [check_file(file) for file in files]
    gc.collect()
    return found


def check_file(path: Path) -> Checked:
    """Check one file; what cannot be read becomes a note."""
    name = str(path)
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        return Checked(name, [], f"cannot be read: {error.strerror or error}", 0)
    if len(data) > _LARGEST:
        return Checked(name, [], f"larger than {_LARGEST // 1_000_000} MB: not checked", 0)
    return check_text(text_of(data), name)
