"""One GEPA run as a function: a program and its data in, every candidate it accepted out.

Holds      given the models' answers, the result is a function of its arguments: threads, time and restarts change nothing.
Source     GEPA (Agrawal et al. 2025), as `dspy.GEPA` has it; this file adds what a run needs around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy
from dspy.teleprompt.gepa import InstructionProposer

from dspy_programs.errors import ModelFailing, RunInterrupted
from dspy_programs.lm.adapter import CompleteJSONAdapter
from metrics.score import Metric, for_gepa
from optimizers.meter import Budget, Meter

MINIBATCH = 3  # rows looked at for one proposal
LONGEST_INSTRUCTION = 2000  # characters
UNREADABLE_REPLIES = 12  # in a row: the model is broken, not the prompt
FAILED_PROPOSALS = 6  # in a row; GEPA asks twice an iteration
WITHOUT_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class Candidate:
    """One accepted set of instructions; number 0 is the seed. `metric_calls` had been made when it was found."""

    index: int
    parents: tuple[int, ...]
    instructions: Mapping[str, str]
    scores: tuple[float, ...]
    metric_calls: int

    @property
    def score(self) -> float:
        """Mean over the validation rows, in [0, 1]."""
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True)
class CompileResult:
    """Every candidate in the order found, and why the search ended."""

    candidates: tuple[Candidate, ...]
    ended_by: str
    proposals: int

    @property
    def seed(self) -> Candidate:
        return self.candidates[0]

    @property
    def winner(self) -> Candidate:
        """The best on validation; of equals the oldest, so the seed stays unless it is beaten."""
        return max(self.candidates, key=lambda candidate: (candidate.score, -candidate.index))


def compile_program(
    program: dspy.Module,
    metric: Metric,
    trainset: Sequence[dspy.Example],
    valset: Sequence[dspy.Example],
    *,
    task_lm: dspy.LM,
    reflection_lm: dspy.LM,
    budget: Budget,
    meter: Meter,
    seed: int = 0,
    threads: int = 1,
    on_candidate: Callable[[Candidate], None] = lambda candidate: None,
) -> CompileResult:
    """Search for better instructions until the budget is used, the meter is stopped or nothing is left to mend.

    Raises ModelFailing when a model keeps failing; RunInterrupted when stopped before the seed was scored.
    """
    watch = Watch(meter, budget, on_candidate)
    proposer = CountedProposer(meter)
    gepa = dspy.GEPA(
        metric=counted(metric, meter),
        max_metric_calls=budget.metric_calls or WITHOUT_LIMIT,
        reflection_minibatch_size=MINIBATCH,
        reflection_lm=reflection_lm,
        instruction_proposer=proposer,
        use_merge=len(program.predictors()) > 1,
        num_threads=threads,
        seed=seed,
        gepa_kwargs={"callbacks": [watch], "stop_callbacks": [watch.should_stop]},
    )
    try:
        with dspy.context(lm=task_lm, adapter=CompleteJSONAdapter(), disable_history=True):
            gepa.compile(program, trainset=list(trainset), valset=list(valset))
    except Exception:
        if not meter.stopped:
            raise  # a bug keeps its traceback; what follows from a stop has its reason in the meter
    if meter.reason is not None and not (isinstance(meter.reason, RunInterrupted) and watch.candidates):
        raise meter.reason
    return CompileResult(tuple(watch.candidates), watch.ended_by, proposer.count)


def with_instructions(program: dspy.Module, instructions: Mapping[str, str]) -> dspy.Module:
    """Return a copy of the program with other instructions."""
    copy: dspy.Module = program.deepcopy()
    for name, predictor in copy.named_predictors():
        predictor.signature = predictor.signature.with_instructions(instructions[name])
    return copy


class Watch:
    """GEPA's callback and stopper: collects candidates, and ends the run when the meter says so."""

    def __init__(self, meter: Meter, budget: Budget, on_candidate: Callable[[Candidate], None]) -> None:
        self.meter, self.budget, self.on_candidate = meter, budget, on_candidate
        self.candidates: list[Candidate] = []
        self.ended_by = f"{budget.metric_calls} metric calls"
        self.metric_calls = 0

    def on_budget_updated(self, event: Mapping[str, Any]) -> None:
        self.metric_calls = event["metric_calls_used"]

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        if self.meter.stopped:
            return  # some of these scores stand for calls that were never made
        scores = tuple(float(score) for _, score in sorted(event["scores_by_val_id"].items()))
        candidate = Candidate(
            index=event["candidate_idx"],
            parents=tuple(event["parent_ids"]),
            instructions=dict(event["candidate"]),
            scores=scores,
            metric_calls=max(self.metric_calls, len(scores)),
        )
        self.candidates.append(candidate)
        self.on_candidate(candidate)

    def should_stop(self, gepa_state: Any) -> bool:
        limit = self.meter.exceeds(self.budget)
        if self.meter.stopped or limit:
            self.ended_by = limit or "a signal"
            return True
        return False


class CountedProposer(InstructionProposer):  # type: ignore[misc]
    """DSPy's proposer, held to a length and watched: GEPA goes on in silence when no proposal can be read."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(max_chars=LONGEST_INSTRUCTION, adapter=CompleteJSONAdapter())
        self.meter = meter
        self.count = 0
        self.failed = 0

    def __call__(
        self, candidate: dict[str, str], reflective_dataset: Mapping[str, Any], components_to_update: list[str]
    ) -> dict[str, str]:
        try:
            with dspy.context(disable_history=True):
                texts: dict[str, str] = super().__call__(candidate, reflective_dataset, components_to_update)
        except Exception as error:
            self.failed += 1
            if self.failed >= FAILED_PROPOSALS:
                reason = " ".join(str(error).split())[:200]
                self.meter.stop(ModelFailing(f"{self.failed} proposals of the reflection model in a row failed: {reason}"))
            raise
        self.count += 1
        self.failed = 0
        return texts


def counted(metric: Metric, meter: Meter) -> Callable[..., dspy.Prediction]:
    """Give the metric GEPA's shape; count rollouts, and stop when no reply can be read any more."""
    plain = for_gepa(metric)
    unreadable = 0

    def gepa_metric(
        gold: dspy.Example, pred: dspy.Prediction, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None
    ) -> dspy.Prediction:
        nonlocal unreadable
        if pred_name is None:
            meter.count_rollout()
            failure = getattr(pred, "failure", None)
            unreadable = unreadable + 1 if failure is not None else 0
            if failure is not None and unreadable >= UNREADABLE_REPLIES:
                began = failure.raw_reply[:200]
                reason = f"{unreadable} replies of the task model in a row could not be read; the last began: {began!r}"
                meter.stop(ModelFailing(reason))
        return plain(gold, pred, trace, pred_name, pred_trace)

    return gepa_metric
