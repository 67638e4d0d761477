"""A tool of the agent: a name, a description, the schema of its arguments, and a function that does the work.

`tool()` makes one from a typed function: the schema comes from its hints, the description from its docstring, and the
arguments of each call are checked and converted by the same hints ("3" for a number is 3).

Input      a function; a parameter annotated `Scope` is filled by the host and unknown to the model.
Output     AgentTool. Parameters annotated WorkspacePath are what the call touches; those annotated Composed carry
           `"x-composed": true` in the schema: text that a model writes itself and that needs no source.
Guarantees `call` raises nothing but ToolError for what a tool could not do, wrong arguments among it; the text of the error
           says what to do next, for a small model to read. What the function returns is JSON.
Raises     ValueError from `tool()` for a function whose arguments have no hints.
"""

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, get_args, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, create_model

from dspy_programs.errors import ToolError as ToolError
from dspy_programs.jsonable import to_jsonable
from dspy_programs.lm import without_keys
from dspy_programs.schemas import normalize_tool

if TYPE_CHECKING:
    from dspy_programs.agent.workspace.workspace import Workspace

Effect = Literal["reads", "writes", "runs"]
"""reads: no side effect, may be repeated after a crash; writes: in the workspace or the notes; runs: anything."""

COMPOSED = "x-composed"
_TOUCHED = "touched"  # marks a hint
WorkspacePath = Annotated[str, Field(description="path in the workspace, like src/main.py"), _TOUCHED]
Composed = Annotated[str, Field(json_schema_extra={COMPOSED: True})]

Call = Callable[["Scope", dict[str, JsonValue]], JsonValue]
Touches = Callable[[Mapping[str, JsonValue]], list[str]]


class Notes(Protocol):
    """What the session remembers."""

    def remember(self, text: str) -> None: ...
    def recall(self, query: str) -> list[str]: ...


class Progress(Protocol):
    """The part of the ledger that a tool may use: a note to the open task. What is complete the host decides."""

    def note(self, text: str) -> None: ...


@dataclass
class Scope:
    """What a call may touch."""

    workspace: "Workspace"
    ask: Callable[[str], str | None]
    """One question to the user, and the answer; None where nobody is there."""
    ledger: Progress
    notes: Notes
    delegate: Callable[[str, Sequence[str]], str]
    """A goal and names of tools for a sub-agent; returns its report."""
    seconds: float = 60.0
    """Left for this call."""
    cancelled: threading.Event = field(default_factory=threading.Event)


def _touches_nothing(arguments: Mapping[str, JsonValue]) -> list[str]:
    return []


@dataclass(frozen=True)
class AgentTool:
    """One tool. `call` checks its arguments itself; `touches` names the workspace paths that a call reads or writes."""

    name: str
    description: str
    parameters: dict[str, JsonValue]
    call: Call
    effect: Effect = "runs"
    idempotent: bool = False
    touches: Touches = _touches_nothing


@overload
def tool(
    function: Callable[..., Any],
    *,
    effect: Effect = ...,
    idempotent: bool = ...,
    name: str | None = ...,
    touches: Touches | None = ...,
) -> AgentTool: ...
@overload
def tool(
    function: None = None,
    *,
    effect: Effect = ...,
    idempotent: bool = ...,
    name: str | None = ...,
    touches: Touches | None = ...,
) -> Callable[[Callable[..., Any]], AgentTool]: ...
def tool(
    function: Callable[..., Any] | None = None,
    *,
    effect: Effect = "runs",
    idempotent: bool = False,
    name: str | None = None,
    touches: Touches | None = None,
) -> AgentTool | Callable[[Callable[..., Any]], AgentTool]:
    """Make a tool from a typed function; as a decorator, with or without settings. Raises ValueError if it cannot."""
    if function is None:
        return lambda given: tool(given, effect=effect, idempotent=idempotent, name=name, touches=touches)
    definition = normalize_tool(function)
    hints = _hints_of(function)
    filled = [key for key, hint in hints.items() if hint is Scope]
    paths = [key for key, hint in hints.items() if _TOUCHED in get_args(hint)]
    name = name or definition["name"]
    return AgentTool(
        name=name,
        description=definition["description"],
        parameters=_without(definition["parameters"], filled),
        call=_checked(name, function, _arguments_model(name, function, hints, filled), filled),
        effect=effect,
        idempotent=idempotent,
        touches=touches or (lambda arguments: [path for key in paths if isinstance(path := arguments.get(key), str)]),
    )


def _hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    held = function if inspect.isroutine(function) else type(function).__call__
    hints = get_type_hints(held, include_extras=True)
    return {key: hints.get(key, Any) for key in inspect.signature(function).parameters}


def _without(schema: Mapping[str, Any], filled: Sequence[str]) -> dict[str, JsonValue]:
    left = {key: inner for key, inner in schema["properties"].items() if key not in filled}
    required = [key for key in schema["required"] if key not in filled]
    return {**schema, "properties": left, "required": required, "additionalProperties": False}


def _arguments_model(
    name: str, function: Callable[..., Any], hints: Mapping[str, Any], filled: Sequence[str]
) -> type[BaseModel]:
    fields: dict[str, Any] = {
        key: (hints[key], ... if parameter.default is parameter.empty else parameter.default)
        for key, parameter in inspect.signature(function).parameters.items()
        if key not in filled
    }
    settings = ConfigDict(extra="forbid", coerce_numbers_to_str=True, protected_namespaces=())
    return create_model(name, __config__=settings, **fields)


def _checked(name: str, function: Callable[..., Any], model: type[BaseModel], filled: Sequence[str]) -> Call:
    """Return the function as the host calls it."""

    def call(scope: Scope, arguments: dict[str, JsonValue]) -> JsonValue:
        try:
            given = model.model_validate(arguments)
        except ValidationError as error:
            raise ToolError(_faults(name, error, sorted(model.model_fields))) from None
        values = {key: getattr(given, key) for key in model.model_fields}
        try:
            result: JsonValue = to_jsonable(function(**values, **dict.fromkeys(filled, scope)))
        except ToolError:
            raise
        except Exception as error:  # anybody's code; the model is told, and the task fails
            raise ToolError(without_keys(f"{name}: {type(error).__name__}: {error}")) from error
        return result

    return call


def _faults(name: str, error: ValidationError, known: Sequence[str]) -> str:
    """Say every fault in a line that a small model can act on."""
    said = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False)[:5]:
        key = ".".join(map(str, fault["loc"]))
        if fault["type"] == "missing":
            said.append(f"{key} is missing")
        elif fault["type"] == "extra_forbidden":
            said.append(f"there is no argument {key}")
        else:
            said.append(f"{key}: {fault['msg'][0].lower()}{fault['msg'][1:]}")
    return f"{name}: {'; '.join(said)}. The arguments are: {', '.join(known) or 'none'}"
