"""Compile your own program from Python: one call, with the journal, checks and files that `train` gives ours."""

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.lm import connect
from dspy_programs.own_programs import introduce, name_of
from dspy_programs.registry import PROGRAMS, load
from optimizers.budgets import CANDIDATES
from optimizers.conclusion import Report
from optimizers.demonstrations import Demonstrate
from optimizers.meter import Budget
from optimizers.proposers import Choice
from optimizers.recipe import Recipe, alike
from optimizers.run_directory import default_path
from optimizers.settings import training_of
from optimizers.summary import plan_of, summary_of
from optimizers.training import train_in


class CompiledProgram(NamedTuple):
    """program: as `load` returns it from now on, for the model it was compiled for; report: what was tried and scored."""

    program: dspy.Module
    report: Report


def compile_program(
    program: dspy.Module | type[dspy.Module],
    *,
    metric: Callable[..., Any],
    trainset: Sequence[dspy.Example | Mapping[str, Any]],
    valset: Sequence[dspy.Example | Mapping[str, Any]] | None = None,
    testset: Sequence[dspy.Example | Mapping[str, Any]] | None = None,
    lm: dspy.LM | str | None = None,
    reflection_lm: dspy.LM | str | None = None,
    auto: str | None = None,
    max_metric_calls: int | None = None,
    max_minutes: float | None = None,
    max_tokens: int | None = None,
    max_usd: float | None = None,
    name: str | None = None,
    demonstrate: Demonstrate | None = None,
    demonstrations: int = 4,
    kind: Callable[[dspy.Example], Hashable] = alike,
    proposer: Choice = "auto",
    reasoning: bool | None = None,
    seed: int = 0,
    threads: int | None = None,
    run_dir: Path | str | None = None,
    resume: bool | None = None,
) -> CompiledProgram:
    """Search for better instructions and demonstrations, test them on unseen rows, and put them into use if they are better.

    program      a dspy.Module instance, or a class without required arguments; it is not changed
    metric       (row, prediction) -> a score in [0, 1], a bool, or score and feedback; see own_metric.py
    trainset     rows, as dspy.Example or dict. Without a testset, a third of them is kept for the test; without a valset,
                 the rest also validates, each row scored with the others as demonstrations
    lm, reflection_lm   models or specs; by default DSPy's current one, else the environment's, and the same for both
    auto         "light", "medium" or "heavy", as in dspy.GEPA; or limits: metric calls, minutes, tokens, US dollars. By
                 default light with at least 300 metric calls, or 15 minutes for an embedded model
    name         the name under which the result is saved and `load` finds it; by default the class's place, "module:Class"
    demonstrate, demonstrations, kind   see Recipe
    proposer, reasoning, seed, threads, run_dir, resume   like the flags of `python -m optimizers.train`

    Repeat the same call to resume after a stop; no answer is paid for twice. Progress is printed.
    Raises UsageError, DatasetError, LanguageModelError, RunError; and whatever the program or the metric raises.
    """
    if not isinstance(program, dspy.Module) and not (isinstance(program, type) and issubclass(program, dspy.Module)):
        raise UsageError(
            f"program: {program!r} is not a dspy.Module; give a Module class or an instance (--module takes names)"
        )
    name = name or name_of(program)
    if name in PROGRAMS:
        raise UsageError(f"name: {name!r} is a program of this library; choose another")
    if auto not in (None, *CANDIDATES) or proposer not in get_args(Choice):
        raise UsageError(f"choose auto from {', '.join(CANDIDATES)} or None, and proposer from {', '.join(get_args(Choice))}")
    if auto and max_metric_calls:
        raise UsageError("auto and max_metric_calls both set the number of metric calls; give only one")
    introduce(name, program)
    recipe = Recipe(program, metric, name, demonstrate=demonstrate, demonstrations=demonstrations, kind=kind)
    task = model_of(lm, program)
    training = training_of(
        recipe,
        task,
        task if reflection_lm is None else model_of(reflection_lm, program),
        (proposer, reasoning),
        (auto, Budget(max_metric_calls, max_minutes, max_tokens, max_usd)),
        seed,
        threads,
        {split: rows for split, rows in (("train", trainset), ("val", valset), ("test", testset)) if rows is not None},
    )
    directory = Path(run_dir) if run_dir else default_path(name, task.model)
    print(plan_of(training, directory), flush=True)
    report = train_in(directory, training, resume)
    print(summary_of(training, report, directory), flush=True)
    with warnings.catch_warnings(action="ignore"):  # if nothing was better, it runs uncompiled: the report says so
        return CompiledProgram(load(name, task.model), report)


def model_of(lm: dspy.LM | str | None, program: dspy.Module | type[dspy.Module]) -> dspy.LM:
    """Return the requested model, else the one that all of the program's predictors have, DSPy's current or the default."""
    own = {id(each.lm): each.lm for each in program.predictors() if each.lm} if isinstance(program, dspy.Module) else {}
    if isinstance(lm, dspy.BaseLM):
        return lm
    if lm is None and len(own) > 1:
        raise UsageError("the program's predictors have different models; give the one to compile for: lm=...")
    return next(iter(own.values()), None) or dspy.settings.lm or connect() if lm is None else connect(lm)
