"""Train one program from its rows to its compiled JSON: check, preflight, search, test, put to use what is better.

Nothing is spent before the data is read and both models have given one answer that could be used. The result stays in the
run's folder; it is put to use only where it beats, on the same rows, what `load` gives now.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dspy
import numpy as np

from dspy_programs import compiled_store as store
from dspy_programs.errors import BudgetSpent, CompiledProgramError, DatasetError, ModelFailing, RunInterrupted, UsageError
from dspy_programs.lm import decoding, is_embedded, use
from metrics.score import Score
from optimizers.allowance import Allowance
from optimizers.candidate import REASONING, Candidate, Job, Start, compiled_before, showing, uncompiled
from optimizers.card import card_of
from optimizers.compile import CompileResult, Tried, compile_program
from optimizers.data import SPLITS, read_split, split_own
from optimizers.demonstrations import POOL, Shelf, choose
from optimizers.journal import Journal
from optimizers.meter import Budget, Meter
from optimizers.progress import Progress, noise_to
from optimizers.promotion import promote
from optimizers.proposers import Choice, NoNewRule, kinds_for, proposer_of
from optimizers.race import support
from optimizers.recipes import Recipe
from optimizers.recorded import recorded
from optimizers.run_directory import RunDirectory, digest
from optimizers.scoring import Interval, bootstrap, scored_rows

IN_USE = "in use"  # the start that `load` gives now
ELSEWHERE = "elsewhere"  # on rows of other sources
COMPILED = "compiled.json"  # the result, in the run's folder
BEFORE = "in-use.json"  # there too: what `load` gave when the run began
OTHERS = "compiled-for-"  # there too: what was compiled for other models

STOPPING = "\nstopping: the call under way is finished and what was found is kept; once more to end at once"

Rows = Mapping[str, Sequence[dspy.Example]]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Training:
    """What one run is asked to do.

    transfer: rows of other sources, on which the result must not be worse; out: where it is put to use, by default where
    `load` looks; place: where the rows came from, as it was given, "" for the shipped ones; patient: the budget is a
    default, not a limit: a slow machine gets its first comparison all the same, and a search that finds nothing better
    ends by itself.
    """

    recipe: Recipe
    rows: Rows
    task_lm: dspy.LM
    reflection_lm: dspy.LM
    budget: Budget
    seed: int
    threads: int
    out: Path | None = None
    proposer: Choice = "auto"
    reasoning: bool = False
    patient: bool = False
    transfer: Sequence[dspy.Example] = ()
    place: str = ""

    @property
    def target(self) -> Path:
        return self.out or default_out(self.recipe.name, self.task_lm.model)


@dataclass(frozen=True)
class Report:
    """What a run found. Scores are shares in [0, 1]; intervals are 95 % bootstrap over the test rows.

    winner: index of the best candidate; test: "seed", "compiled" (the winner), "in use" (what `load` gave, where that is
    another), and "difference", compiled - seed; "gain", compiled - in use; "elsewhere", the gain on rows of other sources.
    saved: the result in the run's folder; promoted: where it was put to use; why_not: why it was not.
    """

    candidates: tuple[Candidate, ...]
    winner: int
    ended_by: str
    tried: Mapping[str, Tried]
    test: dict[str, Interval]
    components: dict[str, dict[str, float]]
    used: dict[str, Any]
    saved: Path
    promoted: Path | None
    why_not: str
    interrupted: bool
    notes: tuple[str, ...] = field(default=())

    @property
    def kept(self) -> str:
        return "compiled" if self.winner else "seed"

    @property
    def in_use(self) -> Candidate | None:
        """What `load` gave when the run began."""
        return next((each for each in self.candidates if each.start == IN_USE), None)


def read_rows(recipe: Recipe, place: Path, sizes: Mapping[str, int | None], seed: int = 0) -> Rows:
    """Read and check the rows, and take the first so many of each split. Raises DatasetError on the first bad row.

    place: a folder with train.jsonl, val.jsonl and test.jsonl, or one file of rows that is split here.
    """
    if place.is_file():
        rows = split_own(read_split(place, recipe.program, recipe.labels), seed, place)
    else:
        rows = {split: read_split(place / f"{split}.jsonl", recipe.program, recipe.labels) for split in SPLITS}
    shared = {row.id for row in rows["test"]} & {row.id for split in ("train", "val") for row in rows[split]}
    if shared:
        raise DatasetError(f"{place}: row {sorted(shared)[0]!r} is in test and in another split; test must stay unseen")
    return {split: examples[: sizes.get(split)] for split, examples in rows.items()}


def read_transfer(recipe: Recipe, place: Path, count: int) -> list[dspy.Example]:
    """Read the first so many rows of another source, from the half that is for choosing; none where there are none."""
    file = place / "transfer_val.jsonl"
    return read_split(file, recipe.program, recipe.labels)[:count] if count and file.is_file() else []


def default_out(module: str, spec: str) -> Path:
    """Return where `load` looks for what a user has compiled."""
    return store.user_directory() / module / f"{store.file_name(spec)}.json"


def remember_compiled(training: Training, run: RunDirectory) -> None:
    """Keep copies, for a run that begins, of what `load` gives now and of what was compiled for other models."""
    name, model = training.recipe.name, training.task_lm.model
    if not run.is_new:
        return
    now = training.out or store.in_use(name, model)
    if now is not None and now.is_file():
        store.write_atomically(run.path / BEFORE, now.read_bytes())
    for other in store.available_models(name):
        if other != model and (file := store.in_use(name, other)):
            copy = run.path / f"{OTHERS}{store.file_name(other)}.json"
            store.write_atomically(copy, file.read_bytes())


def compiled_starts(training: Training, run: RunDirectory) -> dict[str, dspy.Module]:
    """Return the programs that were compiled when the run began, by their names as starts; those that fit today's code.

    They are read from the run's folder, so that a run which goes on later still begins with the same.
    """
    name = training.recipe.name
    found = {}
    for file in [run.path / BEFORE, *sorted(run.path.glob(f"{OTHERS}*.json"))]:
        program = training.recipe.program()
        with contextlib.suppress(CompiledProgramError):  # of an older code: it could not be used, so there is nothing to beat
            compiled = store.read_compiled(file, name, training.task_lm.model if file.name == BEFORE else None)
            store.apply_state(program, compiled, file)
            saved = compiled.provenance
            if file.name == BEFORE or saved.kept == "compiled":
                found[IN_USE if file.name == BEFORE else f"for {saved.lm}"] = program
    return found


def allowance_of(training: Training, meter: Meter, programs: int) -> Allowance:
    aside = 2 * len(training.transfer)
    return Allowance(training.budget, meter, len(training.rows["test"]), programs, aside, training.patient)


def train(training: Training, run: RunDirectory, progress: Progress, meter: Meter, journal: Journal) -> Report:
    """Do all of it inside a claimed run directory; see the head of this file.

    Raises ModelFailing, RunError; on a signal returns the best so far, not tested and not put to use.
    """
    lms = {
        role: recorded(lm, role, journal, meter)
        for role, lm in (("task", training.task_lm), ("reflection", training.reflection_lm))
    }
    before = compiled_starts(training, run)
    job = job_of(training.recipe, training.rows, training.seed, training.reasoning, before)
    allowance = allowance_of(training, meter, 2 + (IN_USE in before))
    with stopping_on_signals(meter), noise_to(run.log), progress.shown():
        try:
            progress.phase = "first calls"
            preflight(training, job.build(job.starts[0].texts), lms, meter)
            require_prices(training, meter)
            if price := priced(allowance):
                progress.say(price)
            progress.phase = "searching"
            result = search(training, job, lms, run, progress, allowance)
        except BudgetSpent as limit:
            line = f"a budget of {limit} ends before one row has been scored, so nothing can be compared; give it more"
            raise BudgetSpent(line) from limit
        progress.phase = "testing"
        scores, interrupted = test_scores(training, job, result, lms["task"], progress, allowance)
        progress.phase = "done"
    report = concluded(training, job, result, scores, meter, run, interrupted)
    run.write("report.json", as_json(report))
    return report


def job_of(
    recipe: Recipe,
    rows: Rows,
    seed: int,
    reasoning: bool = False,
    before: Mapping[str, dspy.Module] = MappingProxyType({}),
) -> Job:
    """Put together what a search needs. reasoning: try chain of thought too; before: programs compiled before, by name."""
    program = recipe.program()
    plain = uncompiled(program)
    others = {name: compiled_before(each, name) for name, each in before.items()}
    pool = choose(rows["train"], recipe.demonstrate, recipe.kind, POOL, seed)
    shelf = Shelf(pool, recipe.demonstrate, recipe.demonstrations, {name: demos for name, (_, demos) in others.items()})
    starts = [
        Start("seed", plain),
        *(Start(name, texts) for name, (texts, _) in others.items() if name == IN_USE),
        *(Start(name, showing(plain, name)) for name in shelf.sets),
        *(Start(name, texts) for name, (texts, _) in others.items() if name != IN_USE),
        *([Start("reasoning", plain | {REASONING: "on"})] if reasoning else []),
    ]
    return Job(program, recipe.metric, rows["train"], rows["val"], shelf, recipe.kind, starts)


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
    if is_embedded(training.reflection_lm):
        return  # it has just answered, and its proposals cannot cost anything
    score = training.recipe.metric(row, reply)
    name, predictor = program.named_predictors()[0]
    seen = {key: str(value) for key, value in row.inputs().items()}
    feedback = score.feedback if score.value < 1 else "Right, but it could be shorter."  # a proposer is asked about a failure
    example = {"Inputs": seen, "Generated Outputs": str(reply.toDict()), "Feedback": feedback}
    kind = kinds_for(training.reflection_lm, training.proposer)[0]
    proposer = proposer_of(kind, training.reflection_lm, meter)  # forgotten: what it saw is no train row
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
    allowance: Allowance,
) -> CompileResult:
    found: dict[int, Candidate] = {}

    def on_candidate(candidate: Candidate) -> None:
        if not found:
            progress.say(paced(allowance))
        before = found.get(candidate.index)
        found[candidate.index] = candidate
        run.write("candidates.json", [as_lineage(each) for each in found.values()])
        progress.best = max(each.score for each in found.values())
        progress.expected = expected(allowance)
        if before is None or len(before.scores) < len(candidate.scores):
            progress.say(f"{described(candidate)}: {candidate.score:.3f} on {len(candidate.scores)} validation rows")

    return compile_program(
        job,
        task_lm=lms["task"],
        reflection_lm=lms["reflection"],
        budget=training.budget,
        meter=allowance.meter,
        seed=training.seed,
        threads=training.threads,
        choice=training.proposer,
        allowance=allowance,
        must_beat=[start.name for start in job.starts if start.name == IN_USE],
        plateau=training.patient,
        on_candidate=on_candidate,
    )


def expected(allowance: Allowance) -> int | None:
    """Say how many rows will be run in all, as far as the budget tells."""
    left = allowance.rows_left
    return None if left > 10**6 else allowance.spent + left + allowance.programs * allowance.rows_to_test


def priced(allowance: Allowance) -> str:
    """Say what the rows of the budget will cost, at what the first calls cost; "" where nothing is paid."""
    task, rows = allowance.meter.roles["task"], expected(allowance)
    if not task.usd or rows is None:
        return ""
    return f"price: about {rows * task.usd / task.calls:.2f} USD for {rows} rows, test included, by DSPy's price table"


def paced(allowance: Allowance) -> str:
    """Tell the plan, now that a row's cost has been measured."""
    meter, left = allowance.meter, allowance.rows_left
    seconds = meter.answered / max(1, meter.rollouts)
    rows = "no limit of rows" if left > 10**6 else f"{left} more rows to search with"
    return f"plan: a row takes about {seconds:.1f} s here: {rows}, then at most {allowance.rows_to_test} test rows a program"


