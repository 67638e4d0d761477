"""A test command, run on a folder as it is, or with changes that are taken back at once.

Guarantees what is tried is in the journal like any other change: a kill in the middle is undone by `undo`.
"""

import time
from collections.abc import Sequence

from dspy_programs.code.changing.testing import Tested, tested
from dspy_programs.code.changing.writing import Writer
from dspy_programs.diffs import Change

_SHORT = 5.0  # seconds that every change is given
_TIMES = 3.0  # as long as the tests took before


class Trial:
    """The tests of one edit. seconds: for one run, and for all changes that are tried together."""

    def __init__(self, writer: Writer, command: str, seconds: float) -> None:
        self.writer, self.command, self.seconds = writer, command, seconds
        self._left = self._longest = seconds

    def run(self) -> Tested:
        result = tested(self.command, self.writer.folder.workspace, self.seconds)
        self._longest = min(self.seconds, max(_SHORT, _TIMES * result.seconds))  # a change may make the tests run for ever
        return result

    def feedback(self, result: Tested) -> str:
        """Say how a run has failed; "" if it has not."""
        how = f"stopped: {result.stopped}" if result.stopped else f"exit code {result.exit_code}"
        return "" if result.passed else f"$ {self.command}\n{result.output}\n{how}"

    def passes(self, changes: Sequence[Change]) -> bool:
        """Return whether the tests pass with some changes; False once the time for this is used up."""
        if self._left <= 0:
            return False
        began, written = time.monotonic(), self.writer.write(changes)
        try:
            return tested(self.command, self.writer.folder.workspace, min(self._left, self._longest)).passed
        finally:
            self.writer.write([Change(path, after, before) for path, before, after in written])
            self._left -= time.monotonic() - began
