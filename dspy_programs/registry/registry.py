"""Program names, and loading a program with its compiled state for the language model in use."""

import contextlib
import logging
import math
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

import dspy

from dspy_programs.errors import CompiledMismatch, CompiledMissing, CompiledProgramError, UsageError
from dspy_programs.lm import spec_in_use
from dspy_programs.predict import Program
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.code_editor import CodeEditor
from dspy_programs.programs.code_summarizer import CodeSummarizer
from dspy_programs.programs.command_planner import CommandPlanner
from dspy_programs.programs.data_generator import DataGenerator
from dspy_programs.programs.document_qa import DocumentQA
from dspy_programs.programs.failure_judge import FailureJudge
from dspy_programs.programs.log_context import LogContext
from dspy_programs.programs.loop_explainer import LoopExplainer
from dspy_programs.programs.memory_summarizer import MemorySummarizer
from dspy_programs.programs.orchestrator import Orchestrator
from dspy_programs.programs.planner import Planner
from dspy_programs.programs.quality_judge import QualityJudge
from dspy_programs.programs.section_scorer import SectionScorer
from dspy_programs.registry.compiled_store import (
    Compiled,
    Provenance,
    all_compiled,
    apply_state,
    available_models,
    folder_name,
    in_use,
    read_compiled,
)
from dspy_programs.registry.own_programs import (
    Source,
    home_of,
    introduce,
    is_introduced,
    is_own,
    name_of,
    new_from,
    object_named,
    registered,
    source_of,
)
from dspy_programs.registry.shared import HUB, is_shared, program_in, shared_file

PROGRAMS: dict[str, type[Program]] = {
    "actor": Actor,
    "code_editor": CodeEditor,
    "code_summarizer": CodeSummarizer,
    "command_planner": CommandPlanner,
    "data_generator": DataGenerator,
    "document_qa": DocumentQA,
    "failure_judge": FailureJudge,
    "log_context": LogContext,
    "loop_explainer": LoopExplainer,
    "memory_summarizer": MemorySummarizer,
    "orchestrator": Orchestrator,
    "planner": Planner,
    "quality_judge": QualityJudge,
    "section_scorer": SectionScorer,
}
P = TypeVar("P", bound=Program)
M = TypeVar("M", bound=dspy.Module)
_logger = logging.getLogger("dspy_programs")


class LoadOptions(TypedDict, total=False):
    """The keywords of `load`."""

    name: str | None
    path: Path | str | None
    strict: bool
    portable: bool
    verbose: bool


# DSPy has no types, so mypy takes a user's program for a subclass of anything, and so for the first of these. To pyright it is
# a dspy.Module, and so the last of them.
@overload
def load(program: P, lm: str | None = None, **options: Unpack[LoadOptions]) -> P: ...
@overload
def load(program: type[M], lm: str | None = None, **options: Unpack[LoadOptions]) -> M: ...
@overload
def load(program: Literal["actor"], lm: str | None = None, **options: Unpack[LoadOptions]) -> Actor: ...
@overload
def load(program: Literal["code_editor"], lm: str | None = None, **options: Unpack[LoadOptions]) -> CodeEditor: ...
@overload
def load(program: Literal["code_summarizer"], lm: str | None = None, **options: Unpack[LoadOptions]) -> CodeSummarizer: ...
@overload
def load(program: Literal["command_planner"], lm: str | None = None, **options: Unpack[LoadOptions]) -> CommandPlanner: ...
@overload
def load(program: Literal["data_generator"], lm: str | None = None, **options: Unpack[LoadOptions]) -> DataGenerator: ...
@overload
def load(program: Literal["document_qa"], lm: str | None = None, **options: Unpack[LoadOptions]) -> DocumentQA: ...
@overload
def load(program: Literal["failure_judge"], lm: str | None = None, **options: Unpack[LoadOptions]) -> FailureJudge: ...
@overload
def load(program: Literal["log_context"], lm: str | None = None, **options: Unpack[LoadOptions]) -> LogContext: ...
@overload
def load(program: Literal["loop_explainer"], lm: str | None = None, **options: Unpack[LoadOptions]) -> LoopExplainer: ...
@overload
def load(program: Literal["memory_summarizer"], lm: str | None = None, **options: Unpack[LoadOptions]) -> MemorySummarizer: ...
@overload
def load(program: Literal["orchestrator"], lm: str | None = None, **options: Unpack[LoadOptions]) -> Orchestrator: ...
@overload
def load(program: Literal["planner"], lm: str | None = None, **options: Unpack[LoadOptions]) -> Planner: ...
@overload
def load(program: Literal["quality_judge"], lm: str | None = None, **options: Unpack[LoadOptions]) -> QualityJudge: ...
@overload
def load(program: Literal["section_scorer"], lm: str | None = None, **options: Unpack[LoadOptions]) -> SectionScorer: ...
@overload
def load(program: str, lm: str | None = None, **options: Unpack[LoadOptions]) -> dspy.Module: ...
@overload
def load(program: M, lm: str | None = None, **options: Unpack[LoadOptions]) -> M: ...


