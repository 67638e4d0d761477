"""What all commands share."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.cli.cli import (
        FAILED as FAILED,
        GATE_CLOSED as GATE_CLOSED,
        INTERRUPTED as INTERRUPTED,
        MODEL_STOPPED as MODEL_STOPPED,
        NO_LLM as NO_LLM,
        UNVERIFIED as UNVERIFIED,
        ApiBaseOption as ApiBaseOption,
        ApiKeyOption as ApiKeyOption,
        LmOption as LmOption,
        NoCacheOption as NoCacheOption,
        NoLlmOption as NoLlmOption,
        ToolLmOption as ToolLmOption,
        new_app as new_app,
        run as run,
        run_words as run_words,
    )
    from dspy_programs.cli.progress_bar import Progress as Progress, show_progress as show_progress
    from dspy_programs.cli.prompt import (
        Complete as Complete,
        Completed as Completed,
        first_words as first_words,
        typed_lines as typed_lines,
    )

_HOMES = {
    "ApiBaseOption": "cli",
    "ApiKeyOption": "cli",
    "FAILED": "cli",
    "GATE_CLOSED": "cli",
    "INTERRUPTED": "cli",
    "MODEL_STOPPED": "cli",
    "NO_LLM": "cli",
    "LmOption": "cli",
    "NoCacheOption": "cli",
    "NoLlmOption": "cli",
    "UNVERIFIED": "cli",
    "ToolLmOption": "cli",
    "new_app": "cli",
    "run": "cli",
    "run_words": "cli",
    "Progress": "progress_bar",
    "show_progress": "progress_bar",
    "Complete": "prompt",
    "Completed": "prompt",
    "first_words": "prompt",
    "typed_lines": "prompt",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
