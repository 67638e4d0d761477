"""One search as a function: a program and its data in, every candidate that was scored on validation out.

Holds      given the models' answers, the result is a function of its arguments: threads, time and restarts change nothing.
Source     GEPA (Agrawal et al. 2025), as `dspy.GEPA` has it; this file adds what a run needs around it.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy
import numpy as np

from dspy_programs.errors import ModelFailing, RunInterrupted
from dspy_programs.lm.adapter import CompleteJSONAdapter
from metrics.score import Metric, for_gepa
from optimizers.demonstrations import Demonstrate, with_demonstrations
from optimizers.meter import Budget, Meter
from optimizers.proposers import CountedProposer, proposer_for
from optimizers.scoring import score_rows

MINIBATCH = 3  # rows looked at for one proposal
UNREADABLE_REPLIES = 12  # in a row: the model is broken, not the prompt
IDLE_ITERATIONS = 30  # in a row without one new call: every row is perfect, or every idea has been tried
WITHOUT_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class Candidate:
    """One program that was scored on validation; number 0 is the seed. `metric_calls` had been made when it was found."""

    index: int
    parents: tuple[int, ...]
    instructions: Mapping[str, str]
    demonstrations: tuple[str, ...]  # ids of the rows it shows
    scores: tuple[float, ...]
    metric_calls: int

    @property
    def score(self) -> float:
        """Mean over the validation rows, in [0, 1]."""
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True)
class CompileResult:
    """Every candidate in the order found, why the search ended, and how many of GEPA's proposals were accepted."""

    candidates: tuple[Candidate, ...]
    ended_by: str
    proposals: int
    accepted: int

    @property
    def seed(self) -> Candidate:
        return self.candidates[0]

    @property
    def winner(self) -> Candidate:
        """The best on validation where it gained more over the seed than the gain's standard error, else the seed.

        The one-standard-error rule (Breiman et al. 1984): a smaller gain is as likely luck, and the seed is simpler.
        """
        best = best_of(self.candidates)
        return best if best.score - self.seed.score > standard_error(best.scores, self.seed.scores) else self.seed


@dataclass(frozen=True)
class Job:
    """What is to be compiled: the program, its metric, its rows, and how a row is shown as a demonstration."""

    program: dspy.Module
    metric: Metric
    trainset: Sequence[dspy.Example]
    valset: Sequence[dspy.Example]
    demonstrations: Sequence[dspy.Example]
    demonstrate: Demonstrate

    def candidate(self, candidate: Candidate) -> dspy.Module:
        """Build the program that a candidate stands for."""
        shown = [row for row in self.demonstrations if row.id in candidate.demonstrations]
        program = with_demonstrations(self.program, shown, self.demonstrate)
        for name, predictor in program.named_predictors():
            predictor.signature = predictor.signature.with_instructions(candidate.instructions[name])
        return program


def best_of(candidates: Sequence[Candidate]) -> Candidate:
    """Return the best on validation; of equals the oldest, so the seed stays unless it is beaten."""
    return max(candidates, key=lambda candidate: (candidate.score, -candidate.index))


def standard_error(scores: Sequence[float], others: Sequence[float]) -> float:
    """Return the standard error of the mean of paired differences; 0.0 for a single row."""
    differences = np.subtract(scores, others)
    return float(differences.std(ddof=1) / np.sqrt(len(differences))) if len(differences) > 1 else 0.0


def compile_program(
    job: Job,
    *,
    task_lm: dspy.LM,
    reflection_lm: dspy.LM,
    budget: Budget,
    meter: Meter,
    seed: int = 0,
    threads: int = 1,
    proposer: CountedProposer | None = None,
    on_candidate: Callable[[Candidate], None] = lambda candidate: None,
) -> CompileResult:
    """Try the seed with and without demonstrations, then let GEPA rewrite the instructions of the better one.

    proposer: who rewrites instructions; by default what suits the reflection model.
    Ends when the budget is used or the meter is stopped.
    Raises ModelFailing when a model keeps failing; RunInterrupted when stopped before the seed was scored.
    """
    watch = Watch(meter, budget, on_candidate)
    proposer = proposer or proposer_for(reflection_lm, "auto", meter)
    try:
        start = try_starts(job, task_lm, meter, threads, watch)
        gepa = dspy.GEPA(
            metric=counted(job.metric, meter, already=len(job.valset)),
            max_metric_calls=watch.calls_left() + len(job.valset),
            reflection_minibatch_size=MINIBATCH,
            reflection_lm=reflection_lm,
            instruction_proposer=proposer,
            use_merge=len(job.program.predictors()) > 1,
            num_threads=threads,
            seed=seed,
            gepa_kwargs={"callbacks": [watch], "stop_callbacks": [watch.should_stop]},
        )
        with dspy.context(lm=task_lm, adapter=CompleteJSONAdapter(), disable_history=True):
            gepa.compile(job.candidate(start), trainset=list(job.trainset), valset=list(job.valset))
    except Exception:
        if not meter.stopped:
            raise  # a bug keeps its traceback; what follows from a stop has its reason in the meter
    if meter.reason is not None and not (isinstance(meter.reason, RunInterrupted) and watch.candidates):
        raise meter.reason
    accepted = len(watch.candidates) - watch.starts
    return CompileResult(tuple(watch.candidates), watch.ended_by, proposer.count, accepted)


