"""Bundles of tools as JSON, and tools from elsewhere as the agent's.

Input      a file: {"bundle": [{"name", "description", "implementation": "module:Class", "config": {...}}, ...],
           "mcp": {"NAME": {"command": [...], "env": {...}} or {"url": "..."}}, "openapi": {"NAME": {"description": FILE,
           "server": "...", "headers": {...}}}, "skills": FOLDER}. An implementation is a class (made with its config), a
           function, an AgentTool or a list of them; its module is installed, beside the file, or in the working directory.
           `$NAME` in env, headers and config is read from the environment.
Output     Bundle: its tools; close it to end the servers that it started.
Guarantees paths are relative to the file; two tools of one name are an error; keys stand in the environment, not in the file.
           A bundle's code is imported: load only files that you trust, never one that a model wrote.
Raises     UsageError with the file and the entry.
"""

import contextlib
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dspy
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from dspy_programs.agent.tools.mcp_client import McpServer
from dspy_programs.agent.tools.openapi import openapi_tools
from dspy_programs.agent.tools.skills import skill_tools
from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError, tool
from dspy_programs.errors import ProgramsError, UsageError, first_fault
from dspy_programs.jsonable import to_jsonable
from dspy_programs.lm import without_keys
from dspy_programs.schemas import normalize_tool


def as_tool(given: AgentTool | dspy.Tool | Callable[..., Any]) -> AgentTool:
    """Return a tool of the agent from one of DSPy's, or from a typed function. Raises UsageError."""
    if isinstance(given, AgentTool):
        return given
    try:
        made = _of_dspy(given) if isinstance(given, dspy.Tool) else tool(given)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{given!r} cannot be a tool: {error}") from None
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", made.name) or not made.description.strip():
        raise UsageError(
            f"{given!r} cannot be a tool: the model needs its name and what it does; give a function with a docstring"
        )
    return made


def _of_dspy(given: dspy.Tool) -> AgentTool:
    definition = normalize_tool(given)

    def call(scope: Scope, arguments: dict[str, JsonValue]) -> JsonValue:
        try:
            result: JsonValue = to_jsonable(given(**arguments))
        except Exception as error:  # anybody's code; the model is told, and the task fails
            raise ToolError(without_keys(f"{given.name}: {type(error).__name__}: {error}")) from error
        return result

    return AgentTool(definition["name"], definition["description"], definition["parameters"], call)


@dataclass
class Bundle:
    """Tools that belong together."""

    tools: list[AgentTool]
    servers: list[McpServer] = field(default_factory=list)

    def close(self) -> None:
        for server in self.servers:
            server.close()

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    implementation: str
    name: str = ""
    description: str = ""
    config: dict[str, JsonValue] = {}


class _Server(BaseModel):
    model_config = ConfigDict(extra="forbid")
    command: list[str] = []
    url: str = ""
    env: dict[str, str] = {}


class _Api(BaseModel):
    model_config = ConfigDict(extra="forbid")
    description: str
    server: str = ""
    headers: dict[str, str] = {}


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    bundle: list[_Entry] = []
    mcp: dict[str, _Server] = {}
    openapi: dict[str, _Api] = {}
    skills: str = ""


def load_bundle(path: str | Path) -> Bundle:
    """Read a bundle, import its tools and start its servers."""
    path = Path(path)
    try:
        held = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_fault(error, 'the file')}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read as a bundle: {error}") from None
    bundle = Bundle([])
    try:
        for entry in held.bundle:
            bundle.tools += _implemented(entry, path)
        for name, api in held.openapi.items():
            headers = {key: _from_environment(value, path) for key, value in api.headers.items()}
            bundle.tools += openapi_tools(name, path.parent / api.description, server=api.server, headers=headers)
        if held.skills:
            bundle.tools += skill_tools(path.parent / held.skills)
        for name, server in held.mcp.items():
            env = {key: _from_environment(value, path) for key, value in server.env.items()}
            bundle.servers.append(McpServer(name, server.url or server.command, env=env))
            bundle.tools += bundle.servers[-1].tools()
        _check_names(bundle.tools, path)
    except BaseException:
        bundle.close()
        raise
    return bundle


def _implemented(entry: _Entry, path: Path) -> list[AgentTool]:
    module, _, name = entry.implementation.partition(":")
    try:
        with _importable(path.resolve().parent, Path.cwd()):
            found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"{path}: {entry.implementation}: cannot be imported: {error}") from None
    try:
        made = found(**{key: _filled(value, path) for key, value in entry.config.items()}) if _is_made(found, entry) else found
        tools = [as_tool(each) for each in (made if isinstance(made, list) else [made])]
    except ProgramsError:
        raise
    except Exception as error:  # the class's own code
        raise UsageError(f"{path}: {entry.implementation}: {type(error).__name__}: {error}") from None
    if (entry.name or entry.description) and len(tools) != 1:
        raise UsageError(f"{path}: {entry.implementation}: gives {len(tools)} tools, which cannot share a name")
    return [replace(one, name=entry.name or one.name, description=entry.description or one.description) for one in tools]


@contextlib.contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    """Let modules of these folders be imported, after all that is installed: an installed command does not look there."""
    before = [*sys.path]
    sys.path.extend(str(folder) for folder in folders if str(folder) not in before)
    try:
        yield
    finally:
        sys.path[:] = before


def _is_made(found: Any, entry: _Entry) -> bool:
    """Return whether what a name leads to is called with the config: a class, or a function that makes tools."""
    return isinstance(found, type) or (bool(entry.config) and callable(found))


def _filled(value: JsonValue, path: Path) -> JsonValue:
    return _from_environment(value, path) if isinstance(value, str) else value


def _from_environment(value: str, path: Path) -> str:
    """Replace a text that is `$NAME` by the variable, or `Bearer $NAME`."""

    def one(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise UsageError(f"{path}: the environment has no {match[1]}; set it")
        return os.environ[match[1]]

    return re.sub(r"(?<!\S)\$([A-Z][A-Z0-9_]*)\b", one, value)


def _check_names(tools: list[AgentTool], path: Path) -> None:
    seen: set[str] = set()
    for each in tools:
        if each.name in seen:
            raise UsageError(f"{path}: two tools are called {each.name}; give one another name")
        seen.add(each.name)
