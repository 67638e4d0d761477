"""A challenger that won, as a compiled program in use, with what it was compared on in its provenance and card."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dspy_programs.errors import CompiledProgramError
from dspy_programs.registry import compiled_store as store, shape_of
from optimizers.loop.challengers import Challenger, prompt_of
from optimizers.loop.comparison import Comparison
from optimizers.loop.log import Log
from optimizers.promotion import card_for, checked_place, current, promote
from optimizers.scoring import bootstrap, name_of
from optimizers.search import IN_USE, Job
from optimizers.training import digest

if TYPE_CHECKING:
    from optimizers.loop.round import Loop

FILE = "challenger.json"


def note_promotion(loop: "Loop") -> None:
    """Write into the history that its winner is in use, unless it says so: a kill may have come between the two."""
    entry = current(checked_place(loop.recipe.name, loop.task.model))
    if entry is None:
        return
    try:
        saved = store.read_compiled(entry.path).provenance
    except CompiledProgramError:  # of other code: none of ours
        return
    online = saved.training.get("online")
    if not isinstance(online, dict) or online.get("history") != str(loop.history):
        return
    log = Log(loop.history)
    if any(line.get("kind") == "promoted" and line.get("file") == entry.digest for line in log.lines()):
        return
    told = {name: online.get(name, "") for name in ("round", "prompt", "new_prompt", "identity")}
    who = {"module": loop.recipe.name, "lm": loop.task.model, "response": online.get("how", "")}
    score = round(float(saved.scores["validation"]["compiled"]), 6)
    log.append({"kind": "promoted", **who, **told, "score": score, "over": saved.parent, "file": entry.digest})


def put_into_use(job: Job, challenger: Challenger, found: Comparison, over: str | None, loop: "Loop", identity: str) -> Path:
    """Write the challenger as a compiled program, and put it into use if the champion still is; return its place.

    over: the digest of the champion's file; identity: the challenger's. Raises Superseded if another program was put into use
    meanwhile.
    """
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
            "online": {
                **verdict._asdict(),
                "how": challenger.how,
                "history": str(loop.history),
                "round": loop.label,
                "prompt": found.prompt,
                "new_prompt": prompt_of(challenger.texts),
                "identity": identity,
            },
            "metric": name_of(loop.recipe.metric),
            "data": {"val": {"rows": verdict.rows, "digest": digest(found.rows)}},
            "asked": job.asked(challenger.texts),
            "seed": loop.seed,
            "place": str(loop.data),
            "status": "tested",
        },
        scores={
            "validation": {"compiled": sum(new) / len(new), "in_use": sum(old) / len(old), "rows": len(new)},
            "test": test,
        },
        lineage=[],
        versions=store.versions(),
        parent=over,
    )
    file = loop.folder / FILE
    store.save_compiled(program, provenance, file)
    store.write_atomically(file.with_suffix(".md"), card_for(store.read_compiled(file)))
    done = promote(file, loop.recipe.name, loop.task.model, over=over)
    assert done.now is not None
    return done.now.path
