"""The report on one trace: which failure modes it shows, at which turn, how certain, why, and how to fix each.

Input      a Trace, or a mapping in any of the formats that formats.py reads.
Output     FailureReport. `modes` lists every mode found, the verdict first; it is empty exactly if the verdict is "none".
Calls      none if the rules are sure or no model is in use; else those of the FailureJudge for the model in use.
Guarantees without a model DSPy is not imported. Thread-safe.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from dspy_programs.errors import ModelFailing
from dspy_programs.failures.calibrated import probability_of
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.failure_judge import (
    LIKELY,
    REMEDIES,
    SURE_AGAINST_SUCCESS,
    Finding,
    Ruling,
    View,
    findings_of,
    ruling,
)
from dspy_programs.types import FailureMode, Trace

if TYPE_CHECKING:
    import dspy

    from dspy_programs.programs.failure_judge import FailureJudge


class FoundMode(BaseModel):
    """One failure mode found: its first turn, all turns with evidence, and words quoted from the run."""

    model_config = ConfigDict(extra="forbid")

    mode: FailureMode
    turn: int
    turns: list[int]
    confidence: float
    probability: float | None
    evidence: str


class FailureReport(BaseModel):
    """The verdict on one trace.

    confidence    the detector's own, in [0, 1]
    probability   that the verdict is right, as measured on labels; None if not measured
    evidence      words of the run that show the failure, or the model's; "" where nothing shows. Part of root_cause_summary
    turns         number of turns in the trace
    answered_by   "model" or "rules"
    failure       why the model's reply could not be used and the rules answered instead
    """

    model_config = ConfigDict(extra="forbid")

    trace_id: str
    original_goal: str
    classified_failure_mode: FailureMode
    confidence: float
    probability: float | None
    first_failure_turn: int | None
    root_cause_summary: str
    evidence: str
    fixes: list[str]
    modes: list[FoundMode]
    turns: int
    answered_by: Literal["model", "rules"]
    failure: str | None

    @property
    def failed(self) -> bool:
        return self.classified_failure_mode != "none"

    def to_json(self) -> bytes:
        """Return the report as one line of JSON, without a newline."""
        return _TO_JSON(self)


_TO_JSON = FailureReport.__pydantic_serializer__.to_json
_SHOWN_TO_LARGE = 12_000  # characters of a run shown to a large model in one question, about 3,000 tokens
MOST_FAILURES = 3  # of the model in a row, after which it is not asked again


class FailureClassifier:
    """Classifies how a run failed: by rules and, where they are unsure, by the language model in use, if any."""

    def __init__(self, use_llm: bool = True, open_question: bool = False) -> None:
        """Choose whether a model may be asked, and what.

        Args:
            use_llm: Ask the model of `with dspy_programs.use(...)` if the rules are unsure of a finding; False never asks.
            open_question: Ask it also how a run failed in which no finding stands. Only a large model can tell.
        """
        self.use_llm, self.open_question = use_llm, open_question
        self._judges: dict[str, FailureJudge] = {}
        self._failures = 0  # of the model, in a row

    def classify(self, trace: Trace | Mapping[str, object]) -> FailureReport:
        """Report why one run failed, or that it did not. If the model fails, the rules' verdict stays, marked by `failure`.

        Args:
            trace: A Trace, or a mapping in any format that AutoParser reads.

        Returns:
            The report.

        Raises:
            UsageError: The mapping is not a trace.
            ModelFailing: The model rejects us or fails repeatedly.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        known = trace if isinstance(trace, Trace) else parsed(trace)
        findings = findings_of(View(known))
        ruled = ruling(findings, known.is_successful)
        if self.use_llm and not ruled.sure and known.turns and (model := model_in_use()) is not None:
            return self.by_model(known, findings, ruled, model)
        return report_of(known, findings, ruled)

    def by_model(self, trace: Trace, findings: Sequence[Finding], ruled: Ruling, model: "dspy.LM") -> FailureReport:
        """Ask the judge compiled for the model. Its verdict on a mode overrides the rules'."""
        from dspy.utils.exceptions import LMAuthError, LMBillingError, LMConfigurationError, LMError, LMUnsupportedModelError

        judge = self._judges.get(model.model)
        if judge is None:
            from dspy_programs.registry import load

            judge = self._judges[model.model] = load("failure_judge", model.model)
            if self.open_question:
                judge.open_question, judge.window = True, _SHOWN_TO_LARGE
        try:
            said = judge.settle(trace, findings, ruled)
        except LMError as error:
            self._failures += 1
            reason = sendable(" ".join(str(error).split()))[:300]
            hopeless = LMAuthError | LMBillingError | LMConfigurationError | LMUnsupportedModelError
            if self._failures >= MOST_FAILURES or isinstance(error, hopeless):
                raise ModelFailing(f"{reason}; fix it, or continue with rules only: --no-llm") from error
            return report_of(trace, findings, ruled, "rules", reason)
        self._failures = 0
        failure = None if said.failure is None else sendable(said.failure.reason)
        verdict = Ruling(said.mode, said.turn, said.confidence, said.evidence, True)
        return report_of(trace, said.findings, verdict, said.answered_by, failure)


