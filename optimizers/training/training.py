"""Train one program, from its rows to its compiled JSON: check, preflight, search, test, and put a better result into use.

Nothing is spent before the data is read and both models have given one usable answer. The result stays in the run's folder;
it is put into use only if it beats, on the same rows, what `load` returns now.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.atomic_file import require_writable, write_atomically
from dspy_programs.cluster import spread
from dspy_programs.errors import BudgetSpent, ModelFailing, RunInterrupted, RunLocked, UsageError
from dspy_programs.lm import is_embedded, prepare, running_on
from dspy_programs.registry import is_own
from dspy_programs.text import quantity
from metrics.score import Score
from optimizers.calls import Budget, Journal, Meter, Progress, clock, noise_to, recorded
from optimizers.promotion import checked_place
from optimizers.scoring import calls_of, failure_feedback, failure_in, judged, predicted
from optimizers.search import (
    IN_USE,
    Candidate,
    CompileResult,
    Job,
    NoNewRule,
    RowBudget,
    compile_job,
    kinds_for,
    proposer_of,
    winner_of,
)
from optimizers.training.conclusion import Report, as_lineage, concluded, standing, test_scores
from optimizers.training.job import compiled_starts, job_of, remember_compiled
from optimizers.training.run_directory import (
    CANDIDATES,
    MENDED,
    PROGRESS,
    RunDirectory,
    changes,
    identity_of,
    is_new,
    require_same,
)
from optimizers.training.settings import Training

_STOPPING = "\nstopping: finishing the current call; results so far are kept. Press again to stop at once"


def require_claimable(directory: Path, training: Training, resume: bool | None) -> None:
    """Refuse what `train_in` would refuse, and write nothing."""
    checked_place(training.recipe.name, training.task_lm.model, training.out)
    if resume is not False and not is_new(directory):
        identity = identity_for(training, directory)
        if not (is_own(training.recipe.name) and changes(directory, identity) <= MENDED):
            require_same(directory, identity)
        print("  resumes      the run in that folder: answers already paid for are replayed")


_alone = threading.Lock()  # output besides a run's own lines goes into its log, for the whole process


def train_in(directory: Path, training: Training, resume: bool | None) -> Report:
    """Claim the folder, prepare the models while the user watches, and train. Raises RunLocked during another training."""
    if not _alone.acquire(blocking=False):
        raise RunLocked("another training is running in this process; wait for it, or run this one in its own process")
    try:
        return claimed(directory, training, resume)
    finally:
        _alone.release()


def claimed(directory: Path, training: Training, resume: bool | None) -> Report:
    checked_place(training.recipe.name, training.task_lm.model, training.out)
    require_writable(training.target)
    run_directory = RunDirectory(directory, fresh=resume is False, must_exist=resume is True)
    try:
        remember_compiled(training, run_directory)
        paid = None
        if is_own(training.recipe.name):
            paid = run_directory.set_aside_where_mended(identity_for(training, directory))
        if paid:
            print(
                "the program or the metric has changed: starting a new run that reuses the answers already paid for", flush=True
            )
            write_atomically(run_directory.journal, paid.read_bytes())
            remember_compiled(training, run_directory, again=True)
        if run_directory.claim(identity_for(training, directory)):
            print("resuming an earlier run: answers already paid for are replayed", flush=True)
        else:
            for lm in (training.reflection_lm, *(() if training.cluster else (training.task_lm,))):
                prepare(lm)
        with contextlib.closing(Journal(run_directory.journal)) as journal:
            meter = Meter(limits=Budget() if training.patient else training.budget)
            return train(training, run_directory, Progress(meter, None, file=run_directory.path / PROGRESS), meter, journal)
    finally:
        run_directory.close()


def identity_for(training: Training, path: Path) -> dict[str, Any]:
    """Return the identity that the run in this folder must have to belong to this training."""
    job = job_of(training.recipe, training.rows, training.seed, training.reasoning, compiled_starts(training, path))
    models = {"task": training.task_lm, "reflection": training.reflection_lm}
    proposer = ", ".join(kinds_for(training.reflection_lm, training.proposer))
    return identity_of(training.recipe, training.rows, job, models, training.seed, proposer)


def _row_budget_of(training: Training, meter: Meter, programs: int) -> RowBudget:
    tested, transfer = len(training.rows["test"]), len(training.transfer)
    return RowBudget(training.budget, meter, tested, programs, transfer, training.patient)


def train(training: Training, run: RunDirectory, progress: Progress, meter: Meter, journal: Journal) -> Report:
    """Do everything inside a claimed run directory; see the module docstring.

    Raises ModelFailing, RunError; on a signal returns the best so far, neither tested nor put into use.
    """
    with spread(training.task_lm, training.cluster, training.threads) as task:
        asked = {"task": task, "reflection": training.reflection_lm}
        lms = {role: recorded(lm, role, journal, meter) for role, lm in asked.items()}
        return _trained(training, run, lms, progress, meter, journal)


def _trained(
    training: Training, run: RunDirectory, lms: Mapping[str, dspy.LM], progress: Progress, meter: Meter, journal: Journal
) -> Report:
    """Search, test and conclude with these models."""
    before = compiled_starts(training, run.path)
    job = job_of(training.recipe, training.rows, training.seed, training.reasoning, before)
    row_budget = _row_budget_of(training, meter, 2 + (IN_USE in before))
    with stopping_on_signals(meter), noise_to(run.log), progress.live():
        try:
            progress.phase = "first calls"
            with journal.trying():
                _preflight(training, job, lms, meter)
            _require_prices(training, meter)
            if price := _priced(row_budget):
                progress.say(price)
            progress.phase = "searching"
            result = search(training, job, lms, run, progress, row_budget)
        except BudgetSpent as limit:
            line = f"a budget of {limit} ends before one row is scored, so nothing can be compared; raise it"
            raise BudgetSpent(line) from limit
        progress.phase = "testing"
        now = standing(training, job, result, run)
        scores, interrupted = test_scores(training, job, result, now, lms["task"], progress, row_budget)
        progress.phase = "done"
    return concluded(training, job, result, now, scores, meter, run, interrupted)


def _preflight(training: Training, job: Job, lms: Mapping[str, dspy.LM], meter: Meter) -> None:
    """Make one task call and one reflection call; both must be usable. The task call is needed later anyway.

    A program may answer a row by rules only: then the next row is tried, until the model has been asked.
    """
    program = job.build(job.starts[0].texts)
    with running_on(lms["task"]):
        for row in job.valset:
            reply, score = _first_reply(program, row, training, meter)
            if meter.roles["task"].calls:
                break
    if is_embedded(training.reflection_lm):
        return  # it has just answered, and its proposals cost nothing
    name, predictor = program.named_predictors()[0]
    seen = {key: str(value) for key, value in row.inputs().items()}
    feedback = score.feedback if score.value < 1 else "Right, but it could be shorter."  # a proposer expects a failure
    wrote = str(reply.toDict() if isinstance(reply, dspy.Prediction) else reply)
    example = {"Inputs": seen, "Generated Outputs": wrote, "Feedback": feedback}
    kind = kinds_for(training.reflection_lm, training.proposer)[0]
    proposer = proposer_of(kind, training.reflection_lm, meter)  # discarded: it has not seen a train row
    with (
        _usable(meter, f"the first proposal of {training.reflection_lm.model}", "--reflection-lm"),
        running_on(lms["reflection"]),
    ):
        with contextlib.suppress(NoNewRule):  # the reply was readable, which is all that is checked here
            proposer({name: predictor.signature.instructions}, {name: [example]}, [name])


def _first_reply(program: dspy.Module, row: dspy.Example, training: Training, meter: Meter) -> tuple[dspy.Prediction, Score]:
    """Run and score one row. Raises ModelFailing for an unreadable reply, what stopped the run, and the user's bugs."""
    with calls_of(row, meter) as calls:
        reply = predicted(program, row, calls)
        _, score = judged(row, reply, training.recipe.scorer, calls)
    if (failure := failure_in(reply)) is not None:
        what = f"the first reply of {training.task_lm.model} cannot be used"
        raise ModelFailing(f"{what}: {failure_feedback(failure)} Nothing else was spent; try another --lm")
    return reply, score


