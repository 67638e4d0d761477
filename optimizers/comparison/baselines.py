"""The baselines: DSPy's own optimizers and two plain ones, each given the same job and the same budget.

Guarantees every scored row is counted in the metric itself, including bootstrapping: an optimizer's own account of its
           spending is not trusted. As in GEPA, work in progress when the budget ends is finished: a search may overspend
           by at most one pass over the validation rows.
Fair       an optimizer that shows rows may show as many as ours and the same ones: rows of the train split short enough
           to be shown. A bootstrapped demonstration needs a score above 0 (DSPy's default) and a reply of the model.
Source     GEPA (Agrawal et al. 2025), BootstrapFewShotWithRandomSearch (Khattab et al. 2024), MIPROv2 (Opsahl-Ong et al.
           2024), all as implemented in DSPy.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import AdapterParseError, LMError

from dspy_programs.errors import MissingExtra
from dspy_programs.lm.replies import CompleteJSONAdapter
from metrics.score import for_gepa
from optimizers.calls import Budget, Meter
from optimizers.search import SPREAD, Job, compile_job, demonstrations_key, longest_instruction

_History = tuple[tuple[int, float], ...]

_BOOTSTRAPPED = 4  # demonstrations made from the program's own replies, DSPy's default


@dataclass(frozen=True)
class Search:
    """What an optimizer is given. `metric_calls`: how many rows it may score."""

    job: Job
    task_lm: dspy.LM
    reflection_lm: dspy.LM
    metric_calls: int
    meter: Meter
    seed: int = 0
    threads: int = 1

    @property
    def rows(self) -> list[dspy.Example]:
        """The rows that ours may show, in another order."""
        rows = list(self.job.store.rows or self.job.trainset)
        random.Random(f"{self.seed}-rows").shuffle(rows)
        return rows

    @property
    def most_shown(self) -> int:
        """How many labelled rows ours shows in one call, if it does not draw the nearest."""
        return len(self.job.store.ids(demonstrations_key(SPREAD)))


@dataclass(frozen=True)
class Found:
    """The compiled program, or why there is none; history: (metric calls, best validation score so far), if reported."""

    program: dspy.Module | None
    history: _History = ()
    failure: str = ""


_Optimizer = Callable[[Search], Found]


def optimize(name: str, search: Search) -> Found:
    """Run one of the optimizers.

    A reply that its own prompts cannot use counts as its failure and is reported. Raises what stopped the meter, even if DSPy
    swallowed it: a dead model must not look like a wrong one.
    """
    try:
        with dspy.context(lm=search.task_lm, adapter=CompleteJSONAdapter(), disable_history=True):
            found = OPTIMIZERS[name](search)
    except Exception as error:
        if search.meter.reason is not None:
            raise search.meter.reason from error
        if not isinstance(error, (LMError, AdapterParseError)):
            raise
        found = Found(None, failure=" ".join(f"{type(error).__name__}: {error}".split())[:300])
    if search.meter.reason is not None:
        raise search.meter.reason
    names = [[each for each, _ in program.named_predictors()] for program in (search.job.program, found.program) if program]
    assert names.count(names[0]) == len(names), f"{name} changed the predictors: {names}"
    return found


def _seed_program(search: Search) -> Found:
    """Do nothing: the reference for every gain."""
    return Found(_started(search.job, "seed"))


def labelled(search: Search) -> Found:
    """Show k labelled rows spread evenly over the kinds of cases; no optimizer at all."""
    return Found(_started(search.job, SPREAD if search.most_shown else "seed"))


def ours(search: Search) -> Found:
    """Run this library's `compile_job` as `train` does."""
    result = compile_job(
        search.job,
        task_lm=search.task_lm,
        reflection_lm=search.reflection_lm,
        budget=Budget(metric_calls=search.metric_calls),
        meter=search.meter,
        seed=search.seed,
        threads=search.threads,
    )
    history = _best_so_far([(each.metric_calls, each.score) for each in result.candidates if not each.fell_out])
    return Found(search.job.candidate(result.winner), history)


