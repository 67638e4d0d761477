"""One round of the loop: read a harvest, propose, compare on held-back rows, and put a winner into use. Shadow: all but that.

Guarantees nothing is promoted that the gate did not decide for; a decision is in the history before it takes effect. A round
           that was killed is repeated by the next one at no cost: the answers paid for are in its journal.
Raises     UsageError, DatasetError, LanguageModelError as training does; BudgetSpent at a limit, with nothing decided on the
           challenger at hand; RunLocked while another round is under way.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import dspy

from dspy_programs.cluster import Cluster, spread
from dspy_programs.errors import CompiledProgramError
from dspy_programs.lm import is_embedded, prepare
from dspy_programs.registry import compiled_store as store
from optimizers.calls import Budget, Journal, Meter, Progress, noise_to, recorded
from optimizers.loop.challengers import Challenger, challengers, prompt_of
from optimizers.loop.comparison import Comparison, challengers_before, compare, rows_digests
from optimizers.loop.log import Line, Log
from optimizers.loop.loop_rows import LoopRows, arrows_left, job_for, loop_rows
from optimizers.loop.winner import note_promotion, put_into_use
from optimizers.promotion import LEVEL, MARGIN, Superseded, checked_place, current
from optimizers.recipes import Recipe
from optimizers.scoring import Runner
from optimizers.search import IN_USE, SEED, Choice, Job, Texts, identity
from optimizers.training import PROGRESS, RunDirectory

JOURNAL = "calls.jsonl"


@dataclass(frozen=True)
class Loop:
    """What a loop works on. data: the folder of a harvest; folder: for its journal; limits: of one round.

    most: challengers compared in one round; rows: held-back rows used at most; shadow: compare, and promote nothing; without:
    what is left out (loop_rows.ARROWS); generated: files of generated rows; earlier: journals whose answers another round
    has paid for; label: of the round, in its lines of the history; fresh: set earlier answers aside, and
    ask anew.
    """

    recipe: Recipe
    task: dspy.LM
    reflection: dspy.LM
    data: Path
    folder: Path
    history: Path
    limits: Budget = field(default_factory=Budget)
    most: int = 4
    rows: int | None = None
    level: float = LEVEL
    margin: float = MARGIN
    shadow: bool = False
    proposer: Choice = "auto"
    seed: int = 0
    threads: int | None = None
    without: frozenset[str] = frozenset()
    generated: Sequence[Path] = ()
    earlier: Sequence[Path] = ()
    label: str = ""
    fresh: bool = False
    cluster: Cluster | None = None


@dataclass(frozen=True)
class Decision:
    """One challenger, how it did, and where it was put into use, None if it was not; why: in a sentence."""

    challenger: Challenger
    comparison: Comparison
    promoted: Path | None
    why: str


def one_round(loop: Loop) -> list[Decision]:
    """Propose, compare and decide; stop after a challenger that is put into use."""
    found = loop_rows(loop.recipe, loop.data, loop.generated, arrows_left(loop.without), loop.rows, loop.seed)
    note_promotion(loop)
    log = Log(loop.history)
    threads = loop.threads or (loop.cluster or Cluster(1)).threads(is_embedded(loop.task))
    with (
        contextlib.closing(RunDirectory(loop.folder, fresh=loop.fresh)) as directory,
        contextlib.closing(Journal(directory.journal)) as journal,
        spread(loop.task, loop.cluster, threads) as asked,
    ):
        for path in loop.earlier:
            journal.read_also(path, free=True)
        for lm in (asked, loop.reflection):
            prepare(lm)
        meter = Meter(limits=loop.limits)
        task, reflection = recorded(asked, "task", journal, meter), recorded(loop.reflection, "reflection", journal, meter)
        runner = Runner(task, meter, threads)
        progress = Progress(meter, None, file=directory.path / PROGRESS)
        progress.phase = "comparing"
        with noise_to(directory.log), progress.live():
            decisions = _decide(loop, found, log, runner, reflection, progress)
            progress.phase = "done"
            return decisions


def _champion(loop: Loop, progress: Progress) -> tuple[dict[str, dspy.Module], str | None]:
    """Return the compiled program in use, if one fits, and the digest of its file."""
    name, model = loop.recipe.name, loop.task.model
    entry = current(checked_place(name, model))
    if entry is None:
        return {}, None
    program = loop.recipe.new_program()
    try:
        store.apply_state(program, store.read_compiled(entry.path, name, model), entry.path)
    except CompiledProgramError as error:
        progress.say(f"the program in use cannot be loaded, so the uncompiled one is the champion: {error}")
        return {}, entry.digest
    return {IN_USE: program}, entry.digest


def _decide(loop: Loop, found: LoopRows, log: Log, runner: Runner, reflection: dspy.LM, progress: Progress) -> list[Decision]:
    before, over = _champion(loop, progress)
    job = job_for(loop.recipe, found, loop.seed, before)
    champion: Texts = next(start.texts for start in job.starts if start.name == (IN_USE if before else SEED))
    name, model = loop.recipe.name, loop.task.model
    history = list(log.lines())
    if log.broken:
        progress.say(f"{log.path}: {log.broken} lines cannot be read and are skipped; nothing is changed in them")
    tried = _refused(history)
    earlier = challengers_before(history, name, model, rows_digests(found.held_back))
    progress.say(f"champion    {'in use, ' + over[:8] if before and over else 'the uncompiled program'}")
    made = f", {len(found.generated)} generated" if found.generated else ""
    progress.say(
        f"rows        {len(found.rows['train'])} to propose from{made}, {len(found.cases)} failed steps, "
        f"{len(found.held_back)} held back"
    )
    done: list[Decision] = []
    rewrites = "failures" in arrows_left(loop.without)
    for challenger in challengers(
        job, champion, found.cases, runner, reflection, progress.meter, loop.proposer, tried, rewrites
    ):
        own = f"{identity(job, challenger.texts)} over {over}"
        number = earlier.index(own) + 1 if own in earlier else len(earlier) + 1
        earlier += [own] * (own not in earlier)
        progress.expected = progress.meter.metric_calls + 2 * len(found.held_back)  # at most: the gate may decide earlier
        compared = compare(
            job, champion, challenger.texts, found.held_back, runner,
            weights=found.weights, number=number, level=loop.level, margin=loop.margin, seed=loop.seed,
        )  # fmt: skip
        decision = _settle(loop, job, champion, challenger, compared, over, log, number)
        progress.say(line_of(decision))
        done.append(decision)
        if decision.promoted or len(done) == loop.most:
            break
        if len(compared.champion) == len(found.held_back) and min(compared.champion) >= 1:
            progress.say("the champion is right on every held-back row: nothing can be better")
            break
    return done


def _refused(history: Sequence[Line]) -> list[str]:
    """Return the identities of challengers that need no second comparison: those refused, and those that were in use.

    One that won in shadow mode, or just before a kill, is still to be put into use.
    """
    decisions = [line for line in history if line.get("kind") == "decision" and line.get("identity")]
    used = {line.get("identity") for line in history if line.get("kind") == "promoted"}
    return [str(line["identity"]) for line in decisions if line.get("decision") != "won" or line["identity"] in used]


def _settle(
    loop: Loop, job: Job, champion: Texts, challenger: Challenger, found: Comparison, over: str | None, log: Log, number: int
) -> Decision:
    """Write the decision down, then put a winner into use, and write that down."""
    verdict = found.verdict
    wins = verdict.decision == "promote"
    score = round(_mean(found.challenger), 6)
    own = identity(job, challenger.texts)
    who = {"module": loop.recipe.name, "lm": loop.task.model, "round": loop.label, "prompt": prompt_of(champion)}
    log.append(
        {
            "kind": "decision",
            **who,
            "response": f"{verdict.decision}: {verdict.reason}",
            "score": score,
            "champion_score": round(_mean(found.champion), 6),
            "decision": "won" if wins else "refused",
            "shadow": loop.shadow,
            "rows": verdict.rows,
            **{name: round(getattr(verdict, name), 6) for name in ("mean", "low", "high", "level")},
            "number": number,
            "how": challenger.how,
            "challenger": prompt_of(challenger.texts),
            "identity": own,
            "over": over,
            "held_back": found.rows,
        }
    )
    if not wins or loop.shadow:
        why = f"{verdict.reason}; in shadow mode nothing is promoted" if wins else verdict.reason
        return Decision(challenger, found, None, why)
    try:
        promoted = put_into_use(job, challenger, found, over, loop, own)
    except Superseded as error:
        return Decision(challenger, found, None, f"{verdict.reason}, but {error}")
    note_promotion(loop)
    return Decision(challenger, found, promoted, verdict.reason)


def line_of(decision: Decision) -> str:
    """Describe a decision in a line."""
    found, verdict = decision.comparison, decision.comparison.verdict
    word = "promoted" if decision.promoted else "refused" if verdict.decision != "promote" else "not promoted"
    figures = f"{_mean(found.champion):.3f} -> {_mean(found.challenger):.3f} on {verdict.rows} rows"
    interval = f"difference {verdict.mean:+.3f} [{verdict.low:.3f}, {verdict.high:.3f}]"
    return f"{word:<11} {decision.challenger.how}: {figures}, {interval}; {decision.why}"


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0