def described(candidate: Candidate) -> str:
    name = f"candidate {candidate.index} ({candidate.start})" if candidate.index else "seed"
    shown = f", shows {candidate.shows}" if candidate.shows != "none" else ""
    return f"{name}{shown}{', reasons first' if candidate.reasoning else ''}"


def test_scores(
    training: Training, job: Job, result: CompileResult, lm: dspy.LM, progress: Progress, allowance: Allowance
) -> tuple[dict[str, list[Score]], bool]:
    """Read the test rows once for each of seed, winner and what is in use; return their scores, and whether it was cut short.

    A program that is not the winner and was not beaten is not run: its figures decide nothing.
    """
    wanted = {"seed": result.seed} | ({"compiled": result.winner} if result.winner.index else {})
    now = next((each for each in result.candidates if each.start == IN_USE), None)
    if now and now is not result.winner:
        wanted |= {IN_USE: now}
    meter = allowance.meter
    if isinstance(meter.reason, (RunInterrupted, BudgetSpent)):
        return {}, isinstance(meter.reason, RunInterrupted)
    rows = training.rows["test"][: allowance.rows_to_test_now(len(wanted))]
    runs = [(name, candidate, rows) for name, candidate in wanted.items()]
    if result.winner.index and training.transfer:
        runs += [(f"{ELSEWHERE} {name}", wanted[name], training.transfer) for name in (baseline_of(wanted), "compiled")]
    progress.expected = meter.rollouts + sum(len(of) for _, _, of in runs)
    scores: dict[str, list[Score]] = {name: [] for name, _, _ in runs}
    try:
        for name, candidate, of in runs:
            program, metric = job.candidate(candidate), training.recipe.metric
            for score in scored_rows(program, of, metric, lm, meter, training.threads):
                scores[name].append(score)
    except RunInterrupted:
        return {}, True
    except BudgetSpent:
        fewest = min(len(scores[name]) for name in wanted)
        scores = {name: scores[name][:fewest] for name in wanted}
    return {name: each for name, each in scores.items() if each}, False


