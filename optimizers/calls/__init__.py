"""Every model call: journalled, counted, limited, and shown as it runs."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from optimizers.calls.journal import Journal as Journal, Record as Record
    from optimizers.calls.meter import Budget as Budget, Meter as Meter, Used as Used
    from optimizers.calls.progress import Progress as Progress, clock as clock, noise_to as noise_to
    from optimizers.calls.recording import RecordedEngine as RecordedEngine, recorded as recorded

_HOMES = {
    "Journal": "journal",
    "Record": "journal",
    "Budget": "meter",
    "Meter": "meter",
    "Used": "meter",
    "Progress": "progress",
    "clock": "progress",
    "noise_to": "progress",
    "RecordedEngine": "recording",
    "recorded": "recording",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
