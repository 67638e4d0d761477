"""python -m dspy_programs serve ...: thin commands over this package."""

import importlib.util
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, new_app
from dspy_programs.errors import MissingExtra

if TYPE_CHECKING:
    from dspy_programs.serve.workshop import Workshop

NEEDED = ("a2a", "fastapi", "mcp", "sse_starlette", "uvicorn")  # what the extra installs

app = new_app("The tools for other programs: MCP, A2A, REST.")

SecondsOption = Annotated[float, typer.Option("--time-limit", min=0.1, help="Seconds that one request may take.")]


@app.callback()
def serve() -> None:
    """The tools for other programs: MCP, A2A, REST."""


@app.command()
def http(
    host: Annotated[str, typer.Option(help="Address to listen on; any but loopback needs a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    key_file: Annotated[
        Path | None, typer.Option(help="File with the key that clients must send. Or DSPY_PROGRAMS_SERVER_KEY.")
    ] = None,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    time_limit: SecondsOption = 60.0,
) -> None:
    """REST under /v1 (OpenAPI at /openapi.json), MCP at /mcp, A2A with its card at /.well-known/agent-card.json."""
    check_extra()
    from dspy_programs.serve.http_server import listen, run
    from dspy_programs.serve.security import KEY_VARIABLE, key_from

    key = key_from(key_file, os.environ.get(KEY_VARIABLE))
    socket = listen(host, port, key is not None)
    run(socket, workshop_for(lm, api_base, api_key, no_cache, time_limit), key)


@app.command()
def mcp(
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    time_limit: SecondsOption = 60.0,
) -> None:
    """MCP over stdin and stdout, for clients that start their servers themselves."""
    check_extra()
    import anyio

    from dspy_programs.serve.mcp_tools import serve_stdio

    workshop = workshop_for(lm, api_base, api_key, no_cache, time_limit)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # else Ctrl-C waits for the line that a thread reads from stdin
    anyio.run(serve_stdio, workshop)


def check_extra() -> None:
    """Raise MissingExtra where the packages of the servers are not installed."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise MissingExtra(f'{", ".join(missing)}: not installed; pip install "dspy-programs[serve]"')


def workshop_for(lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool, seconds: float) -> "Workshop":
    """Connect to the model, once, where one was named; its weights are fetched now, in sight of the user."""
    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.log import to_stderr
    from dspy_programs.serve.workshop import Workshop

    to_stderr()
    return Workshop(Limits(seconds=seconds), model_for(lm, api_base, api_key, no_cache, seconds))


def model_for(lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool, seconds: float) -> Any:
    if lm is None:
        return None
    from dspy_programs.lm.cached import connect_kept

    return connect_kept(lm, not no_cache, api_base=api_base, api_key=api_key, timeout=seconds)
