"""The report on one trace: which failure modes it shows, at which turn, how certain, why, and how to fix each.

Input      a Trace, or a mapping in any of the formats that formats.py reads.
Output     FailureReport. `modes` lists every mode found, the verdict first; it is empty exactly if the verdict is "none".
Calls      none if the rules are sure or no model is in use; else those of the FailureJudge for the model in use.
Guarantees without a model DSPy is not imported. Thread-safe.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from dspy_programs.errors import ModelFailing, UsageError
from dspy_programs.failures.calibrated import FACTS, RunKind, kind_of, probability_of
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.failure_judge import (
    HINT,
    LIKELY,
    REMEDIES,
    SURE_AGAINST_SUCCESS,
    Finding,
    Ruling,
    View,
    findings_of,
    first_step,
    ruling,
)
from dspy_programs.types import FailureMode, Trace

if TYPE_CHECKING:
    import dspy

    from dspy_programs.programs.failure_judge import FailureJudge


MIN_PROBABILITY = 0.5  # below it, a verdict is likelier wrong than right


class FoundMode(BaseModel):
    """One failure mode found: its first turn, all turns with evidence, and words quoted from the run.

    possible: its probability is below the least that was required
    """

    model_config = ConfigDict(extra="forbid")

    mode: FailureMode
    turn: int
    turns: list[int]
    confidence: float
    probability: float | None
    possible: bool
    evidence: str


class FailureReport(BaseModel):
    """The verdict on one trace.

    confidence    the detector's own, in [0, 1]
    probability   that the verdict is right, as measured on labels; None if not measured
    possible      it is a failure whose probability is below the least that was required: shown, and not counted
    is_successful as recorded in the trace
    evidence      words of the run that show the failure, or the model's; "" where nothing shows. Part of root_cause_summary
    turns         number of turns in the trace
    answered_by   "model" or "rules"
    failure       why the model did not decide although it should have, so the rules' verdict stands
    """

    model_config = ConfigDict(extra="forbid")

    trace_id: str
    original_goal: str
    classified_failure_mode: FailureMode
    confidence: float
    probability: float | None
    possible: bool
    is_successful: bool | None
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

    @property
    def counts_as(self) -> FailureMode:
        """Return the mode that rates and gates count: a verdict that is only possible is none, but UNKNOWN for a run that is
        recorded as failed."""
        if not self.possible:
            return self.classified_failure_mode
        return "UNKNOWN" if self.is_successful is False else "none"

    @property
    def rank(self) -> int:
        """Return where a list of reports shows it: 0 for what counts as failing, 1 for what is only possible, 2 for none."""
        return 0 if self.counts_as != "none" else 1 if self.possible else 2

    def to_json(self) -> bytes:
        """Return the report as one line of JSON, without a newline."""
        return _TO_JSON(self)


_TO_JSON = FailureReport.__pydantic_serializer__.to_json
_SHOWN_TO_LARGE = 12_000  # characters of a run shown to a large model in one question, about 3,000 tokens
MOST_FAILURES = 3  # of the model in a row, after which it is not asked again


class FailureClassifier:
    """Classifies how a run failed: by rules and, where they are unsure, by the language model in use, if any."""

    def __init__(self, use_llm: bool = True, open_question: bool = False, min_probability: float = MIN_PROBABILITY) -> None:
        """Choose whether a model may be asked, and what, and how likely a failure must be.

        Args:
            use_llm: Ask the model of `with dspy_programs.use(...)` if the rules are unsure of a finding; False never asks.
            open_question: Ask it also how a run failed in which no finding stands. Only a large model can tell.
            min_probability: A failure whose probability is below this is reported as only possible; one without a
                probability never is.

        Raises:
            UsageError: min_probability is not from 0 to 1.
        """
        if not 0 <= min_probability <= 1:
            raise UsageError(f"min_probability {min_probability}: give a number from 0 to 1")
        self.use_llm, self.open_question, self.min_probability = use_llm, open_question, min_probability
        self.answers = 0  # of the model
        self.stopped: str | None = None  # why the model is no longer asked
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
        ruled = ruling(findings, known.is_successful, first_step(known.turns))
        if self.use_llm and not ruled.sure and known.turns and (model := model_in_use()) is not None:
            return self.by_model(known, findings, ruled, model)
        return report_of(known, findings, ruled, min_probability=self.min_probability)

    def by_model(self, trace: Trace, findings: Sequence[Finding], ruled: Ruling, model: "dspy.LM") -> FailureReport:
        """Ask the judge compiled for the model, if it has a question. Its verdict on a mode overrides the rules'."""
        from dspy.utils.exceptions import LMAuthError, LMBillingError, LMConfigurationError, LMError, LMUnsupportedModelError

        judge = self._judge_for(model)
        asks = judge.asks(trace, findings, ruled)
        if not asks or self.stopped is not None:
            return report_of(trace, findings, ruled, "rules", self.stopped if asks else None, self.min_probability)
        try:
            said = judge.settle(trace, findings, ruled)
        except LMError as error:
            self._failures += 1
            reason = sendable(" ".join(str(error).split()))[:300]
            hopeless = LMAuthError | LMBillingError | LMConfigurationError | LMUnsupportedModelError
            if self._failures >= MOST_FAILURES or isinstance(error, hopeless):
                raise ModelFailing(f"{reason}; fix it, or continue with rules only: --no-llm") from error
            return report_of(trace, findings, ruled, "rules", reason, self.min_probability)
        self._failures, self.answers = 0, self.answers + 1
        failure = None if said.failure is None else sendable(said.failure.reason)
        verdict = Ruling(said.mode, said.turn, said.confidence, said.evidence, True)
        return report_of(trace, said.findings, verdict, said.answered_by, failure, self.min_probability)

    def _judge_for(self, model: "dspy.LM") -> "FailureJudge":
        judge = self._judges.get(model.model)
        if judge is None:
            from dspy_programs.registry import load

            judge = self._judges[model.model] = load("failure_judge", model.model)
            if self.open_question:
                judge.open_question, judge.window = True, _SHOWN_TO_LARGE
        return judge


