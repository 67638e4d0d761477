"""Compile your own program from Python: one call, with the same journal, checks and files as `train`."""

import math
import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Required, TypedDict, TypeVar, Unpack, get_args, overload

import dspy

from dspy_programs.errors import UsageError
from dspy_programs.lm import connect
from dspy_programs.predict import Program
from dspy_programs.registry import PROGRAMS, introduce, load, name_of
from optimizers.calls import Budget
from optimizers.recipes import Recipe, alike
from optimizers.scoring import UserMetric
from optimizers.search import Choice, Demonstrate
from optimizers.training.budgets import CANDIDATES
from optimizers.training.conclusion import Report
from optimizers.training.run_directory import default_path
from optimizers.training.settings import training_of
from optimizers.training.summary import plan_of, summary_of
from optimizers.training.training import train_in

P = TypeVar("P", bound=Program)
M = TypeVar("M", bound=dspy.Module)


class CompiledProgram(NamedTuple, Generic[M]):
    """The result of `compile_program`; unpack it with `program, report = compile_program(...)`."""

    program: M
    """The program as `load` returns it from now on, for the model it was compiled for."""
    report: Report
    """What was tried and scored."""


class CompileOptions(TypedDict, total=False):
    """The keywords of `compile_program`."""

    metric: Required[UserMetric]
    trainset: Required[Sequence[dspy.Example | Mapping[str, Any]]]
    valset: Sequence[dspy.Example | Mapping[str, Any]] | None
    testset: Sequence[dspy.Example | Mapping[str, Any]] | None
    lm: dspy.LM | str | None
    reflection_lm: dspy.LM | str | None
    auto: Literal["light", "medium", "heavy"] | None
    max_metric_calls: int | None
    max_minutes: float | None
    budget_tokens: int | None
    max_usd: float | None
    name: str | None
    demonstrate: Demonstrate | None
    demonstrations: int
    kind: Callable[[dspy.Example], Hashable]
    proposer: Choice
    reasoning: bool | None
    seed: int
    threads: int | None
    run_dir: Path | str | None
    resume: bool | None


@overload  # the first for mypy, the last for pyright, as for `load`
def compile_program(program: P, **options: Unpack[CompileOptions]) -> CompiledProgram[P]: ...
@overload
def compile_program(program: type[M], **options: Unpack[CompileOptions]) -> CompiledProgram[M]: ...
@overload
def compile_program(program: M, **options: Unpack[CompileOptions]) -> CompiledProgram[M]: ...


