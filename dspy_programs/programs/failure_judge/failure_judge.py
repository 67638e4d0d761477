"""Say how an agent run failed, at which turn first, and how to fix it; or that it did not fail.

Rules find. A model is asked only what they cannot decide: whether a doubtful finding is excused (closed_question.py) and, if
you want it, how a run failed in which nothing was found (open_question.py).

Calls      none if the rules are sure, or without a language model; else one a doubtful finding, at most `most_questions`, and
           with `open_question` one more if no finding stands.
Source     the modes of Agent Failure Classifier (2026); see failure_judge/modes.py and failure_judge/rules.py.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from dspy_programs.model_in_use import model_in_use
from dspy_programs.predict import Failure, FewShot, Program, Result, ask
from dspy_programs.programs.failure_judge.closed_question import ConfirmFinding, doubt_in, question_of, settled
from dspy_programs.programs.failure_judge.finding import Finding
from dspy_programs.programs.failure_judge.modes import REMEDIES
from dspy_programs.programs.failure_judge.open_question import JudgeFailure, claimed, whole_run
from dspy_programs.programs.failure_judge.rules import LIKELY, SURE, Ruling, findings_of, first_step, ruling
from dspy_programs.programs.failure_judge.trace_view import View
from dspy_programs.types import FailureMode, Trace, Turn

_NOTHING_STANDS = ("none", "UNKNOWN")  # verdicts of a run in which no finding stands


class FailureJudgeResult(Result):
    """The verdict on one run."""

    mode: FailureMode
    """How the run failed, "none" if it did not."""
    turn: int | None
    """The `turn_number` that failed first, None for "none"; for "UNKNOWN" where to begin reading, or None."""
    cause: str
    """What went wrong, one sentence with the evidence in it."""
    evidence: str
    """The evidence by itself: words of the run, or the model's; "" where nothing shows."""
    fixes: list[str]
    """What would fix it, the most useful first."""
    confidence: float
    """How sure the verdict is, a share in [0, 1]."""
    findings: list[Finding]
    """What the rules saw and a model did not deny, the strongest first."""


