"""One round of the loop: harvest runs, propose, compare on held-back rows, and put a winner into use. Shadow: all but that.

Guarantees nothing is promoted that the gate did not decide for; a decision is in the history before it takes effect. A round
           that was killed is repeated by the next one at no cost: the answers paid for are in its journal.
Raises     UsageError, DatasetError, LanguageModelError as training does; RunLocked while another round is under way.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.cluster import Cluster, spread
from dspy_programs.errors import CompiledProgramError, UsageError
from dspy_programs.lm import is_embedded, prepare
from dspy_programs.registry import compiled_store as store, shape_of
from optimizers.calls import Budget, Journal, Meter, Progress, noise_to, recorded
from optimizers.loop.challengers import Challenger, cases_in, challengers, prompt_of
from optimizers.loop.comparison import Comparison, challengers_before, compare, rows_digests
from optimizers.loop.log import Log
from optimizers.promotion import LEVEL, MARGIN, Superseded, card_for, checked_place, current, digest_of, promote
from optimizers.recipes import Recipe
from optimizers.scoring import Runner, bootstrap, name_of
from optimizers.search import IN_USE, SEED, Choice, Job, Texts, identity
from optimizers.training import RunDirectory, digest, job_of, read_rows

_FEWEST_HELD_BACK = 20
_CHALLENGER = "challenger.json"


@dataclass(frozen=True)
class Loop:
    """What a loop works on. data: the folder of a harvest; folder: for its journal; limits: of one round.

    most: challengers compared in one round; rows: held-back rows used at most; shadow: compare, and promote nothing.
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
    rows = read_rows(loop.recipe, loop.data, {}, loop.seed)
    held_back = _held_back(rows, loop)
    weights = _weights_in(loop.data)
    log = Log(loop.history)
    threads = loop.threads or (loop.cluster or Cluster(1)).threads(is_embedded(loop.task))
    with (
        contextlib.closing(RunDirectory(loop.folder)) as directory,
        contextlib.closing(Journal(directory.journal)) as journal,
        spread(loop.task, loop.cluster, threads) as asked,
    ):
        for lm in (asked, loop.reflection):
            prepare(lm)
        meter = Meter(limits=loop.limits)
        task, reflection = recorded(asked, "task", journal, meter), recorded(loop.reflection, "reflection", journal, meter)
        runner = Runner(task, meter, threads)
        progress = Progress(meter, None)
        progress.phase = "comparing"
        with noise_to(directory.log), progress.live():
            return _decide(loop, rows, held_back, weights, log, runner, reflection, progress)


def _held_back(rows: Mapping[str, Sequence[dspy.Example]], loop: Loop) -> list[dspy.Example]:
    """Return the rows that no proposal is made from, and that ask the model anything."""
    trained = {row.id for row in rows["train"]}
    unseen = (row for split in ("val", "test") for row in rows[split] if row.id not in trained)
    found = [row for row in unseen if loop.recipe.asks(row)][: loop.rows]
    if len(found) < _FEWEST_HELD_BACK:
        raise UsageError(
            f"{loop.data}: {len(found)} held-back rows: too few for any challenger to win; "
            f"harvest more runs, with at least {_FEWEST_HELD_BACK} rows of goals that are not in train"
        )
    return found


def _weights_in(data: Path) -> dict[str, float]:
    """Return the weights of rows that rest on a guess, by id."""
    found = {}
    for path in sorted(data.glob("*.jsonl")) if data.is_dir() else [data]:
        if path.stem in ("failures", "rejects"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line) if '"provenance"' in line else {}
            weight = (row.get("provenance") or {}).get("weight")
            if isinstance(weight, (int, float)) and weight < 1:
                found[str(row["id"])] = float(weight)
    return found


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


