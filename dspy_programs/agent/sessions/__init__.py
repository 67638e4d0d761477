"""What a run has said and done, kept while it runs, so that it can go on after a crash."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.agent.sessions.session import PastCall as PastCall, Session as Session
    from dspy_programs.agent.sessions.sessions import Sessions as Sessions, Summary as Summary, default_path as default_path

_HOMES = {
    "PastCall": "session",
    "Session": "session",
    "Sessions": "sessions",
    "Summary": "sessions",
    "default_path": "sessions",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