def try_starts(job: Job, lm: dspy.LM, meter: Meter, threads: int, watch: "Watch") -> Candidate:
    """Score the seed as it was written, and with the demonstrations; return the better one."""
    shown = tuple(row.id for row in job.demonstrations)
    for demonstrations in ((), shown) if shown else ((),):
        if watch.candidates and (watch.should_stop(None) or not watch.calls_left()):
            break
        instructions = {name: p.signature.instructions for name, p in job.program.named_predictors()}
        parents = tuple(candidate.index for candidate in watch.candidates)
        candidate = Candidate(len(watch.candidates), parents, instructions, demonstrations, (0.0,), 0)
        scores = score_rows(job.candidate(candidate), job.valset, job.metric, lm, meter, threads)
        watch.spent += len(job.valset)
        values = tuple(score.value for score in scores)
        watch.add(dataclasses.replace(candidate, scores=values, metric_calls=watch.spent))
        watch.starts += 1
    watch.start = best_of(watch.candidates)
    return watch.start


class Watch:
    """GEPA's callback and stopper: collects candidates, and ends the run when the meter says so."""

    def __init__(self, meter: Meter, budget: Budget, on_candidate: Callable[[Candidate], None]) -> None:
        self.meter, self.budget, self.on_candidate = meter, budget, on_candidate
        self.candidates: list[Candidate] = []
        self.start: Candidate | None = None
        self.starts = 0
        self.calls = 0
        self.idle = 0
        self.spent = 0
        self.ended_by = f"{budget.metric_calls} metric calls"

    def add(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)
        self.on_candidate(candidate)

    def calls_left(self) -> int:
        return max(0, (self.budget.metric_calls or WITHOUT_LIMIT) - self.spent)

    def on_budget_updated(self, event: Mapping[str, Any]) -> None:
        self.spent += event["metric_calls_delta"]

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        """Take over a candidate of GEPA's; its number 0 is the start, which is known already."""
        if self.meter.stopped or event["candidate_idx"] == 0:
            return  # of a stopped run, some scores stand for calls that were never made
        assert self.start is not None
        before = len(self.candidates) - event["candidate_idx"]
        self.add(
            Candidate(
                index=len(self.candidates),
                parents=tuple(self.start.index if parent == 0 else before + parent for parent in event["parent_ids"]),
                instructions=dict(event["candidate"]),
                demonstrations=self.start.demonstrations,
                scores=tuple(float(score) for _, score in sorted(event["scores_by_val_id"].items())),
                metric_calls=self.spent,
            )
        )

    def should_stop(self, gepa_state: Any) -> bool:
        limit = self.meter.exceeds(self.budget)
        self.idle = self.idle + 1 if self.calls == self.meter.calls else 0
        self.calls = self.meter.calls
        if self.idle >= IDLE_ITERATIONS:
            limit = "having nothing left to mend"
        if self.meter.stopped or limit:
            self.ended_by = limit or "a signal"
            return True
        return False


def counted(metric: Metric, meter: Meter, already: int) -> Callable[..., dspy.Prediction]:
    """Give the metric GEPA's shape; count rollouts, and stop when no reply can be read any more.

    `already`: GEPA scores its start on so many rows, which has been done; the journal answers, and it does not count.
    """
    plain = for_gepa(metric)
    unreadable = 0
    meter.rollouts -= already

    def gepa_metric(
        gold: dspy.Example,
        pred: dspy.Prediction,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
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