def parsed(raw: Mapping[str, object]) -> Trace:
    from dspy_programs.failures.formats.auto import Parser

    return Parser().parse(raw)


def report_of(
    trace: Trace,
    findings: Sequence[Finding],
    ruled: Ruling,
    answered_by: Literal["model", "rules"] = "rules",
    failure: str | None = None,
) -> FailureReport:
    """Build a report from a verdict and all findings."""
    mode, confidence, evidence = ruled.mode, round(ruled.confidence, 2), sendable(ruled.evidence)
    # probabilities were measured for a "none" by the rules, not for one that follows from the caller's `is_successful`
    measured = answered_by == "rules" and (mode != "none" or trace.is_successful is None)
    return FailureReport(
        trace_id=sendable(trace.trace_id),
        original_goal=sendable(trace.original_goal),
        classified_failure_mode=mode,
        confidence=confidence,
        probability=probability_of(mode, confidence) if measured else None,
        first_failure_turn=ruled.turn,
        root_cause_summary=REMEDIES[mode].cause.format(evidence=evidence),
        evidence=evidence,
        fixes=REMEDIES[mode].fixes_for(evidence),
        modes=_modes_of(trace, findings, ruled, confidence, answered_by == "rules") if mode != "none" else [],
        turns=len(trace.turns),
        answered_by=answered_by,
        failure=failure,
    )


def _modes_of(trace: Trace, findings: Sequence[Finding], ruled: Ruling, confidence: float, calibrated: bool) -> list[FoundMode]:
    """Return the verdict's mode, then every other finding likely enough to stand alone, strongest first.

    A failure of unknown cause at no turn stands at the last: there its outcome was known.
    """
    bound = SURE_AGAINST_SUCCESS if trace.is_successful else LIKELY
    seen = next((f.turns for f in findings if f.mode == ruled.mode and f.turn == ruled.turn), None)
    last = trace.turns[-1].turn_number if trace.turns else 0
    turn = last if ruled.turn is None else ruled.turn
    first = _found_mode(ruled.mode, turn, seen or [turn], confidence, ruled.evidence, calibrated)
    others = [f for f in findings if f.mode != ruled.mode and f.confidence >= bound]
    return [first, *(_found_mode(f.mode, f.turn, f.turns, f.confidence, f.evidence, True) for f in others)]


def _found_mode(
    mode: FailureMode, turn: int, turns: list[int], confidence: float, evidence: str, calibrated: bool
) -> FoundMode:
    return FoundMode(
        mode=mode,
        turn=turn,
        turns=turns,
        confidence=confidence,
        probability=probability_of(mode, confidence) if calibrated else None,
        evidence=sendable(evidence),
    )


def sendable(text: str) -> str:
    """Return the text so that it can be encoded as UTF-8: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
