"""From the trace of a run to its first failure."""

from typing import TYPE_CHECKING

from dspy_programs.lazy import exports

if TYPE_CHECKING:
    from dspy_programs.programs.failure_judge.closed_question import (
        Answer as Answer,
        doubt_in as doubt_in,
        question_of as question_of,
    )
    from dspy_programs.programs.failure_judge.failure_judge import (
        FailureJudge as FailureJudge,
        FailureJudgeResult as FailureJudgeResult,
    )
    from dspy_programs.programs.failure_judge.faults import Fault as Fault, fault_of as fault_of
    from dspy_programs.programs.failure_judge.finding import Finding as Finding, quoted as quoted
    from dspy_programs.programs.failure_judge.modes import REMEDIES as REMEDIES
    from dspy_programs.programs.failure_judge.rules import (
        HINT as HINT,
        LIKELY as LIKELY,
        SURE as SURE,
        SURE_AGAINST_SUCCESS as SURE_AGAINST_SUCCESS,
        Ruling as Ruling,
        findings_of as findings_of,
        first_step as first_step,
        ruling as ruling,
    )
    from dspy_programs.programs.failure_judge.trace_view import (
        View as View,
        changes as changes,
        is_empty as is_empty,
        text_of as text_of,
    )
    from dspy_programs.programs.failure_judge.verbs import (
        KIND_OF_CLAIM as KIND_OF_CLAIM,
        acts as acts,
        changes_by_name as changes_by_name,
        doing as doing,
        is_deed as is_deed,
    )

_HOMES = {
    "Answer": "closed_question",
    "doubt_in": "closed_question",
    "question_of": "closed_question",
    "FailureJudge": "failure_judge",
    "FailureJudgeResult": "failure_judge",
    "Fault": "faults",
    "fault_of": "faults",
    "REMEDIES": "modes",
    "Finding": "finding",
    "HINT": "rules",
    "LIKELY": "rules",
    "Ruling": "rules",
    "SURE": "rules",
    "SURE_AGAINST_SUCCESS": "rules",
    "findings_of": "rules",
    "first_step": "rules",
    "quoted": "finding",
    "ruling": "rules",
    "KIND_OF_CLAIM": "verbs",
    "View": "trace_view",
    "changes": "trace_view",
    "is_empty": "trace_view",
    "text_of": "trace_view",
    "acts": "verbs",
    "changes_by_name": "verbs",
    "doing": "verbs",
    "is_deed": "verbs",
}

if not TYPE_CHECKING:  # a misspelled import is an error to type checkers
    __getattr__ = exports(__name__, _HOMES)
