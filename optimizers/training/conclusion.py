"""The end of a run: test, report, save, and put the result into use if it beats what `load` returns now.

Guarantees only a program that beat the one in use on the same validation rows, was tested, and is not worse beyond noise on
           the test rows or on rows from other sources replaces it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dspy

from dspy_programs.errors import BudgetSpent, CompiledProgramError, RunInterrupted
from dspy_programs.lm import decoding
from dspy_programs.registry import compiled_store as store, home_of, shape_of
from metrics.score import Score
from optimizers.calls import Meter, Progress
from optimizers.data import evenly
from optimizers.promotion import Superseded, card_of, digest_of, promote
from optimizers.scoring import Interval, Runner, bootstrap, mean_components, name_of
from optimizers.search import (
    IN_USE,
    MIN_ROWS,
    MIN_TEST_ROWS,
    Candidate,
    CompileResult,
    Job,
    RowBudget,
    Tried,
    kinds_for,
    support,
)
from optimizers.training import report_view
from optimizers.training.run_directory import BEFORE, COMPILED, REPORT, RunDirectory, digest
from optimizers.training.settings import Training

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SURE = 1.645  # standard errors required on the test rows to replace the program in use: wrong once in twenty
ELSEWHERE = "elsewhere"  # on rows from other sources
_BLOCK = 4  # test rows per program and turn: a test that is cut short stays paired, and a prompt cache still helps


@dataclass(frozen=True)
class Report:
    """The result of a run. Scores are shares in [0, 1]; intervals are 95 % bootstrap over the test rows.

    winner: index of the best candidate; test: "seed" (uncompiled), "compiled" (the winner), "in use" (what `load`
    returned, if different), and "difference", compiled - seed; "gain", compiled - in use; "elsewhere", the gain on rows
    from other sources. standing: index of what `load` returned at the end, None if not a candidate; saved: the result in
    the run's folder; promoted: where it was put into use; why_not: why it was not.
    """

    candidates: tuple[Candidate, ...]
    winner: int
    standing: int | None
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
        """What `load` returned when the run ended."""
        return None if self.standing is None else self.candidates[self.standing]

    def table(self) -> str:
        """Return the result as a Markdown table."""
        return report_view.table(self)

    def plot(self) -> "Figure":
        """Plot it; return a matplotlib Figure. Raises MissingExtra if matplotlib is not installed."""
        return report_view.plot(self)

    def _repr_markdown_(self) -> str:
        return self.table()  # so that a notebook shows it


def test_scores(
    training: Training,
    job: Job,
    result: CompileResult,
    now: Candidate | None,
    lm: dspy.LM,
    progress: Progress,
    row_budget: RowBudget,
) -> tuple[dict[str, list[Score]], bool]:
    """Run the test rows once for seed, winner and the program in use, `now`; return scores, and whether it was interrupted.

    They take turns, a few rows at a time, and the kinds of cases do too, so that a test cut short by a limit is still paired
    and still of all kinds.
    """
    wanted = {"seed": result.seed} | ({"compiled": result.winner} if result.winner.index else {})
    if now and now is not result.winner and now.index:
        wanted |= {IN_USE: now}
    meter = row_budget.meter
    if isinstance(meter.reason, (RunInterrupted, BudgetSpent)):
        return {}, isinstance(meter.reason, RunInterrupted)
    rows = evenly(training.rows["test"], training.recipe.kind)[: row_budget.rows_to_test_now(len(wanted))]
    runs: list[tuple[str, Candidate, Sequence[dspy.Example]]] = [(name, candidate, rows) for name, candidate in wanted.items()]
    if result.winner.index and (others := training.transfer[: row_budget.rows_elsewhere]):
        runs += [(f"{ELSEWHERE} {name}", wanted[name], others) for name in (_baseline_of(wanted), "compiled")]
    progress.expected = meter.metric_calls + sum(len(of) for _, _, of in runs)
    scores: dict[str, list[Score]] = {name: [] for name, _, _ in runs}
    programs = {name: job.for_rows(candidate.texts) for name, candidate, _ in runs}
    runner = Runner(lm, meter, threads := training.threads)
    block = max(_BLOCK, threads)
    turns = [(name, of[i : i + block]) for i in range(0, max(len(of) for _, _, of in runs), block) for name, _, of in runs]
    try:
        for name, turn in sorted(turns, key=lambda turn: turn[0] not in wanted):  # other sources last
            for part in (turn[i : i + threads] for i in range(0, len(turn), threads)):
                if not row_budget.has_room_to_test(len(scores[name]) if name in wanted else MIN_TEST_ROWS):
                    break
                scores[name] += (run.score for run in runner.run(programs[name], part, training.recipe.scorer))
    except RunInterrupted:
        return {}, True
    except BudgetSpent:
        pass  # paired results so far count
    for names in (list(wanted), [name for name in scores if name not in wanted]):
        fewest = min((len(scores[name]) for name in names), default=0)
        scores |= {name: scores[name][:fewest] for name in names}
    return {name: each for name, each in scores.items() if each}, False


def concluded(
    training: Training,
    job: Job,
    result: CompileResult,
    now: Candidate | None,
    scores: Mapping[str, list[Score]],
    meter: Meter,
    run: RunDirectory,
    interrupted: bool,
) -> Report:
    """Collect the figures, save the result in the run's folder, and put it into use if it is better.

    now: the candidate in use. A finished run's report stays if a replay of it had fewer rows.
    """
    test, over = intervals(scores), _digest_in_use(training)
    saved, ended = run.path / COMPILED, _rows_of_report(run)
    why_not = _doubt(training, result, now, scores, test, interrupted) or _changed_meanwhile(training, job, now, over, run)
    knows_less = interrupted or meter.metric_calls < ended
    report = Report(
        candidates=result.candidates,
        winner=result.winner.index,
        standing=now.index if now else None,
        ended_by=result.ended_by,
        tried=result.tried,
        test=test,
        components={name: mean_components(each) for name, each in scores.items()},
        used=_used_by(training, meter),
        saved=saved,
        promoted=None,
        why_not=why_not
        or (
            f"an earlier run in this folder finished with {ended} metric calls, more than this one"
            if ended and knows_less
            else ""
        ),
        interrupted=interrupted,
        notes=tuple(notes(training, result, test)),
    )
    if ended and knows_less:
        return replace(report, notes=(*report.notes, f"the report of the finished run stays: {run.path / REPORT}"))
    save(training, job, result, report)
    if not report.why_not:
        try:
            promote(saved, training.recipe.name, training.task_lm.model, training.target, over)
            report = replace(report, promoted=training.target)
        except Superseded as error:
            report = replace(report, why_not=str(error))
    run.write(REPORT, as_json(report))
    return report


def _rows_of_report(run: RunDirectory) -> int:
    """Return how many rows a run that finished here with a test has run, 0 if there was none."""
    file = run.path / REPORT
    before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return int(before["used"]["rollouts"]) if before.get("test") else 0


def intervals(scores: Mapping[str, list[Score]]) -> dict[str, Interval]:
    """Return the mean of each program, and of the paired differences compiled - seed and compiled - in use."""
    values = {name: [score.value for score in each] for name, each in scores.items()}
    found = {name: bootstrap(each) for name, each in values.items()}
    elsewhere = f"{ELSEWHERE} {_baseline_of(values)}"
    for name, after, before in (
        ("difference", "compiled", "seed"),
        ("gain", "compiled", IN_USE),
        (ELSEWHERE, f"{ELSEWHERE} compiled", elsewhere),
    ):
        if after in values and before in values:
            found[name] = bootstrap([a - b for a, b in zip(values[after], values[before], strict=True)])
    return found


def _baseline_of(programs: Mapping[str, Any]) -> str:
    """Return the baseline's name: the program in use, else the uncompiled one."""
    return IN_USE if IN_USE in programs else "seed"


