"""Save, find, check and load compiled programs: one JSON file for each program and language model.

The file is what DSPy's own `Module.save` writes, so stock `Module.load` reads it; what DSPy does not keep (field names
and types, where it came from, what it scored) is stored under `metadata.app`.

Guarantees files are written whole or not at all; nothing in a file is run, imported or set as an attribute unchecked.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import dspy
import platformdirs
from dspy.utils.saving import get_dependency_versions
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dspy_programs import __version__
from dspy_programs.atomic_file import write_atomically as write_atomically
from dspy_programs.errors import CompiledMismatch, CompiledProgramError, UsageError, first_fault
from dspy_programs.predict import add_reasoning
from dspy_programs.registry.shape import Shapes, has_reasoning, misfit, shape_of

SCHEMA_VERSION = 1
_OF_DSPY = "metadata"  # what `Module.save` writes beside the predictors
AUGMENTED = "augmented"  # DSPy marks demonstrations of its own making so
DIRECTORY_VARIABLE = "DSPY_PROGRAMS_COMPILED"
LARGEST_FILE = 10_000_000  # bytes
MOST_DEMONSTRATIONS = 10_000  # of a predictor; each call compares its inputs with all of them
LONGEST_DEMONSTRATION = 100_000  # characters as JSON; a call may show 16
_LONGEST_NAME = 100  # characters of a folder
_DEEPEST = 50  # levels of nesting; ours have about ten, and DSPy copies a state by recursion


def _on_one_line(name: str) -> str:
    """Return a name that can be printed: messages and commands show it. Raises ValueError."""
    if not name.isprintable():
        raise ValueError("a name must be one line of text, without control characters")
    return name


Name = Annotated[str, Field(max_length=1000), AfterValidator(_on_one_line)]
"""A name in a file from elsewhere."""


def _not_too_many(demos: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the demonstrations, if a model can be shown them. Raises ValueError."""
    if len(demos) > MOST_DEMONSTRATIONS:
        raise ValueError(f"{len(demos):,} demonstrations; at most {MOST_DEMONSTRATIONS:,}, so compile it on fewer rows")
    for number, demo in enumerate(demos):
        if (length := len(json.dumps(demo, ensure_ascii=False))) > LONGEST_DEMONSTRATION:
            raise ValueError(f"demonstration {number} has {length:,} characters; at most {LONGEST_DEMONSTRATION:,}")
    return demos


