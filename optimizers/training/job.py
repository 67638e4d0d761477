"""What a training run searches: a program, its rows, possible demonstrations, and earlier compiled programs as starts."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dspy
from pydantic import TypeAdapter, ValidationError

from dspy_programs.errors import CompiledProgramError, UsageError
from dspy_programs.predict import FewShot
from dspy_programs.registry import compiled_store as store, is_own
from optimizers.data import evenly
from optimizers.json_text import as_json
from optimizers.recipes import Recipe, Rows
from optimizers.search import (
    IN_USE,
    POOL,
    POOLED,
    REASONING,
    SEED,
    Demonstration,
    DemonstrationStore,
    InitialProgram,
    Job,
    asked_by,
    choose,
    compiled_before,
    given_demonstrations,
    pooled,
    showing,
    uncompiled,
    uses_reasoning,
)
from optimizers.training.run_directory import BEFORE, OTHERS, RunDirectory
from optimizers.training.settings import Training


def remember_compiled(training: Training, run: RunDirectory, again: bool = False) -> None:
    """When a run starts, copy what `load` currently returns and what was compiled for other models."""
    name, model = training.recipe.name, training.task_lm.model
    if not (run.is_new or again):
        return
    for stale in [run.path / BEFORE, *run.path.glob(f"{OTHERS}*.json")]:  # from a run that got no answer
        stale.unlink(missing_ok=True)
    now = training.out or store.in_use(name, model)
    if now is not None and now.is_file():
        store.write_atomically(run.path / BEFORE, now.read_bytes())
    for other in store.available_models(name):
        if other != model and (file := store.in_use(name, other)):
            copy = run.path / f"{OTHERS}{store.file_name(other)}.json"
            store.write_atomically(copy, file.read_bytes())


def compiled_starts(training: Training, path: Path) -> dict[str, dspy.Module]:
    """Return the programs that were compiled when the run started and fit the current code, by their names as starts.

    They are read from the run's folder, `path`, so that a resumed run has the same starts.
    """
    name = training.recipe.name
    found = {}
    for file in [path / BEFORE, *sorted(path.glob(f"{OTHERS}*.json"))]:
        program = training.recipe.new_program()
        with contextlib.suppress(CompiledProgramError):  # for older code: it cannot be used, so there is nothing to beat
            compiled = store.read_compiled(file, name, training.task_lm.model if file.name == BEFORE else None)
            store.apply_state(program, compiled, file)
            saved = compiled.provenance
            program.asked = _digests_in(saved.training.get("asked"))
            if file.name == BEFORE or saved.kept == "compiled":
                found[IN_USE if file.name == BEFORE else f"for {saved.lm}"] = program
    return found


def _digests_in(asked: Any) -> dict[str, list[str]]:
    """Return the digests of the demonstrations' inputs that a file records; empty if not in the form of `train`."""
    try:
        return TypeAdapter(dict[str, list[str]]).validate_python(asked or {})
    except ValidationError:
        return {}


def job_of(
    recipe: Recipe,
    rows: Rows,
    seed: int,
    reasoning: bool = False,
    before: Mapping[str, dspy.Module] = MappingProxyType({}),
) -> Job:
    """Assemble what a search needs. reasoning: also try chain of thought; before: earlier compiled programs, by name."""
    program = recipe.new_program()
    plain = uncompiled(program)
    others = {name: compiled_before(each, name, uses_reasoning(program)) for name, each in before.items()}
    asked = {name: dict(getattr(each, "asked", {})) for name, each in before.items()}
    pools = all(isinstance(predictor, FewShot) for predictor in program.predictors())
    pool = choose(rows["train"], recipe.demonstrator, recipe.kind, POOL, seed)
    _require_showable(program, recipe, pool)
    sets: dict[str, Mapping[str, Sequence[Demonstration]]] = {name: demos for name, (_, demos) in others.items()}
    largest = max(sets, key=lambda name: sum(map(len, sets[name].values())), default="")  # among equals the one in use
    if pools and (both := pooled(pool, recipe.demonstrator, sets.get(largest, {}))):
        sets[POOLED] = both
        asked[POOLED] = {
            name: [
                *(asked_by(row) for row in pool if name in recipe.demonstrator(row)),
                *(asked.get(largest, {}).get(name) or [""] * len(sets.get(largest, {}).get(name, ()))),
            ]
            for name in both
        }
        others = {name: each for name, each in others.items() if name != largest or name == IN_USE}  # it is in the pool
    if given := given_demonstrations(program):
        sets[SEED], plain = given, showing(plain, SEED)
    learns = recipe.demonstrate is None
    demonstrations = DemonstrationStore(pool, recipe.demonstrator, recipe.demonstrations, sets, asked, pools, learns)
    starts = [
        InitialProgram(SEED, plain),
        *(InitialProgram(name, texts) for name, (texts, _) in others.items() if name == IN_USE),
        *(InitialProgram(name, showing(plain, name)) for name in demonstrations.sets),
        *(InitialProgram(name, texts) for name, (texts, _) in others.items() if name != IN_USE),
        *([InitialProgram("reasoning", plain | {REASONING: "on"})] if reasoning and not uses_reasoning(program) else []),
    ]
    trainset, valset = ([row for row in rows[split] if recipe.asks(row)] or rows[split] for split in ("train", "val"))
    return Job(program, recipe.scorer, trainset, evenly(valset, recipe.kind), demonstrations, recipe.kind, starts)


def _require_showable(program: dspy.Module, recipe: Recipe, pool: Sequence[dspy.Example]) -> None:
    """Raise UsageError now, not when the result is saved, if the user's `demonstrate` tells what no predictor can be shown."""
    if recipe.demonstrate is None or not is_own(recipe.name):
        return
    fields = {name: predictor.signature.fields for name, predictor in program.named_predictors()}
    readers = {name: {f: TypeAdapter(info.annotation) for f, info in each.items()} for name, each in fields.items()}
    for row in pool:
        for name, told in recipe.demonstrate(row).items():
            if name not in readers:
                raise UsageError(f"demonstrate: row {row.id!r}: no predictor {name!r}; choose from {', '.join(readers)}")
            for field, value in json.loads(as_json(dict(told))).items():
                if field not in readers[name]:
                    raise UsageError(
                        f"demonstrate: row {row.id!r}: {name!r} has no field {field!r}; choose from {', '.join(readers[name])}"
                    )
                if not store.is_of_type(readers[name][field], value):
                    raise UsageError(f"demonstrate: row {row.id!r}: {name!r}: wrong type for {field!r}")
