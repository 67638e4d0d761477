"""Train one program from its rows to its compiled JSON: check, preflight, compile, test, keep the better one.

Nothing is spent before the data is read and both models have given one answer that could be used.
"""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import dspy
import numpy as np

from dspy_programs import compiled_store as store
from dspy_programs.errors import CompiledProgramError, DatasetError, ModelFailing, RunInterrupted, UsageError
from dspy_programs.lm import decoding, use
from metrics.score import Score
from optimizers.card import card_of
from optimizers.compile import Candidate, CompileResult, Job, best_of, compile_program
from optimizers.data import SPLITS, read_split
from optimizers.demonstrations import POOL, choose, starts
from optimizers.journal import Journal
from optimizers.meter import Budget, Meter
from optimizers.progress import Progress, noise_to
from optimizers.proposers import Choice, NoNewRule, kind_for, proposer_for
from optimizers.recipes import Recipe
from optimizers.recorded import recorded
from optimizers.run_directory import RunDirectory, digest
from optimizers.scoring import Interval, bootstrap, score_rows

PROPOSAL_ROWS = 40  # of the train split, at most a quarter: GEPA proposes from these, demonstrations are made of the rest

Rows = Mapping[str, Sequence[dspy.Example]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Training:
    """What one run is asked to do."""

    recipe: Recipe
    rows: Rows
    task_lm: dspy.LM
    reflection_lm: dspy.LM
    budget: Budget
    seed: int
    threads: int
    out: Path
    proposer: Choice = "auto"
    reasoning: bool = False


@dataclass(frozen=True)
class Report:
    """What a run found. Scores are shares in [0, 1]; intervals are 95 % bootstrap over the test rows."""

    candidates: tuple[Candidate, ...]
    kept: str
    ended_by: str
    proposals: int
    accepted: int
    test: dict[str, Interval]
    components: dict[str, dict[str, float]]
    used: dict[str, Any]
    saved: Path | None
    notes: tuple[str, ...] = field(default=())


def read_rows(recipe: Recipe, directory: Path, sizes: Mapping[str, int | None]) -> Rows:
    """Read and check all three splits; take the first so many of each. Raises DatasetError on the first bad row."""
    rows = {split: read_split(directory / f"{split}.jsonl", recipe.program, recipe.labels) for split in SPLITS}
    shared = {row.id for row in rows["test"]} & {row.id for split in ("train", "val") for row in rows[split]}
    if shared:
        raise DatasetError(f"{directory}: row {sorted(shared)[0]!r} is in test and in another split; test must stay unseen")
    return {split: examples[: sizes.get(split)] for split, examples in rows.items()}


def default_out(module: str, spec: str) -> Path:
    """Return where `load` looks for what a user has compiled."""
    return store.user_directory() / module / f"{store.file_name(spec)}.json"


def rollouts_expected(training: Training) -> int | None:
    """Say how many rows will be run, as far as the budget tells: the search, and seed and winner on test."""
    calls = training.budget.metric_calls
    return None if calls is None else calls + 2 * len(training.rows["test"])


def train(training: Training, run: RunDirectory, progress: Progress, meter: Meter, journal: Journal) -> Report:
    """Do all of it inside a claimed run directory; see the head of this file.

    Raises ModelFailing, RunError; on a signal returns the best so far, saved without test scores.
    """
    lms = {
        role: recorded(lm, role, journal, meter)
        for role, lm in (("task", training.task_lm), ("reflection", training.reflection_lm))
    }
    job = job_of(training.recipe, training.rows, training.seed, training.reasoning)
    with stopping_on_signals(meter), noise_to(run.log), progress.shown():
        progress.phase = "first calls"
        preflight(training, job.program, lms, meter)
        require_prices(training, meter)
        progress.phase = "compiling"
        result = search(training, job, lms, run, progress, meter)
        progress.phase = "testing"
        scores = test_scores(training, job, result, lms["task"], progress, meter)
        progress.phase = "done"
    report = report_of(training, result, scores, meter)
    if report.saved:
        save(training, job, result, report)
    run.write("report.json", as_json(report))
    return report


def job_of(recipe: Recipe, rows: Rows, seed: int, reasoning: bool = False) -> Job:
    """Keep the rows that may be shown out of those that proposals are made from. reasoning: try chain of thought too."""
    train = rows["train"]
    cut = len(train) - min(PROPOSAL_ROWS, max(1, len(train) // 4))
    shown = choose(train[:cut], recipe.demonstrate, recipe.kind, POOL, seed)
    begun = starts(recipe.program(), shown, recipe.demonstrate, recipe.demonstrations, reasoning)
    return Job(recipe.program(), recipe.metric, train[cut:], rows["val"], shown, recipe.demonstrate, begun)


def preflight(training: Training, program: dspy.Module, lms: Mapping[str, dspy.LM], meter: Meter) -> None:
    """Make one task call and one reflection call; both must be usable. The task call is needed later anyway.

    A program may answer a row by its rules alone: then the next row is tried, until the model has been asked.
    """
    with usable(meter, f"the first reply of {training.task_lm.model}", "--lm"), use(lms["task"]):
        for row in training.rows["val"]:
            reply = program(**row.inputs())
            if reply.failure is not None:
                raise ValueError(f"{reply.failure.reason} It began: {reply.failure.raw_reply[:200]!r}")
            if meter.roles["task"].calls:
                break
    score = training.recipe.metric(row, reply)
    name, predictor = program.named_predictors()[0]
    seen = {key: str(value) for key, value in row.inputs().items()}
    feedback = score.feedback if score.value < 1 else "Right, but it could be shorter."  # a proposer is asked about a failure
    example = {"Inputs": seen, "Generated Outputs": str(reply.toDict()), "Feedback": feedback}
    proposer = proposer_for(training.reflection_lm, training.proposer, meter)  # forgotten: what it saw is no train row
    with usable(meter, f"the first proposal of {training.reflection_lm.model}", "--reflection-lm"), use(lms["reflection"]):
        with contextlib.suppress(NoNewRule):  # it was read, and that is all that is asked here
            proposer({name: predictor.signature.instructions}, {name: [example]}, [name])


def require_prices(training: Training, meter: Meter) -> None:
    """Refuse a budget in money that could never be reached: nothing is paid, or nobody knows what a call costs."""
    if training.budget.usd is not None and not meter.usd and not any(u.unpriced_calls for u in meter.roles.values()):
        raise UsageError("--max-usd: these models cost nothing; limit --max-minutes or --max-metric-calls instead")
    for role, used in meter.roles.items():
        if training.budget.usd is not None and used.unpriced_calls:
            lm = training.task_lm if role == "task" else training.reflection_lm
            raise UsageError(f"--max-usd: DSPy has no price for {lm.model}; limit --max-tokens or --max-minutes instead")


@contextlib.contextmanager
def usable(meter: Meter, what: str, flag: str) -> Iterator[None]:
    """Turn any failure of the block into one line; what stopped the run goes before what follows from it."""
    try:
        yield
    except Exception as error:
        if meter.reason is not None:
            raise meter.reason from error
        reason = " ".join(str(error).split())[:400]
        raise ModelFailing(f"{what} cannot be used: {reason} Nothing more was spent; try another {flag}") from error


def search(
    training: Training,
    job: Job,
    lms: Mapping[str, dspy.LM],
    run: RunDirectory,
    progress: Progress,
    meter: Meter,
) -> CompileResult:
    found: list[Candidate] = []

    def on_candidate(candidate: Candidate) -> None:
        found.append(candidate)
        run.write("candidates.json", [as_lineage(each) for each in found])
        progress.best = best_of(found).score
        progress.say(f"{described(candidate)}: {candidate.score:.3f} on {len(candidate.scores)} validation rows")

    return compile_program(
        job,
        task_lm=lms["task"],
        reflection_lm=lms["reflection"],
        budget=training.budget,
        meter=meter,
        seed=training.seed,
        threads=training.threads,
        proposer=proposer_for(lms["reflection"], training.proposer, meter),
        on_candidate=on_candidate,
    )


def described(candidate: Candidate) -> str:
    name = f"candidate {candidate.index}" if candidate.index else "seed"
    shown = f", {candidate.start} {len(candidate.demonstrations)} demonstrations" if candidate.demonstrations else ""
    return f"{name}{shown}"


def test_scores(
    training: Training, job: Job, result: CompileResult, lm: dspy.LM, progress: Progress, meter: Meter
) -> dict[str, list[Score]]:
    """Read the test rows once for each of seed and winner; an interrupted run is not tested."""
    wanted = {"seed": result.seed} | ({"compiled": result.winner} if result.winner.index else {})
    rows = training.rows["test"]
    progress.expected = meter.rollouts + len(wanted) * len(rows)
    scores: dict[str, list[Score]] = {}
    with contextlib.suppress(RunInterrupted):
        for name, candidate in wanted.items():
            scores[name] = score_rows(job.candidate(candidate), rows, training.recipe.metric, lm, meter, training.threads)
        return scores
    return {}


def report_of(training: Training, result: CompileResult, scores: Mapping[str, list[Score]], meter: Meter) -> Report:
    """Put the figures together. The winner is kept only if it clearly beat the seed on validation."""
    test = {name: bootstrap([score.value for score in each]) for name, each in scores.items()}
    if "compiled" in scores:
        pairs = zip(scores["seed"], scores["compiled"], strict=True)
        test["difference"] = bootstrap([after.value - before.value for before, after in pairs])
    kept = "compiled" if result.winner.index else "seed"
    notes = []
    if result.proposals and not result.accepted:
        notes.append("no proposed instruction was better than the old on its own rows, so none was tried on validation")
    keeps_older = kept == "seed" and holds_a_better_one(training)
    if keeps_older:
        notes.append(f"{training.out} holds a compiled program of an earlier run and was left as it is")
    seconds = sum(used.seconds for used in meter.roles.values())
    output = sum(used.output_tokens for used in meter.roles.values())
    elapsed = max(meter.elapsed, seconds / training.threads)  # answers taken over from another run have their time too
    used = {
        "rollouts": meter.rollouts,
        "lm_calls": meter.calls,
        "replayed_calls": meter.replayed_calls,
        "minutes": round(elapsed / 60, 2),
        "models_at_work": round(seconds / elapsed, 3) if elapsed else 0.0,
        "tokens": meter.tokens,
        "tokens_per_second": round(meter.tokens / seconds, 1) if seconds else 0.0,
        "output_tokens_per_second": round(output / seconds, 1) if seconds else 0.0,
        "usd": round(meter.usd, 6),
        "roles": {role: asdict(each) for role, each in meter.roles.items()},
    }
    components = {name: mean_components(each) for name, each in scores.items()}
    saved = None if keeps_older else training.out
    return Report(
        result.candidates,
        kept,
        result.ended_by,
        result.proposals,
        result.accepted,
        test,
        components,
        used,
        saved,
        tuple(notes),
    )


def holds_a_better_one(training: Training) -> bool:
    """Tell whether the place for the result has a program that beat its seed: a seed never replaces one."""
    try:
        saved = store.read_compiled(training.out, training.recipe.name, training.task_lm.model)
    except CompiledProgramError:
        return False
    return saved.provenance.kept == "compiled"


def mean_components(scores: Sequence[Score]) -> dict[str, float]:
    names = dict.fromkeys(name for score in scores for name in score.components)
    return {name: round(float(np.mean([s.components.get(name, 0.0) for s in scores])), 4) for name in names}


def save(training: Training, job: Job, result: CompileResult, report: Report) -> None:
    """Write the compiled JSON with all that is needed to trust it and to make it again."""
    program, kept = job.program, job.candidate(result.winner)
    lms = {"task": training.task_lm, "reflection": training.reflection_lm}
    provenance = store.Provenance(
        schema_version=store.SCHEMA_VERSION,
        program=training.recipe.name,
        lm=training.task_lm.model,
        fields=store.shape_of(kept),
        seed_instructions_sha256={n: store.digest(text) for n, text in store.seed_instructions(program).items()},
        kept=report.kept,
        training={
            "models": {role: {"lm": lm.model, **decoding(lm)} for role, lm in lms.items()},
            "adapter": "CompleteJSONAdapter",
            "proposer": kind_for(training.reflection_lm, training.proposer),
            "metric": training.recipe.metric.__name__,
            "data": {
                split: {"rows": len(rows), "digest": digest([row.toDict() for row in rows])}
                for split, rows in training.rows.items()
            },
            "seed": training.seed,
            "winner": result.winner.index,
            "budget": asdict(training.budget),
            "used": report.used,
        },
        scores={
            "validation": {"seed": result.seed.score, "compiled": result.winner.score},
            "test": {name: asdict(interval) for name, interval in report.test.items()},
            "test_components": report.components,
        },
        lineage=[as_lineage(candidate) for candidate in result.candidates],
        versions=store.versions(),
        parent=store.digest(training.out.read_text(encoding="utf-8")) if training.out.is_file() else None,
    )
    store.save_compiled(kept, provenance, training.out)
    if training.out.suffix == ".json":
        store.write_atomically(training.out.with_suffix(".md"), card_of(store.read_compiled(training.out)))


def as_lineage(candidate: Candidate) -> dict[str, Any]:
    return {**asdict(candidate), "score": candidate.score}


def as_json(report: Report) -> dict[str, Any]:
    return {**asdict(report), "saved": str(report.saved) if report.saved else None}


@contextlib.contextmanager
def stopping_on_signals(meter: Meter) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run with what it has; a second one ends the process at once."""

    def stop(number: int, frame: object) -> None:
        meter.stop(RunInterrupted("stopped before the seed was scored; run the same command again to go on from here"))
        signal.signal(number, before[number])

    in_main_thread = threading.current_thread() is threading.main_thread()  # Python allows handlers nowhere else
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
