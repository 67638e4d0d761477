"""JSON lines: one per record, with its location and either its report or an error."""

import json
import sys
from typing import IO

from dspy_programs.failures.batch import Batch, Outcome
from dspy_programs.failures.classifier import sendable

_QUOTE = json.JSONEncoder().encode


def json_line(outcome: Outcome) -> bytes:
    """Return one outcome as a line: {"source": ..., report} or {"source": ..., "problem": ...}, null if that is gone."""
    source = _QUOTE(sendable(outcome.source)).encode()
    if outcome.report is None:
        problem = "null" if outcome.problem is None else _QUOTE(sendable(outcome.problem))
        return b'{"source":%b,"problem":%b}\n' % (source, problem.encode())
    return b'{"source":%b,%b\n' % (source, outcome.report.to_json()[1:])


def print_json(text: str) -> None:
    """Print JSON as UTF-8, which it is by definition, whatever the terminal's encoding."""
    sys.stdout.flush()
    if (raw := getattr(sys.stdout, "buffer", None)) is None:  # a notebook's
        print(text, flush=True)
        return
    raw.write(f"{text}\n".encode("utf-8", "replace"))
    raw.flush()


class Lines:
    """Writes outcomes as they come."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def add(self, outcome: Outcome) -> None:
        self.file.write(json_line(outcome))

    def finish(self, batch: Batch) -> None:
        """Nothing: every line is complete."""


class OneReport:
    """Writes the report on a single trace as indented JSON."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def add(self, outcome: Outcome) -> None:
        if outcome.report is not None:
            self.file.write(f"{outcome.report.model_dump_json(indent=2)}\n".encode())

    def finish(self, batch: Batch) -> None:
        """Nothing: the report was written with its trace."""