def concluded(
    training: Training,
    job: Job,
    result: CompileResult,
    scores: Mapping[str, list[Score]],
    meter: Meter,
    run: RunDirectory,
    interrupted: bool,
) -> Report:
    """Put the figures together, save the result in the run's folder, and put it to use where it is better."""
    test = intervals(scores)
    saved = run.path / COMPILED
    report = Report(
        candidates=result.candidates,
        winner=result.winner.index,
        ended_by=result.ended_by,
        tried=result.tried,
        test=test,
        components={name: mean_components(each) for name, each in scores.items()},
        used=used_by(training, meter),
        saved=saved,
        promoted=None,
        why_not=doubt(training, result, test, interrupted) or changed_meanwhile(training, job, result, run),
        interrupted=interrupted,
        notes=tuple(notes(result)),
    )
    save(training, job, result, report)
    if not report.why_not:
        promote(saved, training.recipe.name, training.task_lm.model, training.target)
        report = replace(report, promoted=training.target)
    return report


def intervals(scores: Mapping[str, list[Score]]) -> dict[str, Interval]:
    """Return the mean of each program, and of the paired differences compiled - seed and compiled - in use."""
    values = {name: [score.value for score in each] for name, each in scores.items()}
    found = {name: bootstrap(each) for name, each in values.items()}
    elsewhere = f"{ELSEWHERE} {baseline_of(values)}"
    for name, after, before in (
        ("difference", "compiled", "seed"),
        ("gain", "compiled", IN_USE),
        (ELSEWHERE, f"{ELSEWHERE} compiled", elsewhere),
    ):
        if after in values and before in values:
            found[name] = bootstrap([a - b for a, b in zip(values[after], values[before], strict=True)])
    return found


