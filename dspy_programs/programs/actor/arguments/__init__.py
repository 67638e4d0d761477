"""Arguments of a call, checked against a JSON schema and repaired."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.actor.arguments.checking import check as check
    from dspy_programs.programs.actor.arguments.report import (
        DEEPEST as DEEPEST,
        MOST_TOLD as MOST_TOLD,
        json_excerpt as json_excerpt,
    )
    from dspy_programs.programs.actor.arguments.spelling import fold as fold, unambiguous as unambiguous

_HOMES = {
    "DEEPEST": "report",
    "MOST_TOLD": "report",
    "check": "checking",
    "fold": "spelling",
    "json_excerpt": "report",
    "unambiguous": "spelling",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