class SavedField(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prefix: str = Field(max_length=1000)
    description: str = Field(max_length=100_000)  # a limit also refuses half a surrogate pair, which no model can receive


class SavedSignature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    instructions: str = Field(min_length=1, max_length=100_000)
    fields: list[SavedField]


class SavedPredictor(BaseModel):
    """Just the keys DSPy writes. Any other would become an attribute of the predictor when DSPy loads it."""

    model_config = ConfigDict(extra="forbid")

    traces: list[Any] = Field(max_length=0)
    train: list[Any] = Field(max_length=0)
    demos: Annotated[list[dict[str, Any]], AfterValidator(_not_too_many)]
    signature: SavedSignature
    lm: None


_STATES = TypeAdapter(dict[str, SavedPredictor])


class Provenance(BaseModel):
    """Where a compiled program came from, what it was made for and what it scored."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(ge=1, le=SCHEMA_VERSION)
    program: Name
    lm: Name
    fields: Shapes
    seed_instructions_sha256: dict[str, str]
    kept: Name
    training: dict[str, Any]
    scores: dict[str, Any]
    lineage: list[dict[str, Any]]
    versions: dict[str, str]
    parent: str | None = None


class Compiled(BaseModel):
    """A file that has been read and checked as far as possible without the program."""

    predictors: dict[str, SavedPredictor]
    provenance: Provenance


def seed_instructions(program: dspy.Module) -> dict[str, str]:
    return {name: predictor.signature.instructions for name, predictor in program.named_predictors()}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def _models_aside(program: dspy.Module) -> Iterator[None]:
    """Set the models of single predictors aside: the code defines them, never a file."""
    own = {name: predictor.lm for name, predictor in program.named_predictors()}
    for predictor in program.predictors():
        predictor.lm = None
    try:
        yield
    finally:
        for name, predictor in program.named_predictors():
            predictor.lm = own[name]


def state_of(program: dspy.Module) -> dict[str, Any]:
    """Return the saved part of a program: its predictors' states. `Module.dump_state` adds what is none, such as a retriever,
    and is of another form if the program is itself a predictor."""
    with _models_aside(program):
        return {name: predictor.dump_state() for name, predictor in program.named_predictors()}


def require_savable(program: dspy.Module, name: str) -> None:
    """Raise UsageError now, not after an hour of work, if a program's state cannot be written or read back."""
    if _OF_DSPY in (state := state_of(program)):
        raise UsageError(f"{name}: rename the predictor {_OF_DSPY!r}: DSPy's files keep something else under that name")
    try:
        _STATES.validate_json(json.dumps(state))
    except ValidationError as error:
        raise UsageError(f"{name}: its state cannot be saved: {first_fault(error, 'state')}") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: its state cannot be saved: {error}") from error


def save_compiled(program: dspy.Module, provenance: Provenance, path: Path) -> None:
    """Write the program's state and where it came from, atomically."""
    state = state_of(program)
    app = provenance.model_dump(mode="json")
    state["metadata"] = {"dependency_versions": get_dependency_versions(), "app": app}
    write_atomically(path, json.dumps(state, indent=2, ensure_ascii=False) + "\n")


def read_compiled(path: Path, program: str | None = None, lm: str | None = None) -> Compiled:
    """Read a file as data. Raises CompiledProgramError when it is not one of ours, or not for this program or model."""
    try:
        if path.exists() and not path.is_file():  # a device or a pipe never ends
            raise CompiledProgramError(f"{path}: cannot be read: not a file")
        if path.stat().st_size > LARGEST_FILE:
            raise CompiledProgramError(f"{path}: larger than {LARGEST_FILE:,} bytes; not a compiled program")
        state = json.loads(path.read_bytes())
        if _is_deeper(state, _DEEPEST):
            raise CompiledProgramError(f"{path}: nested deeper than {_DEEPEST} levels; not a compiled program")
        app = state.pop("metadata")["app"]
        if isinstance(version_ := app["schema_version"], int) and version_ > SCHEMA_VERSION:
            raise CompiledMismatch(f"{path}: written by a newer dspy-programs (format {version_}); upgrade to use it")
        compiled = Compiled(predictors=state, provenance=app)
    except OSError as error:
        raise CompiledProgramError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise CompiledProgramError(f"{path}: {first_fault(error, 'file')}") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise CompiledProgramError(f"{path}: not a compiled program of this library ({reason})") from error
    saved = compiled.provenance
    program, lm = program or saved.program, lm or saved.lm
    if (saved.program, saved.lm) != (program, lm):
        raise CompiledMismatch(f"{path}: compiled {saved.program} for {saved.lm}, not {program} for {lm}")
    return compiled


def _is_deeper(value: Any, levels: int) -> bool:
    """Return whether lists and objects are nested in each other more than `levels` times."""
    layer = [value]
    for _ in range(levels + 1):
        layer = [child for item in layer for child in _children(item)]
    return bool(layer)


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def apply_state(program: dspy.Module, compiled: Compiled, path: Path) -> None:
    """Load checked state into the program. Raises CompiledMismatch with the first difference and what to do."""
    saved, lm = compiled.provenance, compiled.provenance.lm
    if has_reasoning(saved.fields) and not has_reasoning(shape_of(program)):
        add_reasoning(program)
    mend = f"Compile it again: python -m optimizers.train --module {saved.program} --lm {lm} --fresh"
    if difference := misfit(saved.fields, program):
        raise CompiledMismatch(f"{path}: {difference}. {mend}")
    seeds = {name: digest(text) for name, text in seed_instructions(program).items()}
    if saved.seed_instructions_sha256 != seeds:
        raise CompiledMismatch(f"{path}: the code's instruction has changed since it was compiled. {mend}")
    for name, shapes in saved.fields.items():
        if name not in compiled.predictors or len(compiled.predictors[name].signature.fields) != len(shapes):
            raise CompiledMismatch(f"{path}: its state lacks fields that it declares for {name!r}. {mend}")
    if extra := sorted(compiled.predictors.keys() - saved.fields.keys()):
        raise CompiledMismatch(f"{path}: it has state for {extra[0]!r}, which is not a predictor. {mend}")
    _require_readable(program, compiled, path, mend)
    with _models_aside(program):
        for name, predictor in program.named_predictors():
            predictor.load_state(compiled.predictors[name].model_dump())


def _require_readable(program: dspy.Module, compiled: Compiled, path: Path, mend: str) -> None:
    """Refuse demonstrations that would raise in every call. Unlabelled fields may be missing."""
    for name, predictor in program.named_predictors():
        readers = {field: TypeAdapter(info.annotation) for field, info in predictor.signature.fields.items()}
        for number, demo in enumerate(compiled.predictors[name].demos):
            for field, value in demo.items():
                if field != AUGMENTED and (field not in readers or not is_of_type(readers[field], value)):
                    raise CompiledMismatch(
                        f"{path}: demonstration {number} of {name!r}: {field}: wrong type for this field. {mend}"
                    )


def is_of_type(reader: TypeAdapter[Any], value: Any) -> bool:
    """Return whether a value fits the field's type; missing or overlong parts are allowed."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
        reader.validate_python(value)
    except UnicodeEncodeError:
        return False  # half a surrogate pair
    except ValidationError as error:
        return not any(fault["type"].endswith("_type") for fault in error.errors())
    return True


def user_directory() -> Path:
    """Return where `train` writes and `load` looks first; DSPY_PROGRAMS_COMPILED moves it."""
    chosen = os.environ.get(DIRECTORY_VARIABLE)
    return Path(chosen) if chosen else platformdirs.user_data_path("dspy-programs") / "compiled"


def shipped_directory() -> Path:
    return Path(str(files("dspy_programs") / "compiled"))


def compiled_paths(program: str, lm: str) -> list[Path]:
    """Return the files to look for, best first."""
    return [root / folder_name(program) / f"{file_name(lm)}.json" for root in (user_directory(), shipped_directory())]


def in_use(program: str, lm: str) -> Path | None:
    """Return the file that `load` uses, the user's before the shipped one; None if there is none."""
    return next((path for path in compiled_paths(program, lm) if path.is_file()), None)


def available_models(program: str) -> list[str]:
    """Name the models that have a readable file for this program."""
    models = set()
    for path in all_compiled():
        if path.parent.name == folder_name(program):
            try:
                models.add(read_compiled(path, program).provenance.lm)
            except CompiledProgramError:
                continue  # `verify` reports it; here it just cannot be offered
    return sorted(models)


def all_compiled() -> list[Path]:
    """Return every file that `load` could use, the user's before the shipped ones; skips deeper folders such as a history."""
    return [path for root in (user_directory(), shipped_directory()) for path in sorted(root.glob("*/*.json"))]


def file_name(spec: str) -> str:
    """Turn a model's spec into a file name without separators: "openai/gpt-4.1-mini" -> "openai--gpt-4.1-mini".

    A GGUF file is `local/FILE@DIGITS` wherever it lies (lm/weights/own_file.py), so a moved file keeps its name here. A local
    spec that contains a path (a file on the Hub) gets digits of its own, because two paths may look alike.
    """
    name = spec.removeprefix("local/")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "--", name).strip(".-") or "model"
    has_path = name != spec and re.search(r"[/\\]", name)
    return f"{plain}--{digest(name)[:8]}" if has_path else plain


def folder_name(program: str) -> str:
    """Turn a program's name into a folder name: "my_package.router:recipe" -> "my_package.router--recipe".

    A name that cannot be used unchanged gets digits of its own, so two names never share a folder.
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.]*(:[A-Za-z0-9_.]+)?", program) and len(program) <= _LONGEST_NAME:
        return program.replace(":", "--")
    plain = re.sub(r"[^A-Za-z0-9._-]+", "--", program).strip(".-")[:_LONGEST_NAME] or "program"
    return f"{plain}--{digest(program)[:8]}"


def versions() -> dict[str, str]:
    """Name the versions that a result depends on."""
    return {name: version(name) for name in ("dspy", "gepa")} | {"dspy-programs": __version__}