def load(
    program: str | type[dspy.Module] | dspy.Module,
    lm: str | None = None,
    *,
    name: str | None = None,
    path: Path | str | None = None,
    strict: bool = False,
    portable: bool = False,
    verbose: bool = False,
) -> dspy.Module:
    """Return a program with the instructions and demonstrations that were compiled for a language model.

    Args:
        program: The name of one of ours, "package.module:attribute", or a name that an installed package registers; or your
            own program, as its class or an instance, which is copied. A shared place, as for `path`, may also be given here,
            if it holds one of ours or one that a package registers.
        lm: The spec of the model, such as "openai/gpt-4.1-mini". By default the model in use, else the environment's, else
            the embedded one.
        name: The name your own program was saved under, if that is not the place of its class.
        path: A compiled JSON to use instead of searching your directory and then the shipped files; or a shared folder or
            "hf:OWNER/NAME@REVISION".
        strict: Raise CompiledMissing if nothing was compiled for the model; otherwise warn and return the uncompiled
            program.
        portable: If nothing was compiled for the model, use the one compiled for the most similar model, and warn.
        verbose: Print on stderr which file is used. It is logged to "dspy_programs" (INFO) in any case.

    Returns:
        A new program; a name of ours gives its class. Its `loaded_from` is the path of the file that was used, None for the
        uncompiled program.

    Raises:
        UsageError: The program is unknown or cannot be created.
        CompiledMissing: With `strict`, if there is no file for the model.
        CompiledMismatch: The file was compiled for different fields, types or instructions than the code has now.
        CompiledProgramError: The file cannot be read as a compiled program.
    """
    spec = spec_in_use(lm)
    if isinstance(program, str) and path is None and not _is_name(program) and is_shared(program):
        require_known(saved := program_in(program), program)
        program, path = saved, program
    given = _file_at(path, spec) if path else None
    name = program if isinstance(program, str) else _name_for(program, name, given)
    made = new_program(name) if isinstance(program, str) else new_from(program, name)
    mend = _mend_of(name, spec)
    if file := given or in_use(name, spec):
        compiled = read_compiled(file, name, None if path else spec)
        apply_state(made, compiled, file)
        if not path and (where := _elsewhere_made(made, compiled)):
            warnings.warn(f"{name}: {where}", stacklevel=2)
    elif portable and (other := _most_similar(name, spec)):
        file, made, model = other
        warnings.warn(f"{name} is not compiled for {spec}, so the one compiled for {model} is used. {mend}", stacklevel=2)
    else:
        message = f"{name} is not compiled for {spec}, so it runs uncompiled. {mend}{elsewhere(name, portable)}"
        if strict:
            raise CompiledMissing(message)
        warnings.warn(message, stacklevel=2)
    made.loaded_from = file
    tell(f"{name} for {spec}: {file or 'uncompiled'}", verbose)
    return made


@contextlib.contextmanager
def without_warning() -> Iterator[None]:
    """Let tools load a program that is not compiled for the model, and say nothing: the program's page tells it."""
    with warnings.catch_warnings(action="ignore"):
        yield


def _is_name(program: str) -> bool:
    return program in PROGRAMS or is_own(program)


def _file_at(path: Path | str, spec: str) -> Path:
    """Return a place's file for a model: the file itself, or one shared by a folder or repository."""
    shared = str(path).startswith(HUB) or os.path.isdir(path)  # False for a name that is too long
    return shared_file(str(path), spec) if shared else Path(path)


def _mend_of(name: str, spec: str) -> str:
    """Say how to compile a program: ours by a command, the user's own also in Python."""
    ours = f"Compile it: python -m optimizers.train --module {name} --lm {spec}"
    return ours if name in PROGRAMS else f"{ours}, or optimizers.compile_program in Python"