def _doubt(
    training: Training,
    result: CompileResult,
    now: Candidate | None,
    scores: Mapping[str, list[Score]],
    test: Mapping[str, Interval],
    interrupted: bool,
) -> str:
    """Say why the result is not put into use; "" if it is."""
    place = "the program in use" if now else "the uncompiled program"
    winner = result.winner
    if interrupted:
        return "the run was interrupted, and an untested result replaces nothing"
    if now is winner:
        return "the program already in use is the best"
    if now and support(winner.scores, now.scores) <= 0:
        return "it did not beat the program in use by more than a standard error on the same validation rows"
    if not winner.index and not training.out:
        return "no candidate beat the uncompiled program by one standard error" + (
            ", on as many rows as the budget allowed" if result.unfinished else ""
        )
    if not test:
        return "the budget left no rows to test it on"
    if winner.index:
        after, before = ([score.value for score in scores.get(name, ())] for name in ("compiled", _baseline_of(scores)))
        errors, needed = (_SURE, f"{_SURE:.1f} standard errors") if now else (1.0, "a standard error")
        if support(after, before, errors) <= 0:
            return f"on the test rows it is not better than {place} by more than {needed}"
    if ELSEWHERE in test and test[ELSEWHERE].rows >= MIN_ROWS and test[ELSEWHERE].high < 0:
        return f"it is worse on rows from other sources: {test[ELSEWHERE]}"
    return ""


def standing(training: Training, job: Job, result: CompileResult, run: RunDirectory) -> Candidate | None:
    """Return the candidate that `load` returns now: its own result if the run resumes after one, else what it began with."""
    last = _digest_of_file(run.path / COMPILED)
    if last and last == _digest_in_use(training):
        own = store.read_compiled(run.path / COMPILED).predictors
        if found := next((each for each in result.candidates if state_of(job, each) == own), None):
            return found
    return next((each for each in result.candidates if each.start == IN_USE), None)


