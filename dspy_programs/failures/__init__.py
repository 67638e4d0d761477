"""Find out why an agent run failed: traces from any framework in; causes, fixes and reports out.

from dspy_programs.failures import AutoParser, FailureClassifier, TraceRecorder

with TraceRecorder(goal="Find a table for two", output_dir="traces") as run:
    run.add_turn(role="user", content="Find a table for two tonight")
    run.add_turn(role="agent", content="I cannot help with that.")
print(FailureClassifier(use_llm=False).classify(AutoParser().parse_file(run.path)).classified_failure_mode)
"""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.failures.auto_parser import AutoParser
    from dspy_programs.failures.batch import Batch as Batch, Outcome as Outcome, Tally as Tally
    from dspy_programs.failures.calibrated import (
        FACTS as FACTS,
        FILE as FILE,
        SCHEMA_VERSION as SCHEMA_VERSION,
        Calibration as Calibration,
        Curve as Curve,
        FittedOn as FittedOn,
        RunKind as RunKind,
        calibration_file as calibration_file,
        holds_at as holds_at,
        kind_of as kind_of,
        value_at as value_at,
    )
    from dspy_programs.failures.classifier import FailureClassifier, FailureReport
    from dspy_programs.failures.intervals import Interval as Interval, wilson as wilson
    from dspy_programs.failures.reader import read_traces
    from dspy_programs.failures.recorder import TraceRecorder
    from dspy_programs.types import Trace

_HOMES = {
    "Batch": "batch",
    "Calibration": "calibrated",
    "Curve": "calibrated",
    "FACTS": "calibrated",
    "FILE": "calibrated",
    "FittedOn": "calibrated",
    "Outcome": "batch",
    "RunKind": "calibrated",
    "SCHEMA_VERSION": "calibrated",
    "Tally": "batch",
    "calibration_file": "calibrated",
    "holds_at": "calibrated",
    "kind_of": "calibrated",
    "value_at": "calibrated",
    "Interval": "intervals",
    "wilson": "intervals",
    "AutoParser": "auto_parser",
    "FailureClassifier": "classifier",
    "FailureReport": "classifier",
    "Trace": "classifier",
    "TraceRecorder": "recorder",
    "read_traces": "reader",
}
__all__ = ["AutoParser", "FailureClassifier", "FailureReport", "Trace", "TraceRecorder", "read_traces"]

if not TYPE_CHECKING:  # a type checker reads the imports above, and refuses any other name
    __getattr__ = exports(__name__, _HOMES)