def baseline_of(programs: Mapping[str, Any]) -> str:
    """Name what a result is compared with: what is in use, else the program as it was written."""
    return IN_USE if IN_USE in programs else "seed"


def doubt(training: Training, result: CompileResult, test: Mapping[str, Interval], interrupted: bool) -> str:
    """Say why the result is not put to use; "" where it is."""
    now = next((each for each in result.candidates if each.start == IN_USE), None)
    winner = result.winner
    if interrupted:
        return "it was interrupted, and what is not tested replaces nothing"
    if now is winner:
        return "what is in use already was the best"
    if now and support(winner.scores, now.scores) <= 0:
        return "it did not beat what is in use by more than a standard error on the same validation rows"
    if not winner.index and not training.out:
        return "it is the program as it was written" + (", and there was no time to tell more" if result.unfinished else "")
    if not test:
        return "the budget left no row to test it on"
    places = {"difference": "on the test rows", "gain": "on the test rows", ELSEWHERE: "on rows of other sources"}
    for name, place in places.items():
        if name in test and test[name].high < 0:
            return f"it is worse {place}: {test[name]}"
    return ""


def changed_meanwhile(training: Training, job: Job, result: CompileResult, run: RunDirectory) -> str:
    """Say what is wrong where `load` gives something else than when the run began; "" where it does not.

    A run that is finished can be run again: then its own result is in use, or one that a later run put there.
    """
    now = training.out or store.in_use(training.recipe.name, training.task_lm.model)
    before = run.path / BEFORE
    text = now.read_bytes() if now is not None and now.is_file() else b""
    if text == (before.read_bytes() if before.is_file() else b""):
        return ""
    try:
        predictors = store.read_compiled(now).predictors if now is not None and text else {}
    except CompiledProgramError:
        return ""
    own = {
        name: store.SavedPredictor.model_validate(state) for name, state in job.candidate(result.winner).dump_state().items()
    }
    if predictors == own:
        return "it is in use already"
    return "something else has been put to use since this run began; compare with it by --fresh"


