"""What all commands share."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.cli.cli import (
        FAILED as FAILED,
        GATE_CLOSED as GATE_CLOSED,
        INTERRUPTED as INTERRUPTED,
        MODEL_STOPPED as MODEL_STOPPED,
        UNVERIFIED as UNVERIFIED,
        ApiBaseOption as ApiBaseOption,
        ApiKeyOption as ApiKeyOption,
        LmOption as LmOption,
        NoCacheOption as NoCacheOption,
        NoLlmOption as NoLlmOption,
        ToolLmOption as ToolLmOption,
        new_app as new_app,
        run as run,
    )
    from dspy_programs.cli.progress_bar import Progress as Progress, show_progress as show_progress

_HOMES = {
    "ApiBaseOption": "cli",
    "ApiKeyOption": "cli",
    "FAILED": "cli",
    "GATE_CLOSED": "cli",
    "INTERRUPTED": "cli",
    "MODEL_STOPPED": "cli",
    "LmOption": "cli",
    "NoCacheOption": "cli",
    "NoLlmOption": "cli",
    "UNVERIFIED": "cli",
    "ToolLmOption": "cli",
    "new_app": "cli",
    "run": "cli",
    "Progress": "progress_bar",
    "show_progress": "progress_bar",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
