"""Routers over scripted servers: catalogues, requests, answers."""

from typing import Any

from dspy_programs.router import Catalogue, Router, catalogue_of
from tests.openai_server import OpenAIServer


def entry(number: int = 0, **more: Any) -> dict[str, Any]:
    """The models are numbered from the fastest, cheapest and worst."""
    return {
        "id": f"m/{number}",
        "lm": f"openai/up-{number}",
        "api_base": "http://127.0.0.1:9/v1",
        "latency_ms": 100 * (number + 1),
        "prompt_usd_per_1k": 0.001 * (number + 1),
        "completion_usd_per_1k": 0.002 * (number + 1),
        "quality": 0.5 + 0.1 * number,
        "context": 10_000 * (number + 1),
        "tools": True,
        "images": True,
    } | more


def catalogue(*servers: OpenAIServer, entries: Any = None, **settings: Any) -> Catalogue:
    models = entries or [entry(number, api_base=server.base) for number, server in enumerate(servers)]
    return catalogue_of({"models": models, "fallback": {"backoff_seconds": 0.0}} | settings, "test.yaml")


def router(*servers: OpenAIServer, **settings: Any) -> Router:
    given = {name: settings.pop(name) for name in ("clock", "sleep", "rng", "upstream", "answers") if name in settings}
    return Router(catalogue(*servers, **settings), **given)


def asks(text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], **more}


def said(answer: Any) -> Any:
    return answer.completion["choices"][0]["message"]["content"]
