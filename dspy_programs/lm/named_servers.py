"""Ollama and OpenRouter by name: their addresses, whether they respond, and a language model that runs on one of them.

Ollama is looked for at OLLAMA_HOST or http://localhost:11434, OpenRouter at https://openrouter.ai/api/v1 with the key of
OPENROUTER_API_KEY; both speak OpenAI's protocol, so both become an ordinary `openai/NAME` for lm.connect.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from typing import Any, NamedTuple

import dspy

from dspy_programs.errors import LanguageModelError, UsageError

SECONDS = 5.0
_LARGEST_REPLY = 20_000_000  # bytes
_BARE = re.compile(r"[^/:]+")  # a name without a port, which Ollama's own programs take for its usual one


class Server(NamedTuple):
    """A place that runs models. base: without the path of OpenAI's protocol for Ollama, with it for OpenRouter."""

    title: str
    model: str
    base: str
    key: str | None


class _Status(NamedTuple):
    """available: None if the server does not say."""

    connected: bool
    available: bool | None
    problem: str


def server_named(name: str, model: str | None = None, base: str | None = None, key: str | None = None) -> Server:
    """Return "ollama" or "openrouter" with the user's and the environment's settings. Raises UsageError for another name."""
    if name == "ollama":
        host = base or os.environ.get("OLLAMA_HOST") or "localhost"
        if "://" not in host:
            host = f"http://{host}:11434" if _BARE.fullmatch(host) else f"http://{host}"
        return Server("Ollama", model or "gemma4:latest", host.rstrip("/").removesuffix("/v1"), key)
    if name == "openrouter":
        key = key or os.environ.get("OPENROUTER_API_KEY")
        return Server("OpenRouter", model or "qwen/qwen3-8b", (base or "https://openrouter.ai/api/v1").rstrip("/"), key)
    raise UsageError(f"unknown server {name!r}; choose ollama or openrouter")


def check(server: Server) -> _Status:
    """Ask a server whether it is there and has the model; at most two requests."""
    if server.title == "OpenRouter" and not server.key:
        return _Status(False, None, "no key: set OPENROUTER_API_KEY")
    try:
        if server.title == "Ollama":
            names = {str(item.get("name")) for item in items(fetched(f"{server.base}/api/tags", None), "models")}
            return _Status(True, server.model in names or f"{server.model}:latest" in names, "")
        fetched(f"{server.base}/key", server.key)
        names = {str(item.get("id")) for item in items(fetched(f"{server.base}/models", server.key), "data")}
        return _Status(True, server.model in names, "")
    except urllib.error.HTTPError as error:
        return _Status(False, None, f"it answered {error.code} {error.reason}")
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        reason = getattr(error, "reason", error)
        return _Status(False, None, str(getattr(reason, "strerror", None) or reason)[:200])


def fetched(url: str, key: str | None) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
    if request.type not in ("http", "https"):
        raise ValueError(f"{url} is not an http address")
    with urllib.request.build_opener(NoRedirects).open(request, timeout=SECONDS) as reply:
        return json.loads(reply.read(_LARGEST_REPLY))


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A key is sent to the address that the user named, and nowhere else."""

    def redirect_request(self, *args: Any) -> None:
        return None


def items(reply: Any, name: str) -> list[dict[str, Any]]:
    found = reply.get(name) if isinstance(reply, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def connected(server: Server, cache: bool = True) -> dspy.LM:
    """Return the model that a server runs. Raises LanguageModelError at once if the server does not answer."""
    from dspy_programs.lm.cached import connect_kept

    status = check(server)
    if not status.connected:
        raise LanguageModelError(f"{server.title} at {server.base}: {status.problem}; or use --scorer offline")
    if status.available is False:
        raise LanguageModelError(f"{server.title} at {server.base} has no model {server.model!r}; name another with --model")
    base = f"{server.base}/v1" if server.title == "Ollama" else server.base
    return connect_kept(f"openai/{server.model}", cache, api_base=base, api_key=server.key or "none")
