"""One search as a function: a program and its data in, every candidate that was scored on validation out.

Holds      given the models' answers, the result is a function of its arguments: threads, time and restarts change nothing.
Source     GEPA (Agrawal et al. 2025), as `dspy.GEPA` has it; this file adds what a run needs around it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy

from dspy_programs.errors import ModelFailing, RunInterrupted
from dspy_programs.few_shot import shown_length
from dspy_programs.lm.adapter import CompleteJSONAdapter
from metrics.score import Metric, for_gepa
from optimizers.demonstrations import Demonstrate, Start, with_instructions
from optimizers.meter import Budget, Meter
from optimizers.minibatch import HardRows
from optimizers.proposers import CountedProposer, proposer_for
from optimizers.race import race, standard_error
from optimizers.scoring import score_rows

MINIBATCH = 3  # rows looked at for one proposal
UNREADABLE_REPLIES = 12  # in a row: the model is broken, not the prompt
PLATEAU = 40  # iterations in a row without a better candidate
IDLE_ITERATIONS = 30  # in a row without one new call: every row is perfect, or every idea has been tried
WITHOUT_LIMIT = 1_000_000_000


@dataclass(frozen=True)
class Candidate:
    """One program that was scored on validation; number 0 is the seed. `metric_calls` had been made when it was found.

    start: the name of the demonstrations it shows; scores: of the first validation rows, all of them unless it fell out
    of the race; shown: characters of the demonstrations that one call shows.
    """

    index: int
    parents: tuple[int, ...]
    instructions: Mapping[str, str]
    start: str
    demonstrations: tuple[str, ...]  # ids of the rows it shows or draws from
    scores: tuple[float, ...]
    shown: int
    metric_calls: int

    @property
    def score(self) -> float:
        """Mean over the validation rows it was scored on, in [0, 1]."""
        return sum(self.scores) / len(self.scores)

    @property
    def length(self) -> int:
        """Characters of its prompt that are the same in every call, or of the same number."""
        return self.shown + sum(map(len, self.instructions.values()))


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
    """What is to be compiled: the program, its metric, its rows, and the demonstrations it may begin with.

    trainset: rows that proposals are made from; shown: the rows that may be demonstrations, none of them in both.
    """

    program: dspy.Module
    metric: Metric
    trainset: Sequence[dspy.Example]
    valset: Sequence[dspy.Example]
    shown: Sequence[dspy.Example]
    demonstrate: Demonstrate
    starts: Sequence[Start]

    def candidate(self, candidate: Candidate) -> dspy.Module:
        """Build the program that a candidate stands for."""
        start = next(start for start in self.starts if start.name == candidate.start)
        return with_instructions(start.program, candidate.instructions)


def best_of(candidates: Sequence[Candidate]) -> Candidate:
    """Return the best of those scored on all rows; of equals the one with the shorter prompt, then the oldest."""
    rows = len(candidates[0].scores)
    whole = [candidate for candidate in candidates if len(candidate.scores) == rows]
    return max(whole, key=lambda candidate: (candidate.score, -candidate.length, -candidate.index))


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
    """Race the seed with several sets of demonstrations, then let GEPA rewrite the instructions of the best one.

    proposer: who rewrites instructions; by default what suits the reflection model.
    Ends when the budget is used or the meter is stopped.
    Raises ModelFailing when a model keeps failing; RunInterrupted when stopped before the seed was scored.
    """
    watch, sampler = Watch(meter, budget, on_candidate), HardRows(MINIBATCH, seed)
    proposer = proposer or proposer_for(reflection_lm, "auto", meter)
    try:
        start = race_starts(job, task_lm, meter, threads, watch)
        gepa = dspy.GEPA(
            metric=counted(job.metric, meter, already=len(job.valset)),
            max_metric_calls=watch.calls_left() + len(job.valset),
            reflection_minibatch_size=None,  # what the sampler is made for
            reflection_lm=reflection_lm,
            instruction_proposer=proposer,
            use_merge=len(job.program.predictors()) > 1,
            num_threads=threads,
            seed=seed,
            gepa_kwargs={
                "callbacks": [watch, sampler],
                "stop_callbacks": [watch.should_stop],
                "batch_sampler": sampler,
                "frontier_type": "hybrid",  # the best on a row, and the best at a component of the metric
            },
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


def race_starts(job: Job, lm: dspy.LM, meter: Meter, threads: int, watch: "Watch") -> Candidate:
    """Score the seed on validation, then race the other starts against it; return the best of all."""
    instructions = {name: predictor.signature.instructions for name, predictor in job.program.named_predictors()}
    starts = {start.name: start for start in job.starts}

    def run(name: str, rows: Sequence[dspy.Example]) -> tuple[float, ...]:
        program = with_instructions(starts[name].program, instructions)
        scores = score_rows(program, rows, job.metric, lm, meter, threads)
        watch.spent += len(rows)
        return tuple(score.value for score in scores)

    def add(start: Start, scores: tuple[float, ...]) -> None:
        parents = (0,) if watch.candidates else ()
        index, shown = len(watch.candidates), max(shown_length(p.demos) for p in start.program.predictors())
        watch.add(Candidate(index, parents, instructions, start.name, start.rows, scores, shown, watch.spent))
        watch.starts += 1

    seed, *others = job.starts
    reference = run(seed.name, job.valset)
    add(seed, reference)
    names = [start.name for start in others]
    for name, scores in race(names, job.valset, reference, run, watch.may_race, watch.calls_left()).items():
        if scores:
            add(starts[name], scores)
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
        self.tried = 0
        self.spent = 0
        self.ended_by = f"{budget.metric_calls} metric calls"

    def add(self, candidate: Candidate) -> None:
        self.candidates.append(candidate)
        self.on_candidate(candidate)

    def may_race(self, racers: int) -> bool:
        return not self.should_stop(None) and self.calls_left() >= racers

    def calls_left(self) -> int:
        return max(0, (self.budget.metric_calls or WITHOUT_LIMIT) - self.spent)

    def on_budget_updated(self, event: Mapping[str, Any]) -> None:
        self.spent += event["metric_calls_delta"]

    def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
        """Take over a candidate of GEPA's; its number 0 is the start, which is known already."""
        if self.meter.stopped or event["candidate_idx"] == 0:
            return  # of a stopped run, some scores stand for calls that were never made
        assert self.start is not None
        self.tried = 0
        before = len(self.candidates) - event["candidate_idx"]
        self.add(
            Candidate(
                index=len(self.candidates),
                parents=tuple(self.start.index if parent == 0 else before + parent for parent in event["parent_ids"]),
                instructions=dict(event["candidate"]),
                start=self.start.start,
                demonstrations=self.start.demonstrations,
                scores=tuple(float(score) for _, score in sorted(event["scores_by_val_id"].items())),
                shown=self.start.shown,
                metric_calls=self.spent,
            )
        )

    def should_stop(self, gepa_state: Any) -> bool:
        limit = self.meter.exceeds(self.budget)
        self.idle = self.idle + 1 if self.calls == self.meter.calls else 0
        self.calls = self.meter.calls
        if self.idle >= IDLE_ITERATIONS:
            limit = "having nothing left to mend"
        self.tried += 1
        if self.tried > PLATEAU:
            limit = limit or f"{PLATEAU} proposals in a row that were no better"
        if gepa_state is not None and self.calls_left() < 2 * MINIBATCH:
            limit = limit or f"{self.budget.metric_calls} metric calls"
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
