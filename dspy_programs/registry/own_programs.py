"""The user's own programs by name: "package.module:attribute", or a name registered by an installed package.

A package registers programs as entry points of the group `dspy_programs.programs`:

    [project.entry-points."dspy_programs.programs"]
    ticket_router = "my_package.router:recipe"

The attribute is a dspy.Module class or instance, an object with one as `program` (a recipe), or a function without
arguments that returns one of these. Only names given by the user or an installed package are imported: a compiled file
never names code.
"""

import functools
import hashlib
import importlib
import inspect
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, TypeAlias

import dspy

from dspy_programs.errors import UsageError

_GROUP = "dspy_programs.programs"

Source: TypeAlias = Callable[[], dspy.Module] | dspy.Module
"""A class or function that makes a program, or the program itself, which is copied."""


_introduced: dict[str, Source] = {}


def introduce(name: str, program: Source) -> None:
    """Register a name for a program of this process, such as one defined in a notebook."""
    _introduced[name] = program


def is_introduced(name: str) -> bool:
    return name in _introduced


@functools.cache
def registered() -> dict[str, str]:
    """Return what installed packages register: name -> "package.module:attribute"."""
    return {each.name: each.value for each in entry_points(group=_GROUP)}


def is_own(name: str) -> bool:
    """Return whether a name is one of these, without importing anything."""
    return ":" in name or name in _introduced or name in registered()


def object_named(name: str) -> Any:
    """Return the object a name refers to. Raises UsageError if there is none; errors in the user's file are not caught."""
    if name in _introduced:
        return _introduced[name]
    place = registered().get(name, name)
    module, _, attribute = place.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *attribute.split("."))):
        raise UsageError(f"{name!r}: write package.module:attribute, e.g. my_package.router:recipe")
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the file exists, but something it imports does not
        raise UsageError(f"{name!r}: no module {error.name!r} here; run this from the folder that contains it") from None
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{name!r}: {module} has no {part!r}")
        found = getattr(found, part)
    return found


def source_of(thing: Any, name: str) -> Source:
    """Return the program that an object gives: itself, a recipe's program, or a function's result."""
    if isinstance(thing, dspy.Module) or (isinstance(thing, type) and issubclass(thing, dspy.Module)):
        return thing
    if hasattr(thing, "program"):
        return source_of(thing.program, name)
    if inspect.isfunction(thing):
        return source_of(call_without_arguments(thing, name), name)
    raise UsageError(f"{name!r} is {type(thing).__name__}, not a dspy.Module, a recipe or a function that returns one")


def new_from(source: Source, name: str) -> dspy.Module:
    """Make a new program, which asks the model in use. Raises UsageError if it cannot."""
    program: dspy.Module = source.deepcopy() if isinstance(source, dspy.Module) else call_without_arguments(source, name)
    if not callable(getattr(type(program), "forward", None)):
        raise UsageError(
            f"{name!r}: {type(program).__name__} has no `forward` method; add one, because that is what is called and compiled"
        )
    if not program.predictors():
        what = "no predictors: create them in __init__, e.g. self.answer = dspy.Predict(...)"
        raise UsageError(
            f"{name!r}: {type(program).__name__} has {what} (a submodule that is already compiled is left as it is)"
        )
    if inspect.iscoroutinefunction(type(program).forward):
        raise UsageError(
            f"{name!r}: {type(program).__name__}.forward is async; name it aforward, and let forward run it with asyncio.run"
        )
    _leave_own_models(program)
    return program


def _leave_own_models(program: dspy.Module) -> None:
    """Keep the models that the user gave to single predictors. If all have the same one, the model in use replaces it.

    They are copied without their histories, which every copy of the program would carry on.
    """
    if len({id(predictor.lm) for predictor in program.predictors()}) == 1:
        for predictor in program.predictors():
            predictor.lm = None
    everywhere = [each for _, each in program.named_sub_modules(dspy.Predict) if isinstance(each.lm, dspy.BaseLM)]
    copies = {id(each.lm): each.lm.copy() for each in everywhere}
    for each in everywhere:
        each.lm = copies[id(each.lm)]


def call_without_arguments(make: Callable[[], Any], name: str) -> Any:
    """Call something that needs no arguments."""
    inside = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]  # a Module's own takes anything
    needed = [
        each.name
        for each in list(inspect.signature(inside).parameters.values())[isinstance(make, type) :]
        if each.default is each.empty and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    ]
    if needed:
        what = getattr(make, "__name__", "it")
        raise UsageError(f"{name!r}: {what} needs {', '.join(needed)}; name an instance, or a function that creates one")
    return make()


def load_argument(program: Source, name: str) -> str:
    """Write a program as an argument of `load`: its name, or the user's own object if no other process knows the name."""
    kind: Any = type(program) if isinstance(program, dspy.Module) else program
    if name not in _introduced or ":" in name:
        return repr(name)
    is_users = isinstance(kind, type) and kind.__module__.partition(".")[0] != "dspy" and "<" not in kind.__qualname__
    what = kind.__qualname__ if is_users else "program"
    return what if is_users and name == kind.__qualname__ else f"{what}, name={name!r}"


def home_of(program: dspy.Module) -> str | None:
    """Return a digest of the folder of a user's program (a notebook's working folder); None if there is none."""
    module = type(program).__module__
    if module.partition(".")[0] in ("dspy", "dspy_programs"):
        return None
    file = getattr(sys.modules.get(module), "__file__", None)
    folder = Path(file).resolve().parent if file else Path.cwd()
    return hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def name_of(program: Source) -> str:
    """Name a program by its place in the code. Raises UsageError if its class cannot be found again by name."""
    kind: Any = type(program) if isinstance(program, dspy.Module) else program
    if kind.__module__.partition(".")[0] == "dspy" or "<" in kind.__qualname__:
        raise UsageError(f"a {kind.__qualname__} needs a name to be saved under, e.g. name='ticket_router'")
    script = getattr(sys.modules["__main__"], "__file__", "")
    script = script if Path(script or "").is_file() else ""
    if kind.__module__ != "__main__":
        return f"{kind.__module__}:{kind.__qualname__}"
    return f"{Path(script).stem}:{kind.__qualname__}" if script else kind.__qualname__  # a notebook has no file