def _decide(
    loop: Loop,
    rows: Mapping[str, Sequence[dspy.Example]],
    held_back: Sequence[dspy.Example],
    weights: Mapping[str, float],
    log: Log,
    runner: Runner,
    reflection: dspy.LM,
    progress: Progress,
) -> list[Decision]:
    before, over = _champion(loop, progress)
    job = job_of(loop.recipe, rows, loop.seed, before=before)
    champion: Texts = next(start.texts for start in job.starts if start.name == (IN_USE if before else SEED))
    name, model = loop.recipe.name, loop.task.model
    history = list(log.lines())
    if log.broken:
        progress.say(f"{log.path}: {log.broken} lines cannot be read and are skipped; nothing is changed in them")
    tried = [str(line["identity"]) for line in history if line.get("kind") == "decision" and line.get("identity")]
    number = challengers_before(history, name, model, rows_digests(held_back))
    cases = cases_in(loop.data / "failures.jsonl") if loop.data.is_dir() else []
    progress.say(f"champion    {'in use, ' + over[:8] if before and over else 'the uncompiled program'}")
    progress.say(f"rows        {len(rows['train'])} to propose from, {len(cases)} failed steps, {len(held_back)} held back")
    done: list[Decision] = []
    for challenger in challengers(job, champion, cases, runner, reflection, progress.meter, loop.proposer, tried):
        number += 1
        found = compare(
            job, champion, challenger.texts, held_back, runner,
            weights=weights, number=number, level=loop.level, margin=loop.margin, seed=loop.seed,
        )  # fmt: skip
        decision = _settle(loop, job, champion, challenger, found, over, log, number)
        progress.say(line_of(decision))
        done.append(decision)
        if decision.promoted or len(done) == loop.most:
            break
    return done


def _settle(
    loop: Loop, job: Job, champion: Texts, challenger: Challenger, found: Comparison, over: str | None, log: Log, number: int
) -> Decision:
    """Write the decision down, then put a winner into use, and write that down."""
    verdict = found.verdict
    wins = verdict.decision == "promote"
    score = round(_mean(found.challenger), 6)
    who = {"module": loop.recipe.name, "lm": loop.task.model, "prompt": prompt_of(champion)}
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
            "identity": identity(job, challenger.texts),
            "over": over,
            "held_back": found.rows,
        }
    )
    if not wins or loop.shadow:
        why = f"{verdict.reason}; in shadow mode nothing is promoted" if wins else verdict.reason
        return Decision(challenger, found, None, why)
    try:
        promoted = _promote(loop, job, challenger, found, over)
    except Superseded as error:
        return Decision(challenger, found, None, f"{verdict.reason}, but {error}")
    told = {"kind": "promoted", **who, "response": challenger.how, "score": score, "new_prompt": prompt_of(challenger.texts)}
    log.append({**told, "over": over, "file": digest_of(promoted.read_bytes())})
    return Decision(challenger, found, promoted, verdict.reason)


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0


def _promote(loop: Loop, job: Job, challenger: Challenger, found: Comparison, over: str | None) -> Path:
    """Write the challenger as a compiled program, and put it into use if the champion still is."""
    program = job.build(challenger.texts)
    new, old = found.challenger, found.champion
    figures: dict[str, Any] = {"compiled": bootstrap(new), IN_USE.replace(" ", "_"): bootstrap(old)}
    figures["gain"] = bootstrap([a - b for a, b in zip(new, old, strict=True)])
    test = {name: {"mean": each.mean, "low": each.low, "high": each.high, "rows": each.rows} for name, each in figures.items()}
    verdict = found.verdict
    provenance = store.Provenance(
        schema_version=store.SCHEMA_VERSION,
        program=loop.recipe.name,
        lm=loop.task.model,
        fields=shape_of(program),
        seed_instructions_sha256={name: store.digest(text) for name, text in store.seed_instructions(job.program).items()},
        kept="compiled",
        training={
            "online": {**verdict._asdict(), "how": challenger.how, "history": str(loop.history)},
            "metric": name_of(loop.recipe.metric),
            "data": {"val": {"rows": verdict.rows, "digest": digest(found.rows)}},
            "asked": job.asked(challenger.texts),
            "seed": loop.seed,
            "place": str(loop.data),
            "status": "tested",
        },
        scores={"validation": {"compiled": _mean(new), "in_use": _mean(old), "rows": len(new)}, "test": test},
        lineage=[],
        versions=store.versions(),
        parent=over,
    )
    file = loop.folder / _CHALLENGER
    store.save_compiled(program, provenance, file)
    store.write_atomically(file.with_suffix(".md"), card_for(store.read_compiled(file)))
    done = promote(file, loop.recipe.name, loop.task.model, over=over)
    assert done.now is not None
    return done.now.path


def line_of(decision: Decision) -> str:
    """Describe a decision in a line."""
    found, verdict = decision.comparison, decision.comparison.verdict
    word = "promoted" if decision.promoted else "refused" if verdict.decision != "promote" else "not promoted"
    figures = f"{_mean(found.champion):.3f} -> {_mean(found.challenger):.3f} on {verdict.rows} rows"
    interval = f"difference {verdict.mean:+.3f} [{verdict.low:.3f}, {verdict.high:.3f}]"
    return f"{word:<11} {decision.challenger.how}: {figures}, {interval}; {decision.why}"
