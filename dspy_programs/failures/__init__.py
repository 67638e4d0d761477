"""Why the run of an agent failed: traces from any framework in, causes, fixes and reports out.

from dspy_programs.failures import AutoParser, FailureClassifier, TraceRecorder

with TraceRecorder(goal="Find a table for two", output_dir="traces") as run:
    run.add_turn(role="user", content="Find a table for two tonight")
    run.add_turn(role="agent", content="I cannot help with that.")
print(FailureClassifier(use_llm=False).classify(AutoParser().parse_file(run.path)).classified_failure_mode)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dspy_programs.failures.classifier import FailureClassifier, FailureReport
    from dspy_programs.failures.formats.auto import AutoParser
    from dspy_programs.failures.reader import read_traces
    from dspy_programs.failures.recorder import TraceRecorder

_HOMES = {
    "AutoParser": "formats.auto",
    "FailureClassifier": "classifier",
    "FailureReport": "classifier",
    "TraceRecorder": "recorder",
    "read_traces": "reader",
}
__all__ = ["AutoParser", "FailureClassifier", "FailureReport", "TraceRecorder", "read_traces"]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
