"""What a shell command line runs, reads and writes, and what would come of it; nothing is run."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.shell.command_line import (
        Command as Command,
        Line as Line,
        read_command_line as read_command_line,
    )
    from dspy_programs.shell.consequences import Seen as Seen, seen_in as seen_in
    from dspy_programs.shell.danger import danger_of as danger_of
    from dspy_programs.shell.effects import Consequence as Consequence

_HOMES = {
    "Command": "command_line",
    "Line": "command_line",
    "read_command_line": "command_line",
    "Seen": "consequences",
    "seen_in": "consequences",
    "danger_of": "danger",
    "Consequence": "effects",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