def compile_program(
    program: type[dspy.Module] | dspy.Module,
    *,
    metric: UserMetric,
    trainset: Sequence[dspy.Example | Mapping[str, Any]],
    valset: Sequence[dspy.Example | Mapping[str, Any]] | None = None,
    testset: Sequence[dspy.Example | Mapping[str, Any]] | None = None,
    lm: dspy.LM | str | None = None,
    reflection_lm: dspy.LM | str | None = None,
    auto: Literal["light", "medium", "heavy"] | None = None,
    max_metric_calls: int | None = None,
    max_minutes: float | None = None,
    budget_tokens: int | None = None,
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
) -> CompiledProgram[Any]:
    """Search for better instructions and demonstrations, test them on unseen rows, and put them into use if they are better.

    Repeat the same call to resume after a stop; no answer is paid for twice. Progress is printed.

    Args:
        program: A dspy.Module instance, or a class without required arguments. It is not changed.
        metric: (row, prediction) -> a score in [0, 1], a bool, or score and feedback; DSPy's metrics of three arguments and
            GEPA's of five also work.
        trainset: Rows, as dspy.Example or dict. Without a `testset`, a third of them is kept for the test; without a
            `valset`, the rest also validates, each row scored with the others as demonstrations.
        valset: Rows that choose between candidates.
        testset: Rows that are read once, to measure the result.
        lm: The model to compile for, or its spec; by default DSPy's current one, else the environment's.
        reflection_lm: The model that proposes instructions, or its spec; by default `lm`.
        auto: Budget preset, as in dspy.GEPA. By default "light" with at least 300 metric calls, or 15 minutes for an
            embedded model.
        max_metric_calls: Limit on metric calls, one for each row scored while searching.
        max_minutes: Limit in minutes, including the test.
        budget_tokens: Limit on tokens of requests and replies together, including the test.
        max_usd: Limit in US dollars, including the test.
        name: The name under which the result is saved and `load` finds it; by default the class's place, "module:Class".
        demonstrate: A row -> what each predictor should have written; by default its labels.
        demonstrations: How many rows a call shows if all are shown.
        kind: A row -> its kind; demonstrations are spread over the kinds.
        proposer: Who writes new instructions: "rules" for small models, "dspy" for GEPA's own, "auto" to decide by model.
        reasoning: Whether to try a version that writes its reasoning first; by default not with an embedded model.
        seed: Random seed.
        threads: Rows in parallel; by default 8, or 1 with an embedded model.
        run_dir: Where the run keeps its journal; by default a folder for this program and model.
        resume: True: resume the existing run; False: start a new one; None: resume if there is one.

    Returns:
        The program as `load` returns it from now on, for the model it was compiled for, and the report.

    Raises:
        UsageError: An argument is invalid.
        DatasetError: A row is invalid.
        LanguageModelError: A model is unavailable or does not answer.
        RunError: The run's folder belongs to another run, or a limit was reached before there was a result.
        Exception: Whatever the program or the metric raises.
    """
    name = _usable_name(name, program)
    whole = {"max_metric_calls": max_metric_calls, "budget_tokens": budget_tokens, "threads": threads}
    _require_numbers(whole | {"demonstrations": demonstrations}, {"max_minutes": max_minutes, "max_usd": max_usd})
    _require_choices(auto, max_metric_calls, proposer)
    introduce(name, program)
    recipe = Recipe(program, metric, name, demonstrate=demonstrate, demonstrations=demonstrations, kind=kind)
    task = _model_of(lm, program)
    training = training_of(
        recipe,
        task,
        task if reflection_lm is None else _model_of(reflection_lm, program),
        (proposer, reasoning),
        (auto, Budget(max_metric_calls, max_minutes, budget_tokens, max_usd)),
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


def _usable_name(name: str | None, program: type[dspy.Module] | dspy.Module) -> str:
    """Return the name of a program, by default its class's place. Raises UsageError."""
    if not isinstance(program, dspy.Module) and not (isinstance(program, type) and issubclass(program, dspy.Module)):
        raise UsageError(
            f"program: {program!r} is not a dspy.Module; give a Module class or an instance (--module takes names)"
        )
    name = name_of(program) if name is None or name == "" else name
    if not isinstance(name, str) or not name.isprintable():
        raise UsageError(f"name: {name!r} cannot be used; give one line of text")
    if name in PROGRAMS:
        raise UsageError(f"name: {name!r} is a program of this library; choose another")
    return name


def _require_choices(auto: str | None, max_metric_calls: int | None, proposer: str) -> None:
    """Raise UsageError for an unknown preset or proposer, or two limits on metric calls."""
    if auto not in (None, *CANDIDATES) or proposer not in get_args(Choice):
        raise UsageError(f"choose auto from {', '.join(CANDIDATES)} or None, and proposer from {', '.join(get_args(Choice))}")
    if auto and max_metric_calls:
        raise UsageError("auto and max_metric_calls both set the number of metric calls; give only one")


def _require_numbers(whole: Mapping[str, Any], limits: Mapping[str, Any]) -> None:
    """Refuse what no command line would take. Raises UsageError."""
    for name, value in whole.items():
        least = 0 if name == "demonstrations" else 1
        if value is not None and (not isinstance(value, Integral) or value < least):
            raise UsageError(f"{name}: {value!r}; give a whole number, at least {least}")
    for name, value in limits.items():
        if value is not None and (not isinstance(value, Real) or not 0 <= float(value) < math.inf):
            raise UsageError(f"{name}: {value!r}; give a number, or omit it for no limit")


def _model_of(lm: dspy.LM | str | None, program: dspy.Module | type[dspy.Module]) -> dspy.LM:
    """Return the requested model, else the one that all of the program's predictors have, DSPy's current or the default."""
    own = {id(each.lm): each.lm for each in program.predictors()} if isinstance(program, dspy.Module) else {}
    if isinstance(lm, dspy.BaseLM):
        return lm
    if lm is None and len(own) > 1 and all(own.values()):
        raise UsageError("the program's predictors have different models, and keep them; give the one to compile for: lm=...")
    if lm is not None and not isinstance(lm, str):
        raise UsageError(f"lm: {lm!r} is not a dspy.LM or a spec such as 'openai/gpt-4.1-mini'")
    shared = next(iter(own.values())) if len(own) == 1 else None
    return shared or dspy.settings.lm or connect() if lm is None else connect(lm)
