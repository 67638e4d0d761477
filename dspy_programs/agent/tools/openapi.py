"""Tools of an API that is described by OpenAPI 3 or Swagger 2.

Input      a name, the description (a mapping, or a JSON or YAML file), the address of the server if the description's own is
           not meant, headers for every request (a key, say).
Output     tools named NAME__OPERATION. Arguments are the operation's parameters, and `body` where something is sent.
Guarantees an argument stays in its place: it cannot change the server, the path around it or another parameter. Headers that
           are given here are unknown to the model, and no argument replaces them. Redirections are not followed.
Raises     UsageError for a description without operations or without a server, ToolError from a call.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import yaml
from pydantic import JsonValue

from dspy_programs import strict_yaml
from dspy_programs.agent.tools.tool import AgentTool, Scope, ToolError
from dspy_programs.agent.tools.web import fetch
from dspy_programs.errors import UsageError
from dspy_programs.lm import without_keys
from dspy_programs.schemas import Operation, operations_of

_LONGEST = 12_000  # characters of a result
_SENT = ("get", "put", "post", "delete", "patch", "head", "options")


def openapi_tools(
    name: str, api: Mapping[str, Any] | str | Path, *, server: str = "", headers: Mapping[str, str] | None = None
) -> list[AgentTool]:
    """Return a tool for each operation."""
    held = api if isinstance(api, Mapping) else _read(api)
    if not isinstance(held.get("paths"), Mapping):
        raise UsageError(f"{name}: not an OpenAPI description: it has no paths")
    address = (server or _server_in(held)).rstrip("/")
    if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
        raise UsageError(f"{name}: the description names no server; give its address, like https://api.example.com/v1")
    tools = [_tool(name, each, address, dict(headers or {})) for each in operations_of(held) if each.method in _SENT]
    if not tools:
        raise UsageError(f"{name}: the description has no operation")
    return tools


def _read(path: str | Path) -> Mapping[str, Any]:
    try:
        held = strict_yaml.load(Path(path).read_text(encoding="utf-8"))  # JSON is YAML
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UsageError(f"{path}: not an API description: {' '.join(str(error).split())[:200]}") from None
    return held if isinstance(held, Mapping) else {}


def _server_in(api: Mapping[str, Any]) -> str:
    servers = api.get("servers")
    if isinstance(servers, list) and servers and isinstance(servers[0], Mapping):
        return str(servers[0].get("url", ""))
    schemes = api.get("schemes") or ["https"]
    return f"{schemes[0]}://{api['host']}{api.get('basePath', '')}" if api.get("host") else ""


def _tool(name: str, operation: Operation, server: str, headers: dict[str, str]) -> AgentTool:
    definition = operation.definition

    def call(scope: Scope, arguments: dict[str, JsonValue]) -> JsonValue:
        url, sent, body = _request(operation, server, arguments)
        told = {**sent, **({"Content-Type": "application/json"} if body else {}), **headers}
        page = fetch(url, seconds=scope.seconds, method=operation.method.upper(), headers=told, body=body, anywhere=True)
        text = without_keys(page.text, headers.values())
        if page.status >= 400:
            raise ToolError(f"{name}: the server answered {page.status}: {text[:500]}")
        return text[:_LONGEST] or f"[status {page.status}, no text]"

    return AgentTool(
        name=f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}__{re.sub(r'[^A-Za-z0-9_-]+', '_', definition['name'])}",
        description=definition["description"] or f"{operation.method.upper()} {operation.path}",
        parameters=definition["parameters"],
        call=call,
        idempotent=operation.method in ("get", "head"),
    )


def _request(operation: Operation, server: str, arguments: Mapping[str, JsonValue]) -> tuple[str, dict[str, str], bytes | None]:
    """Return the address, the headers and the body of a call."""
    path, query, headers = operation.path, [], {}
    body = json.dumps(arguments["body"]).encode() if arguments.get("body") is not None else None
    for key, value in arguments.items():
        place = operation.places.get(key)
        if value is None or place is None:
            continue
        if place == "path":
            path = path.replace(f"{{{key}}}", _segment(key, value))
        elif place == "query":
            query += [(key, _text(each)) for each in (value if isinstance(value, list) else [value])]
        elif place == "header":
            headers[key] = _text(value)
    if left := re.search(r"\{(.+?)\}", path):
        raise ToolError(f"{operation.definition['name']}: {left[1]} is missing")
    return f"{server}{path}{'?' + urlencode(query) if query else ''}", headers, body


def _segment(key: str, value: JsonValue) -> str:
    """Return a value as one part of a path: never two, and never one that leads up."""
    text = quote(_text(value), safe="")
    if text in ("", ".", ".."):
        raise ToolError(f"{key}: {text or 'an empty text'} cannot stand in the address")
    return text.replace("{", "%7B")


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value)