def _name_for(program: Source, name: str | None, given: Path | None) -> str:
    """Return the name for a program object, by which this process finds it from now on.

    given: the file to load it from, which records its name.
    """
    kind: Any = type(program) if isinstance(program, dspy.Module) else program
    if not isinstance(kind, type) or not issubclass(kind, dspy.Module):
        raise UsageError(f"{program!r} is not a dspy.Module; give a Module class, an instance or a name")
    if ours := next((each for each, made in PROGRAMS.items() if made is kind), None):
        return ours
    if given and name is None:
        return read_compiled(given).provenance.program
    introduce(name := name or name_of(program), program)
    return name


def _elsewhere_made(program: dspy.Module, compiled: Compiled) -> str:
    """Say that a program of the same name was compiled in another folder; "" if not, or if unknown."""
    then, now = compiled.provenance.training.get("home"), home_of(program)
    if then in (None, now):
        return ""
    return (
        "the compiled program in use belongs to a program of this name in another folder. If that is a different program, "
        "compile this one under its own name: compile_program(..., name=...)"
    )


def require_known(name: str, where: Path | str, given: str | None = None) -> None:
    """Refuse a name read from a file unless it is ours, an installed package's or the user's: data never decides which code
    is imported. Raises UsageError."""
    if name != given and name not in PROGRAMS and name not in registered() and not is_introduced(name):
        raise UsageError(
            f"{where}: compiled for {name}, which is not a program of this library. If it is yours, add --module {name}, "
            "or in Python load(YourProgram, path=...)"
        )


def new_program(name: str) -> dspy.Module:
    """Make the uncompiled program of this name. Raises UsageError if there is none."""
    return new_from(program_named(name), name)


def program_named(name: str) -> Source:
    """Return the source of this program: ours, one that a package registers, or "package.module:attribute"."""
    if name in PROGRAMS:
        return PROGRAMS[name]
    if is_own(name):
        return source_of(object_named(name), name)
    known = ", ".join([*sorted(PROGRAMS), *sorted(registered())])
    raise UsageError(f"unknown program {name!r}; choose from {known}, or name your own as package.module:attribute")


def _most_similar(name: str, spec: str) -> tuple[Path, dspy.Module, str] | None:
    """Return the program compiled for the most similar model that fits the current code: file, program, model.

    Same family first, then same provider, then the largest gain; files that kept the seed are skipped. Of two files for
    one model, the one that `load` uses.
    """
    found: dict[str, tuple[Path, Compiled]] = {}
    for path in all_compiled():
        if path.parent.name == folder_name(name):
            with contextlib.suppress(CompiledProgramError):  # `verify` reports it
                compiled = read_compiled(path, name)
                found.setdefault(compiled.provenance.lm, (path, compiled))
    for model, (path, compiled) in sorted(found.items(), key=lambda item: _unlikeness(spec, item[1][1].provenance)):
        program = new_program(name)
        with contextlib.suppress(CompiledMismatch):
            if compiled.provenance.kept == "compiled":
                apply_state(program, compiled, path)
                return path, program, model
    return None


def _unlikeness(spec: str, saved: Provenance) -> tuple[bool, bool, float, str]:
    """Return a sort key: most useful first, deterministic."""
    provider, family = spec.partition("/")[0], family_of(spec)
    return (family_of(saved.lm) != family, saved.lm.partition("/")[0] != provider, -gain_of(saved), saved.lm)


def family_of(spec: str) -> str:
    """Return the letters a model's name starts with: "local/qwen2.5-coder-1.5b" and "openai/Qwen/Qwen3-8B" are both "qwen"."""
    letters = re.match(r"[a-z]*", spec.rpartition("/")[2].lower())
    return letters.group() if letters else ""


def gain_of(saved: Provenance) -> float:
    """Return by how much the compiled program beat the seed on test, else on validation; 0 if the file does not say."""
    scores: Any = saved.scores
    try:
        if "difference" in (scores.get("test") or {}):
            gain = float(scores["test"]["difference"]["mean"])
        else:
            gain = float(scores["validation"]["compiled"]) - float(scores["validation"]["seed"])
    except (KeyError, TypeError, ValueError):
        return 0.0
    return gain if math.isfinite(gain) else 0.0


def elsewhere(name: str, portable: bool) -> str:
    """Say which models have a file, and how to use one of them."""
    if not (models := available_models(name)):
        return ""
    how = "none of these is an improvement" if portable else "load(..., portable=True) uses the most similar one"
    return f". It is compiled for {', '.join(models)}; {how}"


def tell(message: str, verbose: bool) -> None:
    _logger.info(message)
    if verbose:
        print(message, file=sys.stderr)
