"""What went wrong in log files for a task, by the program log_context or by its rules, with the file and line of each proof.

Guarantees of logs that are larger than LARGEST only the events are read again, with their lines whole: memory does not grow.
Raises     UsageError for a log that cannot be read, or for one from a pipe that is larger.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from dspy_programs.code.log_bus import redacted_lines
from dspy_programs.errors import UsageError
from dspy_programs.logs import STDIN, LogLine, lines_of, log_context, log_files
from dspy_programs.secret_values import without_secrets

if TYPE_CHECKING:
    import dspy

LARGEST = 2_000_000
"""Characters of logs that are read as a whole."""
_MOST_KINDS, _AROUND, _MORE = 100, 3, 6  # of larger ones: kinds of events, lines before and after each


class ExplainedLogs(NamedTuple):
    """points: lines of the logs; withdrawn: what a model said without the logs saying so; note: of a failure."""

    context: str
    points: list[LogLine]
    withdrawn: list[str]
    answered_by: Literal["model", "rules"]
    note: str = ""


def explain_logs(paths: Sequence[Path], task: str = "", lm: "dspy.LM | None" = None) -> ExplainedLogs:
    """Say what went wrong. lm: the model whose compiled program is asked; it must be in use already."""
    lines = _lines(paths)
    text = "\n".join(redacted_lines(without_secrets("\n".join(line.text for line in lines)).split("\n")))
    if lm is None:
        from dspy_programs.programs.log_context import told_by_rules

        told = told_by_rules(task, text)
        return ExplainedLogs(told.context, [_placed(point.line, point.text, lines) for point in told.key_points], [], "rules")
    from dspy_programs.registry import load, without_warning

    with without_warning():
        result = load("log_context", lm.model)(task, text)
    points = [_placed(point.line, point.text, lines) for point in result.key_points]
    note = f"the model's reply could not be used: {result.failure.reason}" if result.failure else ""
    return ExplainedLogs(result.context, points, result.withdrawn, result.answered_by, note)


def _placed(number: int, text: str, lines: Sequence[LogLine]) -> LogLine:
    return LogLine(lines[number - 1].path, lines[number - 1].number, text)


def _lines(paths: Sequence[Path]) -> list[LogLine]:
    """Return the lines to explain, each with its place."""
    files = [file for each in paths for file in log_files(each)]
    held: list[LogLine] = []
    length = 0
    for line in (line for file in files for line in lines_of(file)):
        held.append(line)
        length += len(line.text) + 1
        if length > LARGEST:
            break
    else:
        return held
    if STDIN in files:
        raise UsageError(f"-: more than {LARGEST // 1_000_000} MB cannot be explained from a pipe; write them to a file")
    return [line for file in files for line in _of_events(file)]


def _of_events(file: Path) -> Iterator[LogLine]:
    """Yield the lines of a file's worst events, with some around them."""
    spans = []
    for kind in log_context([file]).kinds[:_MOST_KINDS]:
        start = int(kind.at.rpartition(":")[2])
        spans.append((start - _AROUND, start + len(kind.lines) + _MORE))
    wanted = iter(sorted(spans))
    span = next(wanted, None)
    for line in lines_of(file):
        while span is not None and line.number > span[1]:
            span = next(wanted, None)
        if span is None:
            return
        if line.number >= span[0]:
            yield line