def notes(result: CompileResult) -> Iterator[str]:
    if result.unfinished:
        yield "some candidates were ahead of the seed when the budget ended, on too few rows to tell; give it more"
    for name, tried in result.tried.items():
        if tried.closed:
            yield f"{name}: not tried any more, {tried.closed}"


def used_by(training: Training, meter: Meter) -> dict[str, Any]:
    seconds = sum(used.seconds for used in meter.roles.values())
    output = sum(used.output_tokens for used in meter.roles.values())
    elapsed = max(meter.elapsed, seconds / training.threads)  # answers taken over from another run have their time too
    return {
        "rollouts": meter.rollouts,
        "lm_calls": meter.calls,
        "replayed_calls": meter.replayed_calls,
        "minutes": round(elapsed / 60, 2),
        "models_at_work": round(seconds / elapsed, 3) if elapsed else 0.0,  # calls under way, on average
        "tokens": meter.tokens,
        "tokens_per_second": round(meter.tokens / seconds, 1) if seconds else 0.0,
        "output_tokens_per_second": round(output / seconds, 1) if seconds else 0.0,
        "usd": round(meter.usd, 6),
        "roles": {role: asdict(each) for role, each in meter.roles.items()},
    }


def mean_components(scores: Sequence[Score]) -> dict[str, float]:
    names = dict.fromkeys(name for score in scores for name in score.components)
    return {name: round(float(np.mean([s.components.get(name, 0.0) for s in scores])), 4) for name in names}


def save(training: Training, job: Job, result: CompileResult, report: Report) -> None:
    """Write the compiled JSON and its card with all that is needed to trust them and to make them again."""
    program, kept = job.program, job.candidate(result.winner)
    lms = {"task": training.task_lm, "reflection": training.reflection_lm}
    now = report.in_use
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
            "proposer": kinds_for(training.reflection_lm, training.proposer)[0],
            "choice": training.proposer,
            "metric": training.recipe.metric.__name__,
            "data": {
                split: {"rows": len(rows), "digest": digest([row.toDict() for row in rows])}
                for split, rows in training.rows.items()
            },
            "seed": training.seed,
            "winner": result.winner.index,
            "budget": asdict(training.budget),
            "patient": training.patient,
            "reasoning": training.reasoning,
            "ended_by": result.ended_by,
            "tried": {name: asdict(each) for name, each in result.tried.items()},
            "used": report.used,
            **({"place": training.place} if training.place else {}),
            "status": "interrupted" if report.interrupted else "tested" if report.test else "not tested",
        },
        scores={
            "validation": paired_scores(result, now),
            "test": {name: asdict(interval) for name, interval in report.test.items()},
            "test_components": report.components,
        },
        lineage=[as_lineage(candidate) for candidate in result.candidates],
        versions=store.versions(),
        parent=store.digest(training.target.read_text("utf-8", errors="replace")) if training.target.is_file() else None,
    )
    store.save_compiled(kept, provenance, report.saved)
    store.write_atomically(report.saved.with_suffix(".md"), card_of(store.read_compiled(report.saved)))


def paired_scores(result: CompileResult, now: Candidate | None) -> dict[str, float]:
    """Return the mean scores of seed, winner and what was in use, over the validation rows that all have been scored on."""
    named = {"seed": result.seed, "compiled": result.winner} | ({"in_use": now} if now and now.scores else {})
    rows = min(len(each.scores) for each in named.values())
    return {name: sum(each.scores[:rows]) / rows for name, each in named.items()} | {"rows": rows}


def as_lineage(candidate: Candidate) -> dict[str, Any]:
    return {**asdict(candidate), "score": candidate.score}


def as_json(report: Report) -> dict[str, Any]:
    places = {"saved": str(report.saved), "promoted": str(report.promoted) if report.promoted else None}
    return {**asdict(report), **places, "kept": report.kept}


@contextlib.contextmanager
def stopping_on_signals(meter: Meter) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end the run with what it has; a second one ends the process at once."""

    def stop(number: int, frame: object) -> None:
        meter.stop(RunInterrupted("stopped before the seed was scored; run the same command again to go on from here"))
        signal.signal(number, before[number])
        print(STOPPING, file=sys.__stderr__, flush=True)

    in_main_thread = threading.current_thread() is threading.main_thread()  # Python allows handlers nowhere else
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM) if in_main_thread}
    try:
        for number in before:
            signal.signal(number, stop)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
