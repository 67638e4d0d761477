"""The rules: one detector a failure mode (detectors/), and `ruling`, which weighs their findings.

Input      a View of the trace (trace_view.py).
Output     Finding or None of each detector; `ruling` takes the strongest, or the earlier if two are about as strong.
Guarantees pure functions, linear in the trace; a text that tells the judge what to answer is treated like any other.
Source     the signals of Agent Failure Classifier (2026), graded here, and weighed against what excuses them: a retry, a
           change of state, a corrected argument, a full answer after a slow call.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dspy_programs.programs.failure_judge.detectors.circular_reasoning import detect_circular_reasoning
from dspy_programs.programs.failure_judge.detectors.context_loss import detect_context_loss
from dspy_programs.programs.failure_judge.detectors.crash import detect_crash
from dspy_programs.programs.failure_judge.detectors.goal_drift import detect_goal_drift
from dspy_programs.programs.failure_judge.detectors.hallucination import detect_hallucination
from dspy_programs.programs.failure_judge.detectors.no_answer import detect_no_answer
from dspy_programs.programs.failure_judge.detectors.over_refusal import detect_over_refusal
from dspy_programs.programs.failure_judge.detectors.schema_error import detect_schema_error
from dspy_programs.programs.failure_judge.detectors.timeout_cascade import detect_timeout_cascade
from dspy_programs.programs.failure_judge.detectors.tool_misuse import detect_tool_misuse
from dspy_programs.programs.failure_judge.finding import Finding
from dspy_programs.programs.failure_judge.trace_view import View
from dspy_programs.types import FailureMode, Turn

SURE = 0.7  # from here on a finding needs no second opinion
LIKELY = 0.55  # from here on it is the better guess, if no model can be asked
_CLOSE = 0.1  # two findings nearer than this are about as strong
HINT = 0.35  # from here on a finding says where to begin reading a run that failed for unknown causes
SURE_AGAINST_SUCCESS = 0.85  # required to report a failure in a run that its caller calls successful


class Ruling(NamedTuple):
    """What the rules say. `sure`: no second opinion is needed."""

    mode: FailureMode
    turn: int | None
    confidence: float
    evidence: str
    sure: bool


_Detector = Callable[[View], Finding | None]

DETECTORS: dict[FailureMode, _Detector] = {
    "HALLUCINATION": detect_hallucination,
    "TOOL_MISUSE": detect_tool_misuse,
    "CONTEXT_LOSS": detect_context_loss,
    "CIRCULAR_REASONING": detect_circular_reasoning,
    "GOAL_DRIFT": detect_goal_drift,
    "OVER_REFUSAL": detect_over_refusal,
    "SCHEMA_ERROR": detect_schema_error,
    "TIMEOUT_CASCADE": detect_timeout_cascade,
    "NO_ANSWER": detect_no_answer,
    "CRASH": detect_crash,
}


def findings_of(view: View) -> list[Finding]:
    """Run all detectors; strongest first, ties by the earlier turn."""
    findings = [finding for detect in DETECTORS.values() if (finding := detect(view)) is not None]
    if len(findings) < 2:
        return findings
    return sorted(_without_consequences(_without_echoes(findings)), key=lambda f: (-f.confidence, f.turn))


def _without_echoes(findings: Sequence[Finding]) -> list[Finding]:
    """Drop what another finding explains: in a cycle every call is a repeated one, and broken JSON is not an answer.

    A cycle began where its first call was repeated.
    """
    modes = {f.mode: f for f in findings}
    cycle_found, broken = modes.get("CIRCULAR_REASONING"), modes.get("SCHEMA_ERROR")
    if cycle_found is not None and cycle_found.confidence >= 0.8 and (repeated := modes.pop("CONTEXT_LOSS", None)) is not None:
        if repeated.turn < cycle_found.turn:
            earlier = {"turn": repeated.turn, "turns": [repeated.turn, *cycle_found.turns]}
            modes["CIRCULAR_REASONING"] = cycle_found.model_copy(update=earlier)
    if broken is not None and broken.confidence >= SURE and (drift := modes.get("GOAL_DRIFT")) and drift.turn == broken.turn:
        del modes["GOAL_DRIFT"]
    return list(modes.values())


def _without_consequences(findings: Sequence[Finding]) -> list[Finding]:
    """Blame the cause: where the call that is repeated is given a value from nowhere, that value is why it finds nothing.

    Later errors follow from an earlier corrupted state, as in FALAT (arXiv 2606.00765).
    """
    modes = {f.mode: f for f in findings}
    for mode in ("CONTEXT_LOSS", "CIRCULAR_REASONING"):
        cause, repeated = modes.get("HALLUCINATION"), modes.get(mode)
        if cause is not None and repeated is not None and not set(cause.turns).isdisjoint(repeated.turns):
            stronger = {"confidence": max(cause.confidence, repeated.confidence)}
            modes["HALLUCINATION"] = cause.model_copy(update=stronger)
            del modes[mode]
    return list(modes.values())


def first_step(turns: Sequence[Turn]) -> int | None:
    """Return the number of the agent's first turn behind the task; None if there is none.

    Where nothing shows how a run failed, a reader had best begin there: people who read failed runs found the first fault
    in it more often than in any other turn (tests/failures_agreement.py, Who&When).
    """
    return next((turn.turn_number for turn in turns[1:] if turn.role in ("agent", "tool")), None)


def ruling(findings: Sequence[Finding], is_successful: bool | None = None, begin: int | None = None) -> Ruling:
    """Weigh the findings, strongest first, with what the caller knows of the outcome.

    A run that is known to have failed is never "none", but a weak sign does not become its cause: that is "UNKNOWN", and its
    turn only says where to begin reading: at `begin`, or else at the strongest sign.
    """
    top = findings[0].confidence if findings else 0.0
    if top < (SURE_AGAINST_SUCCESS if is_successful else LIKELY):
        doubt = round(1 - max(top, 0.2), 2)
        if is_successful is False and top >= HINT:
            sign = findings[0]
            turn, evidence = begin, f"only a weak sign of {sign.mode} at turn {sign.turn}, {sign.evidence}"
            return Ruling("UNKNOWN", sign.turn if turn is None else turn, doubt, evidence, False)
        if is_successful is False:
            return Ruling("UNKNOWN", begin, doubt, "nothing stands out", False)
        return Ruling("none", None, 0.95 if is_successful else doubt, "", bool(is_successful))
    rivals = [f for f in findings if f.confidence > top - _CLOSE]
    first = min(rivals, key=lambda f: f.turn)
    return Ruling(first.mode, first.turn, first.confidence, first.evidence, top >= SURE and len(rivals) == 1)
