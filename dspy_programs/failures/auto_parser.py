"""AutoParser: turn a run in any known format, as a value or a file, into a Trace.

trace = AutoParser().parse_file("path/to/trace.json")
"""

from pathlib import Path

from dspy_programs.errors import UsageError
from dspy_programs.failures.formats.auto import Parser
from dspy_programs.failures.reader import read_traces
from dspy_programs.types import Trace


class AutoParser(Parser):
    """The format parser, with file reading."""

    def parse_file(self, path: str | Path) -> Trace:
        """Read a file with exactly one trace.

        Args:
            path: A file of JSON, JSONL or .traj, also .gz, or an Inspect log (.eval).

        Returns:
            The trace.

        Raises:
            UsageError: The file cannot be read, or has no trace or several.
        """
        items = list(read_traces([path], self.format))
        if len(items) != 1 or items[0].trace is None:
            told = items[0].problem if len(items) == 1 else f"{len(items)} traces, expected one; use the command batch"
            raise UsageError(f"{items[0].source if len(items) == 1 else path}: {told}")
        return items[0].trace
