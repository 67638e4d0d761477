"""From a log to what went wrong, for the task at hand, and the lines of the log that say so."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.log_context.log_context import (
        LogContext as LogContext,
        LogContextResult as LogContextResult,
    )
    from dspy_programs.programs.log_context.log_rules import (
        KeyPoint as KeyPoint,
        Told as Told,
        told_by_rules as told_by_rules,
    )

_HOMES = {
    "KeyPoint": "log_rules",
    "LogContext": "log_context",
    "LogContextResult": "log_context",
    "Told": "log_rules",
    "told_by_rules": "log_rules",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