def parsed(raw: Mapping[str, object]) -> Trace:
    from dspy_programs.failures.formats.auto import Parser

    return Parser().parse(raw)


def report_of(
    trace: Trace,
    findings: Sequence[Finding],
    ruled: Ruling,
    answered_by: Literal["model", "rules"] = "rules",
    failure: str | None = None,
    min_probability: float = MIN_PROBABILITY,
) -> FailureReport:
    """Build a report from a verdict and all findings; one that is only possible gives way to what is measured as likely."""
    kind = kind_of(trace)
    # probabilities were measured for the rules; and for a "none" of theirs, not for one that follows from `is_successful`
    measured = answered_by == "rules" and (ruled.mode != "none" or trace.is_successful is None)
    found = _modes_of(trace, findings, ruled, kind, measured) if ruled.mode != "none" else []
    modes = [_found_mode(*each, min_probability) for each in found]
    if modes and modes[0].possible:
        modes.sort(key=lambda each: not _is_likely(each))
        ruled = Ruling(modes[0].mode, modes[0].turn, modes[0].confidence, modes[0].evidence, ruled.sure)
    mode, confidence, evidence = ruled.mode, round(ruled.confidence, 2), sendable(ruled.evidence)
    return FailureReport(
        trace_id=sendable(trace.trace_id),
        original_goal=sendable(trace.original_goal),
        classified_failure_mode=mode,
        confidence=confidence,
        probability=probability_of(mode, confidence, kind) if measured else None,
        possible=bool(modes) and modes[0].possible,
        is_successful=trace.is_successful,
        first_failure_turn=ruled.turn,
        root_cause_summary=_weak_sign(findings, trace, answered_by)
        if mode == "none"
        else REMEDIES[mode].cause.format(evidence=evidence),
        evidence=evidence,
        fixes=REMEDIES[mode].fixes_for(evidence),
        modes=modes,
        turns=len(trace.turns),
        answered_by=answered_by,
        failure=failure,
    )


def _weak_sign(findings: Sequence[Finding], trace: Trace, answered_by: str) -> str:
    """Say of a run without a failure what comes nearest to one, if anything does and nobody knows better."""
    if answered_by == "model" or trace.is_successful or not findings or findings[0].confidence < HINT:
        return REMEDIES["none"].cause
    sign = findings[0]
    return (
        f"Nothing in the run surely shows a failure; a weak sign of {sign.mode} at turn {sign.turn}: {sendable(sign.evidence)}"
    )


def _is_likely(found: FoundMode) -> bool:
    return not found.possible and (found.probability is not None or found.mode in FACTS)


_Found = tuple[Finding, RunKind | None]  # the kind of run, None if no calibration holds for this confidence


def _modes_of(trace: Trace, findings: Sequence[Finding], ruled: Ruling, kind: RunKind, measured: bool) -> list[_Found]:
    """Return the verdict, then every finding of another mode likely enough to stand alone, strongest first.

    A failure of unknown cause at no turn stands at the last: there its outcome was known.
    """
    bound = SURE_AGAINST_SUCCESS if trace.is_successful else LIKELY
    last = trace.turns[-1].turn_number if trace.turns else 0
    turn = last if ruled.turn is None else ruled.turn
    seen = next((f.turns for f in findings if f.mode == ruled.mode and f.turn == ruled.turn), None)
    first = Finding.model_construct(
        mode=ruled.mode, turn=turn, confidence=ruled.confidence, evidence=ruled.evidence, turns=seen or [turn]
    )
    others = [f for f in findings if f.mode != ruled.mode and f.confidence >= bound]
    return [(first, kind if measured else None), *((f, kind) for f in others)]


def _found_mode(found: Finding, kind: RunKind | None, min_probability: float) -> FoundMode:
    confidence = round(found.confidence, 2)
    probability = probability_of(found.mode, confidence, kind) if kind else None
    return FoundMode(
        mode=found.mode,
        turn=found.turn,
        turns=found.turns,
        confidence=confidence,
        probability=probability,
        possible=probability is not None and probability < min_probability,
        evidence=sendable(found.evidence),
    )


def sendable(text: str) -> str:
    """Return the text so that it can be encoded as UTF-8: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