def _stock_gepa(search: Search) -> Found:
    """Run `dspy.GEPA` with its defaults and its own proposer, starting from the uncompiled program."""
    scored: list[tuple[int, float]] = []

    class Watch:
        def on_valset_evaluated(self, event: Mapping[str, Any]) -> None:
            scored.append((search.meter.metric_calls, float(event["average_score"])))

    plain = for_gepa(search.job.metric)

    def metric(gold: Any, pred: Any, trace: Any = None, pred_name: str | None = None, pred_trace: Any = None) -> Any:
        if pred_name is None:  # else the same row again, for its feedback
            search.meter.count_metric_call()
        return plain(gold, pred, trace, pred_name, pred_trace)

    gepa = dspy.GEPA(
        metric=metric,
        max_metric_calls=search.metric_calls,
        reflection_lm=search.reflection_lm,
        num_threads=search.threads,
        seed=search.seed,
        gepa_kwargs={"callbacks": [Watch()], "stop_callbacks": [lambda state: search.meter.stopped]},
    )
    start = _started(search.job, "seed")
    program = gepa.compile(start, trainset=list(search.job.trainset), valset=list(search.job.valset))
    return Found(program, _best_so_far(scored))


def _random_search(search: Search) -> Found:
    """Run `dspy.BootstrapFewShotWithRandomSearch`, one candidate after another until the budget is used.

    Its own draws depend only on the candidate's number, so `restrict` to one number at a time changes only when it ends.
    Bootstrapping gets as many rows as there are calls left.
    """
    student, valset, meter = _started(search.job, "seed"), list(search.job.valset), search.meter
    rows, shown, bootstrapped = shown_rows(search)
    scored: list[tuple[int, float]] = []
    best: dspy.Module | None = None
    for number in range(-3, search.metric_calls):
        left = search.metric_calls - meter.metric_calls
        if (number == -2 and not shown) or left < (bootstrapped if number > -2 else 1):
            continue  # without labelled rows to show, -2 equals -3
        few_shot = dspy.BootstrapFewShotWithRandomSearch(
            metric=_as_number(search),
            max_bootstrapped_demos=bootstrapped,
            max_labeled_demos=shown,
            num_candidate_programs=search.metric_calls,
            num_threads=search.threads,
            max_errors=len(rows) + len(valset) + 1,
        )
        drawn = rows if number <= -2 else _sample(rows, left, f"{search.seed}-{number}")
        program = few_shot.compile(student, trainset=drawn, valset=valset, restrict=[number])
        score = program.candidate_programs[0]["score"] / 100
        if best is None or score > max(value for _, value in scored):
            best = program
        scored.append((meter.metric_calls, score))
        if meter.stopped:
            break
    return Found(best, _best_so_far(scored))


def _mipro(search: Search) -> Found:
    """Run `dspy.MIPROv2` with as many trials as the budget allows passes; see `mipro_size`.

    Each trial is scored on all validation rows, as MIPROv2 itself does if there are at most 50. Raises MissingExtra.
    """
    require_optuna()
    scored: list[tuple[int, float]] = []

    class Watch(BaseCallback):
        def on_evaluate_end(self, call_id: str, outputs: Any, exception: Exception | None = None) -> None:
            if outputs is not None:
                scored.append((search.meter.metric_calls, outputs.score / 100))

    rows, shown, bootstrapped = shown_rows(search)
    trials, candidates, most = mipro_size(search.metric_calls, len(search.job.valset), bootstrapped, shown > 0)
    optimizer = dspy.MIPROv2(
        metric=_as_number(search),
        prompt_model=search.reflection_lm,
        task_model=search.task_lm,
        max_bootstrapped_demos=bootstrapped,
        max_labeled_demos=shown,
        auto=None,
        num_candidates=candidates,
        num_threads=search.threads,
        max_errors=len(rows) + len(search.job.valset) + 1,
        seed=search.seed + 1,  # it reads 0 as "none given"
        track_stats=False,  # it would overwrite a predictor named `score` with its score
    )
    adapter = CompleteJSONAdapter(longest_instruction(search.reflection_lm))  # else a small model may never end
    with dspy.context(callbacks=[Watch()], adapter=adapter):
        program = optimizer.compile(
            _started(search.job, "seed"),
            trainset=_sample(rows, most, f"{search.seed}-mipro"),
            valset=list(search.job.valset),
            num_trials=trials,
            minibatch=False,
        )
    return Found(program, _best_so_far(scored))


