"""JSON lines: one for each record, with where it stands and its report, or what is wrong with it."""

import json
from typing import IO

from dspy_programs.failures.batch import Batch, Outcome

QUOTE = json.JSONEncoder().encode


def line_of(outcome: Outcome) -> bytes:
    """Return one outcome as a line: {"source": ..., report} or {"source": ..., "problem": ...}."""
    source = QUOTE(outcome.source).encode()
    if outcome.report is None:
        return b'{"source":%b,"problem":%b}\n' % (source, QUOTE(outcome.problem).encode())
    return b'{"source":%b,%b\n' % (source, outcome.report.to_json()[1:])


class Lines:
    """Writes outcomes as they come."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def add(self, outcome: Outcome) -> None:
        self.file.write(line_of(outcome))

    def finish(self, batch: Batch) -> None:
        """Nothing: every line stands by itself."""
