"""The settings of `dspy-programs run`, from agent.toml and the command line, and as a file that would give them again.

Input      agent.toml: the fields of AgentConfig, limits and personas as tables. A flag overrides the file.
Guarantees a file that nobody named, which may have come with somebody's folder, starts no program, and what it sets of models,
           permissions and files to write is told on stderr.
Raises     UsageError for a file that cannot be read, and for an unknown name or a wrong value, with its place.
"""

import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from dspy_programs.errors import UsageError, first_fault
from dspy_programs.text import printable

FILE = "agent.toml"
_ANNOUNCED = ("lm", "planner_lm", "judge_lm", "policy", "sessions", "demonstrations", "personas")


class LimitsConfig(BaseModel):
    """The limits of a run, as Limits has them."""

    model_config = ConfigDict(extra="forbid")

    iterations: int = Field(default=25, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    usd: float | None = Field(default=None, ge=0)
    turns: int = Field(default=6, ge=1)
    call_seconds: float = Field(default=60.0, gt=0)
    context_tokens: int = Field(default=900, ge=200)


class PersonaConfig(BaseModel):
    """A kind of actor: it takes the tasks planned for its tools."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    text: str = ""
    lm: str | None = None
    tools: list[str] = []


class AgentConfig(BaseModel):
    """All settings."""

    model_config = ConfigDict(extra="forbid")

    lm: str | None = None
    """The model of actors, and of the planner and the judge unless they have their own; "none" for rules only."""
    planner_lm: str | None = None
    judge_lm: str | None = None
    workspace: str = "."
    actors: int = Field(default=1, ge=1, le=64)
    policy: str | None = None
    """A policy file."""
    bundles: list[str] = []
    """JSON files that declare tools, beside the shipped ones."""
    sessions: str | None = None
    """The file of the sessions."""
    demonstrations: str | None = None
    """A file of runs that succeeded, of which actors are shown the nearest."""
    tool_calls: Literal["text", "native"] = "text"
    """How actors write calls: as JSON text, or by a hosted model's own tool calls."""
    tool_choice: Literal["auto", "required", "none"] = "auto"
    """With native calls, whether a model may call a tool, must, or must not."""
    memory: bool = False
    """Whether `recall` finds what other sessions remember."""
    limits: LimitsConfig = LimitsConfig()
    personas: list[PersonaConfig] = []
    _file: Path | None = PrivateAttr(default=None)

    @property
    def file(self) -> Path | None:
        """Where they were read from."""
        return self._file


def read_config(path: Path | None, flags: Mapping[str, Any]) -> AgentConfig:
    """Return the settings: of the file, by default agent.toml here if there is one, with those flags that are not None."""
    chosen = path or (Path(FILE) if Path(FILE).is_file() else None)
    held = _read(chosen) if chosen else {}
    given = {name: value for name, value in flags.items() if value is not None}
    if chosen and path is None:
        _announce(chosen, {name: value for name, value in held.items() if name not in given})
    limits = {**_table(held, "limits"), **{name: given.pop(name) for name in LimitsConfig.model_fields if name in given}}
    try:
        config = AgentConfig.model_validate({**held, **given, "limits": limits})
    except ValidationError as error:
        raise UsageError(f"{chosen or 'the settings'}: {first_fault(error, 'the file')}") from error
    config._file = chosen
    return config


def as_toml(config: AgentConfig) -> str:
    """Return the settings as a file; what is not set stands as a comment."""
    fields = config.model_dump()
    lines = [_line(name, value) for name, value in fields.items() if name not in ("limits", "personas")]
    lines += ["", "[limits]", *(_line(name, value) for name, value in fields["limits"].items())]
    for persona in fields["personas"]:
        lines += ["", "[[personas]]", *(_line(name, value) for name, value in persona.items())]
    return "\n".join(lines) + "\n"


def _announce(found: Path, held: Mapping[str, Any]) -> None:
    """Say what a file that was found sets. Raises UsageError for tools, which are code."""
    if held.get("bundles"):
        raise UsageError(f"{found}: it has bundles, which start programs; if you trust it, name it: --config {found}")
    used = [f"{name} = {printable(str(held[name]))[:100]}" for name in _ANNOUNCED if held.get(name) not in (None, "none")]
    if used:
        print(f"{found} sets {', '.join(used)}", file=sys.stderr)


def _line(name: str, value: Any) -> str:
    return f"# {name} =" if value is None else f"{name} = {json.dumps(value, ensure_ascii=False)}"


def _table(held: Mapping[str, Any], name: str) -> dict[str, Any]:
    return dict(table) if isinstance(table := held.get(name, {}), dict) else {name: table}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: is not TOML: {error}") from error