def _require_prices(training: Training, meter: Meter) -> None:
    """Refuse a budget in money that could never be reached: calls are free, or their price is unknown."""
    if training.budget.usd is not None and not meter.usd and not any(u.unpriced_calls for u in meter.roles.values()):
        raise UsageError("--max-usd: these models are free; limit --max-minutes or --max-metric-calls instead")
    for role, used in meter.roles.items():
        if training.budget.usd is not None and used.unpriced_calls:
            lm = training.task_lm if role == "task" else training.reflection_lm
            raise UsageError(f"--max-usd: DSPy has no price for {lm.model}; limit --budget-tokens or --max-minutes instead")


@contextlib.contextmanager
def _usable(meter: Meter, what: str, flag: str) -> Iterator[None]:
    """Turn a failure of the model into one line; the cause that stopped the run takes precedence."""
    try:
        yield
    except Exception as error:
        if meter.reason is not None:
            raise meter.reason from error
        reason = " ".join(str(error).split())[:400]
        raise ModelFailing(f"{what} cannot be used: {reason} Nothing else was spent; try another {flag}") from error


def search(
    training: Training,
    job: Job,
    lms: Mapping[str, dspy.LM],
    run: RunDirectory,
    progress: Progress,
    row_budget: RowBudget,
) -> CompileResult:
    found: dict[int, Candidate] = {}

    def on_candidate(candidate: Candidate) -> None:
        if not found:
            progress.say(_paced(row_budget))
        before = found.get(candidate.index)
        found[candidate.index] = candidate
        run.write(CANDIDATES, [as_lineage(each) for each in found.values()])
        progress.best = winner_of(list(found.values())).score
        progress.expected = expected(row_budget)
        if before is None or len(before.scores) < len(candidate.scores):
            progress.say(
                f"{_described(candidate)}: {candidate.score:.3f} on {quantity(len(candidate.scores), 'validation row')}"
            )

    return compile_job(
        job,
        task_lm=lms["task"],
        reflection_lm=lms["reflection"],
        budget=training.budget,
        meter=row_budget.meter,
        seed=training.seed,
        threads=training.threads,
        choice=training.proposer,
        row_budget=row_budget,
        must_beat=[start.name for start in job.starts if start.name == IN_USE],
        plateau=training.patient,
        on_candidate=on_candidate,
    )