def _digest_in_use(training: Training) -> str | None:
    file = training.out or store.in_use(training.recipe.name, training.task_lm.model)
    return _digest_of_file(file) if file else None


def _digest_of_file(path: Path) -> str | None:
    return digest_of(path.read_bytes()) if path.is_file() else None


def state_of(job: Job, candidate: Candidate) -> dict[str, store.SavedPredictor]:
    state = store.state_of(job.candidate(candidate))
    return {name: store.SavedPredictor.model_validate(each) for name, each in state.items()}


def _changed_meanwhile(training: Training, job: Job, now: Candidate | None, over: str | None, run: RunDirectory) -> str:
    """Say what is wrong if `load` returns something else than when the run began; "" if it does not.

    A finished run can be repeated or resumed: then its own result is in use, or a later run's.
    """
    if over == _digest_of_file(run.path / BEFORE):
        return ""
    file = training.out or store.in_use(training.recipe.name, training.task_lm.model)
    try:
        predictors = store.read_compiled(file).predictors if file and over else {}
    except CompiledProgramError:
        return ""
    if now and predictors == state_of(job, now):
        return ""  # what it put into use before it resumed
    return "another program has been put into use since this run began; compare with it by running again with --fresh"


def notes(training: Training, result: CompileResult, test: Mapping[str, Interval]) -> Iterator[str]:
    if result.unfinished:
        most = max(len(each.scores) for each in result.candidates if each.index and not each.fell_out)
        lacking = "a larger budget" if most < len(training.rows["val"]) else "more validation rows"
        yield f"some candidates were ahead of the uncompiled program, but on too few rows to tell; give it {lacking}"
    if "compiled" in test and training.transfer and ELSEWHERE not in test and result.winner.start != IN_USE:
        yield f"no budget was left for rows from other sources: evaluate --module {training.recipe.name} --split transfer_test"
    for name, tried in result.tried.items():
        if tried.closed:
            yield f"{name}: stopped being tried, {tried.closed}"


def _used_by(training: Training, meter: Meter) -> dict[str, Any]:
    seconds = sum(used.seconds for used in meter.roles.values())
    output = sum(used.output_tokens for used in meter.roles.values())
    elapsed = max(meter.elapsed, seconds / training.threads)  # answers reused from another run have their time too
    return {
        "rollouts": meter.metric_calls,
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


def save(training: Training, job: Job, result: CompileResult, report: Report) -> None:
    """Write the compiled JSON and its card with everything needed to trust and reproduce them."""
    program, kept = job.program, job.candidate(result.winner)
    lms = {"task": training.task_lm, "reflection": training.reflection_lm}
    now = report.in_use
    provenance = store.Provenance(
        schema_version=store.SCHEMA_VERSION,
        program=training.recipe.name,
        lm=training.task_lm.model,
        fields=shape_of(kept),
        seed_instructions_sha256={n: store.digest(text) for n, text in store.seed_instructions(program).items()},
        kept=report.kept,
        training={
            "models": {role: {"lm": lm.model, **decoding(lm)} for role, lm in lms.items()},
            "adapter": "CompleteJSONAdapter",
            "proposer": kinds_for(training.reflection_lm, training.proposer)[0],
            "choice": training.proposer,
            "metric": name_of(training.recipe.metric),
            "data": {
                split: {"rows": len(rows), "digest": digest([row.toDict() for row in rows])}
                for split, rows in training.rows.items()
            },
            "transfer": len(training.transfer),
            "home": home_of(program),
            "asked": job.asked(result.winner.texts),
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
            "validation": _paired_scores(result, now),
            "test": {name: asdict(interval) for name, interval in report.test.items()},
            "test_components": report.components,
        },
        lineage=[as_lineage(candidate) for candidate in result.candidates],
        versions=store.versions(),
        parent=store.digest(training.target.read_text("utf-8", errors="replace")) if training.target.is_file() else None,
    )
    store.save_compiled(kept, provenance, report.saved)
    store.write_atomically(report.saved.with_suffix(".md"), card_of(store.read_compiled(report.saved)))


def _paired_scores(result: CompileResult, now: Candidate | None) -> dict[str, float]:
    """Return the mean scores of seed, winner and the program in use, over the validation rows that all were scored on."""
    named = {"seed": result.seed, "compiled": result.winner} | ({"in_use": now} if now and now.scores else {})
    rows = min(len(each.scores) for each in named.values())
    return {name: sum(each.scores[:rows]) / rows for name, each in named.items()} | {"rows": rows}


def as_lineage(candidate: Candidate) -> dict[str, Any]:
    return {**asdict(candidate), "score": candidate.score}


def as_json(report: Report) -> dict[str, Any]:
    places = {"saved": str(report.saved), "promoted": str(report.promoted) if report.promoted else None}
    return {**asdict(report), **places, "kept": report.kept}
