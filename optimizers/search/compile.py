"""One search as a function: takes a job, two models and a budget; returns every candidate compared on validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import dspy

from dspy_programs.lm import is_embedded
from optimizers.calls import Budget, Meter
from optimizers.scoring import Runner
from optimizers.search.adapter import ProgramAdapter
from optimizers.search.candidate import (
    REASONING,
    SHOWN,
    Candidate,
    Job,
    described,
    is_only_near,
    prompt_length,
)
from optimizers.search.changes import changes_for
from optimizers.search.proposers import Choice
from optimizers.search.race import MIN_ROWS, is_behind, support
from optimizers.search.row_budget import RowBudget
from optimizers.search.search import SHARES, SHARES_OF_SMALL, Node, Search


@dataclass(frozen=True)
class Tried:
    """One kind of change: how often it was tried, how often the result was better on validation, the rows it took."""

    tried: int
    accepted: int
    rows: int
    closed: str = ""


@dataclass(frozen=True)
class CompileResult:
    """Every candidate in the order found, why the search ended, and the results of each kind of change."""

    candidates: tuple[Candidate, ...]
    ended_by: str
    tried: Mapping[str, Tried]

    @property
    def seed(self) -> Candidate:
        return self.candidates[0]

    @property
    def winner(self) -> Candidate:
        return winner_of(self.candidates)

    @property
    def unfinished(self) -> bool:
        """Whether a candidate was ahead of the seed, but on too few rows to be sure."""
        gains = [each for each in self.candidates if each.index and not each.fell_out and each.score > self.seed.score]
        return not self.winner.index and bool(gains)

    @property
    def proposals(self) -> int:
        return sum(each.tried for each in self.tried.values())

    @property
    def accepted(self) -> int:
        return sum(each.accepted for each in self.tried.values())


def winner_of(candidates: Sequence[Candidate]) -> Candidate:
    """Return the candidate whose gain over the seed is best supported by the rows that both were scored on, else the seed.

    A gain counts minus its standard error (race.support). Among equals, the one with the shorter prompt wins, then the
    oldest. One that shows demonstrations only to calls like them wins if it is within a standard error of the best: on other
    calls it is the seed, while fixed demonstrations can lose there (Breiman's rule: the simplest of those).
    """
    seed = candidates[0]
    fewest = min(MIN_ROWS, len(seed.scores))
    rank = {each.index: (support(each.scores, seed.scores), -each.length, -each.index) for each in candidates}
    able = [each for each in candidates if not each.fell_out and len(each.scores) >= fewest and rank[each.index][0] > 0]
    best = max(able, key=lambda each: rank[each.index], default=seed)
    near = [each for each in able if each.only_near and not is_behind(each.scores, best.scores)]
    return max(near, key=lambda each: rank[each.index], default=best)


def compile_job(
    job: Job,
    *,
    task_lm: dspy.LM,
    reflection_lm: dspy.LM,
    budget: Budget,
    meter: Meter,
    seed: int = 0,
    threads: int = 1,
    choice: Choice = "auto",
    row_budget: RowBudget | None = None,
    must_beat: Sequence[str] = (),
    plateau: bool = False,
    on_candidate: Callable[[Candidate], None] = lambda candidate: None,
) -> CompileResult:
    """Search for a better program; see search.py.

    choice: who rewrites instructions; row_budget: how the budget is counted, by default for the search only; must_beat:
    starts that the winner is compared with on the same rows, besides the seed; plateau: end when nothing better is found.
    Raises ModelFailing if a model keeps failing; RunInterrupted or BudgetSpent if stopped before the seed was scored on any
    row; whatever the program or the metric raises.
    """
    adapter = ProgramAdapter(job, Runner(task_lm, meter, threads))
    search = Search(
        job,
        adapter,
        changes_for(job, reflection_lm, choice, meter, adapter.records),
        row_budget or RowBudget(budget, meter),
        seed=seed,
        must_beat=must_beat,
        plateau=plateau,
        shares=SHARES_OF_SMALL if is_embedded(task_lm) else SHARES,
        on_node=lambda node: on_candidate(candidate_of(job, node)),
    )
    search.run()
    tried = {arm.name: Tried(arm.tried, arm.accepted, arm.rows, arm.closed) for arm in search.arms}
    return CompileResult(tuple(candidate_of(job, node) for node in search.nodes), search.ended_by, tried)


def candidate_of(job: Job, node: Node) -> Candidate:
    ids = dict.fromkeys(id_ for name in job.predictors for id_ in job.store.ids(node.texts[name + SHOWN]))
    return Candidate(
        index=node.index,
        parents=node.parents,
        start=node.start,
        shows=described(job, node.texts),
        instructions={name: node.texts[name] for name in job.predictors},
        demonstrations=tuple(ids),
        reasoning=bool(node.texts.get(REASONING)),
        scores=tuple(node.validation),
        fell_out=node.fell_out,
        shown=prompt_length(job, node.texts),
        only_near=is_only_near(job, node.texts),
        metric_calls=node.found_at,
        texts=dict(node.texts),
    )