def expected(row_budget: RowBudget) -> int | None:
    """Return how many rows will run in total, as far as the budget says."""
    left = row_budget.rows_left
    return None if left > 10**6 else row_budget.spent + left + row_budget.programs * row_budget.rows_to_test


def _priced(row_budget: RowBudget) -> str:
    """Say what the budget's rows will cost at the price of the first calls; "" if calls are free."""
    task, rows = row_budget.meter.roles["task"], expected(row_budget)
    if not task.usd or rows is None:
        return ""
    return f"price: about {rows * task.usd / task.calls:.2f} USD for {rows} rows, including the test, by DSPy's price table"


def _paced(row_budget: RowBudget) -> str:
    """Say the plan, now that a row's cost has been measured."""
    meter, left = row_budget.meter, row_budget.rows_left
    seconds = meter.answered / max(1, meter.metric_calls)
    rows = "no limit on rows" if left > 10**6 else f"{quantity(left, 'more row')} to search with"
    tested = quantity(row_budget.rows_to_test, "test row")
    most = f", at most {clock(row_budget.longest(every))} in total" if (every := expected(row_budget)) else ""
    return f"plan: a row takes about {seconds:.1f} s here: {rows}, then at most {tested} per program{most}"


def _described(candidate: Candidate) -> str:
    name = f"candidate {candidate.index} ({candidate.start})" if candidate.index else "uncompiled"
    shown = f", shows {candidate.shows}" if candidate.shows != "none" else ""
    return f"{name}{shown}{', reasons first' if candidate.reasoning else ''}"


@contextlib.contextmanager
def stopping_on_signals(meter: Meter) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run with what it has; a second one ends the process at once."""

    def stop(number: int, frame: object) -> None:
        meter.stop(RunInterrupted("stopped before the uncompiled program was scored; run the same command again to resume"))
        signal.signal(number, before[number])
        print(_STOPPING, file=sys.__stderr__, flush=True)

    in_main_thread = threading.current_thread() is threading.main_thread()  # Python allows handlers only there
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
