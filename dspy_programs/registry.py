"""Program names, and a program with its compiled state for the language model in use."""

import warnings
from pathlib import Path

import dspy

from dspy_programs.actor import Actor
from dspy_programs.compiled_store import apply_state, available_models, candidates_for, read_compiled
from dspy_programs.data_generator import DataGenerator
from dspy_programs.errors import CompiledMissing, UsageError
from dspy_programs.failure_judge import FailureJudge
from dspy_programs.lm import spec_in_use
from dspy_programs.memory_summarizer import MemorySummarizer
from dspy_programs.planner import Planner
from dspy_programs.quality_judge import QualityJudge
from dspy_programs.section_scorer import SectionScorer

PROGRAMS: dict[str, type[dspy.Module]] = {
    "actor": Actor,
    "data_generator": DataGenerator,
    "failure_judge": FailureJudge,
    "memory_summarizer": MemorySummarizer,
    "planner": Planner,
    "quality_judge": QualityJudge,
    "section_scorer": SectionScorer,
}


def load(name: str, lm: str | None = None, *, path: Path | str | None = None, strict: bool = False) -> dspy.Module:
    """Return the program `name` with the instructions compiled for a language model.

    lm      spec of the model; without it, the one in use (DSPy's current LM, the environment, the embedded default)
    path    a compiled JSON to use instead of looking for one: the user's directory first, then what is shipped
    strict  raise CompiledMissing where there is none; else warn, and return the program as it was written

    Raises CompiledMismatch when the JSON was compiled for other fields, types or instructions than today's code has.
    """
    program = program_class(name)()
    spec = spec_in_use(lm)
    found = [Path(path)] if path else [file for file in candidates_for(name, spec) if file.is_file()]
    if found:
        apply_state(program, read_compiled(found[0], name, None if path else spec), found[0])
        return program
    others = available_models(name)
    message = (
        f"{name} is not compiled for {spec}, so it runs as it was written. "
        f"Compile it: python -m optimizers.train --module {name} --lm {spec}"
        + (f". It is compiled for {', '.join(others)}" if others else "")
    )
    if strict:
        raise CompiledMissing(message)
    warnings.warn(message, stacklevel=2)
    return program


def program_class(name: str) -> type[dspy.Module]:
    if name not in PROGRAMS:
        raise UsageError(f"there is no program {name!r}; there are: {', '.join(sorted(PROGRAMS))}")
    return PROGRAMS[name]