def mipro_size(metric_calls: int, valset: int, bootstrapped: int, labelled: bool = True) -> tuple[int, int, int]:
    """Return (trials, candidates, rows to bootstrap from) so that the last trial starts within the budget; at least one.

    At least three candidates: then the sets of demonstrations are none, labelled and bootstrapped. For more, MIPROv2
    recommends 1.5 trials each. If no reply is good enough to be shown, every given row is tried for every set. If no
    labelled rows may be shown, the second set is bootstrapped too.
    """
    first = 2 if labelled else 1  # candidates that bootstrap nothing
    trials = 1
    while valset * (trials + 1) + (candidates_for(trials + 1) - first) * bootstrapped < metric_calls:
        trials += 1
    passes = valset * (trials + 1)  # the uncompiled program is scored too
    candidates = candidates_for(trials)
    return trials, candidates, max(bootstrapped, (metric_calls + valset - passes) // (candidates - first))


def candidates_for(trials: int) -> int:
    return max(3, int(trials / 1.5))


class ShownRow(dspy.Example):
    """A row whose items are what a predictor reads and writes, and whose inputs are the program's.

    DSPy's optimizers show train rows as they are; if a program reads other fields than its predictor, that demonstrates
    nothing.
    """

    def __init__(self, base: Any = None, row: dspy.Example | None = None, **fields: Any) -> None:
        super().__init__(base, **fields)
        self._row: Any = row or getattr(base, "_row", None)  # DSPy copies an example by making another from it

    def inputs(self) -> dspy.Example:
        return self._row.inputs()


def shown_rows(search: Search) -> tuple[list[dspy.Example], int, int]:
    """Return the rows for an optimizer that shows them, how many labelled ones it may show, and how many bootstrapped.

    DSPy shows the same row to every predictor, so a program with several gets only bootstrapped demonstrations.
    """
    most = max(1, search.most_shown)
    names = [name for name, _ in search.job.program.named_predictors()]
    if len(names) > 1:
        return search.rows, 0, min(_BOOTSTRAPPED, most)
    rows = [ShownRow(dict(search.job.store.demonstrate(row)[names[0]]), row) for row in search.rows]
    return rows, search.most_shown, min(_BOOTSTRAPPED, most)


def _as_number(search: Search) -> Callable[..., float]:
    """Adapt the metric to DSPy's older optimizers; with a trace they ask whether a reply may be shown."""

    def metric(gold: dspy.Example, pred: dspy.Prediction, trace: Any = None) -> float:
        search.meter.count_metric_call()
        if trace is not None and getattr(pred, "failure", None) is not None:
            return 0.0  # the program's rules answered, because the model's reply was unreadable
        return search.job.metric(gold._row if isinstance(gold, ShownRow) else gold, pred).value

    return metric


def _started(job: Job, name: str) -> dspy.Module:
    """Build one of a search's starting programs, in the form in which the search runs it."""
    return job.build(next(start for start in job.starts if start.name == name).texts)


def _sample(rows: Sequence[dspy.Example], most: int, seed: str) -> list[dspy.Example]:
    return random.Random(seed).sample(list(rows), min(most, len(rows)))


def _best_so_far(scored: Sequence[tuple[int, float]]) -> _History:
    return tuple((calls, max(score for _, score in scored[: i + 1])) for i, (calls, _) in enumerate(scored))


def require_optuna() -> None:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtra('MIPROv2 needs optuna; install it: pip install "dspy-programs[benchmark]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


OPTIMIZERS: Mapping[str, _Optimizer] = {
    "seed": _seed_program,
    "labelled": labelled,
    "dspy.GEPA": _stock_gepa,
    "BootstrapFewShotWithRandomSearch": _random_search,
    "MIPROv2": _mipro,
    "ours": ours,
}