class FailureJudge(Program):
    """Blames one turn of a run, or none."""

    def __init__(self, window: int = 600, most_questions: int = 2, open_question: bool = False) -> None:
        """Make a judge.

        Args:
            window: Characters of the run shown to a model in one question; raise it for models that read fast.
            most_questions: Maximum questions about doubtful findings of one run.
            open_question: Leave more to the model, as suits a large one: ask also about findings that the rules would report,
                and how a run failed in which no finding stands.
        """
        super().__init__()
        self.window, self.most_questions, self.open_question = window, most_questions, open_question
        self.confirm = FewShot(ConfirmFinding)
        self.judge = FewShot(JudgeFailure)

    def of(self, trace: Trace | Mapping[str, object]) -> FailureJudgeResult:
        """Judge a whole trace.

        Args:
            trace: A Trace, or a mapping of its fields.

        Returns:
            The verdict, as for the fields one by one.

        Raises:
            ValueError: The mapping is no trace.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        known = trace if isinstance(trace, Trace) else Trace.model_validate(trace)
        findings = findings_of(View(known))
        return self.settle(known, findings, ruling(findings, known.is_successful, first_step(known.turns)))

    def forward(
        self,
        goal: str,
        turns: Sequence[Turn | Mapping[str, object]],
        final_result: str | None = None,
        is_successful: bool | None = None,
        tools: Sequence[str] | None = None,
        error: str | None = None,
    ) -> FailureJudgeResult:
        """Determine how a run failed and at which turn first, or that it did not.

        Args:
            goal: What the agent was asked to do.
            turns: The run in time order, any number of `Turn`s or mappings of their fields.
            final_result: The answer, if it is not the last turn.
            is_successful: What you know about the outcome; None if unknown. A run that failed is never "none".
            tools: The names of the offered tools; None if unknown.
            error: What ended the run before its answer, an exception or a limit; None if nothing did.

        Returns:
            The verdict, together with the rules' findings.

        Raises:
            ValueError: A turn is invalid.
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        fields = {"original_goal": goal, "turns": typed(turns), "final_result": final_result, "tools": tools}
        return self.of(Trace.model_validate({**fields, "is_successful": is_successful, "error": error}))

    if TYPE_CHECKING:
        __call__ = forward

    def settle(self, trace: Trace, findings: Sequence[Finding], ruled: Ruling) -> FailureJudgeResult:
        """Return the verdict on what the rules have found, asking the model in use, if any, where they are not sure.

        Args:
            trace: The run.
            findings: What `findings_of` returned for it.
            ruled: What `ruling` made of them.

        Returns:
            The verdict, together with the findings.

        Raises:
            ModelLost: This thread cannot see the model that another thread chose with `use`.
        """
        if not self.asks(trace, findings, ruled) or model_in_use(self.confirm.lm) is None:
            return _answer(ruled, findings, "rules")
        found = self._confirmed(trace, findings, ruled)
        if self.open_question and not isinstance(found, Failure) and found.ruled.mode in _NOTHING_STANDS:
            found = self._told(trace, found)
        return _answer(ruled, findings, "rules", found) if isinstance(found, Failure) else _answer(*found)

    def asks(self, trace: Trace, findings: Sequence[Finding], ruled: Ruling) -> bool:
        """Return whether `settle` asks the model in use anything about this run."""
        if ruled.sure or not trace.turns:
            return False
        is_open = self.open_question and ruled.mode in _NOTHING_STANDS
        return is_open or (self.most_questions > 0 and doubt_in(findings, ruled, (), self._believed) is not None)

    @property
    def _believed(self) -> float:
        """The confidence from which a finding needs no opinion of the model."""
        return SURE if self.open_question else LIKELY

    def _confirmed(self, trace: Trace, findings: Sequence[Finding], ruled: Ruling) -> "_Settled | Failure":
        """Ask about doubtful findings, one after the other, until one is confirmed."""
        asked: list[Finding] = []
        found = _Settled(ruled, findings, "rules")
        while len(asked) < self.most_questions:
            if (doubt := doubt_in(found.findings, found.ruled, asked, self._believed)) is None:
                break
            reply = ask(self.confirm, **question_of(trace, doubt, self.window))
            if isinstance(reply, Failure):
                return reply
            asked.append(doubt)
            if reply.answer != "cannot tell":
                standing = settled(found.findings, doubt, reply.answer == "no")
                found = _Settled(ruling(standing, trace.is_successful, first_step(trace.turns)), standing, "model")
            if reply.answer == "no":
                break
        return found

    def _told(self, trace: Trace, found: "_Settled") -> "_Settled | Failure":
        """Ask how a run failed in which no finding stands."""
        inputs, shown = whole_run(trace, self.window)
        reply = ask(self.judge, **inputs)
        if isinstance(reply, Failure):
            return reply
        told = claimed(reply.verdict, shown, found.findings)
        return found if told is None else _Settled(told, found.findings, "model")


class _Settled(NamedTuple):
    """A verdict, the findings that stand, and whose word it is."""

    ruled: Ruling
    findings: Sequence[Finding]
    answered_by: Literal["model", "rules"]


def typed(turns: Sequence[Turn | Mapping[str, object]]) -> list[Turn]:
    return [turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in turns]


def _answer(
    ruled: Ruling, findings: Sequence[Finding], answered_by: Literal["model", "rules"], failure: Failure | None = None
) -> FailureJudgeResult:
    remedy = REMEDIES[ruled.mode]
    return FailureJudgeResult(
        mode=ruled.mode,
        turn=ruled.turn,
        cause=remedy.cause.format(evidence=ruled.evidence),
        evidence=ruled.evidence,
        fixes=remedy.fixes_for(ruled.evidence),
        confidence=round(ruled.confidence, 2),
        findings=list(findings),
        answered_by=answered_by,
        failure=failure,
    )
