"""python -m dspy_programs serve ...: thin commands over this package."""

import importlib.util
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.cli import ApiBaseOption, ApiKeyOption, NoCacheOption, ToolLmOption, new_app
from dspy_programs.errors import MissingExtra, UsageError
from dspy_programs.lm import model_named

if TYPE_CHECKING:
    from dspy_programs.documents import IngestionJobs
    from dspy_programs.router import Router
    from dspy_programs.serve.agent_runs import AgentRuns
    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.operations import Operation
    from dspy_programs.serve.worker_pool import WorkerPool

_NEEDED = ("a2a", "fastapi", "mcp", "sse_starlette", "uvicorn")  # installed by the extra

app = new_app("Serve the tools to other programs over MCP, A2A and REST.")

_SecondsOption = Annotated[float, typer.Option("--time-limit", min=0.1, help="Time limit of one request, in seconds.")]


@app.callback()
def serve() -> None:
    """Serve the tools to other programs over MCP, A2A and REST."""


@app.command()
def http(
    host: Annotated[
        str | None,
        typer.Option(envvar="A2A_HOST", help="Address to listen on; any but loopback requires a key. Default: 127.0.0.1."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, envvar="A2A_PORT", help="Port; 0 picks a free one. Default: 8000.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(help="File of the keys clients must send, one NAME: KEY a line. Or set DSPY_PROGRAMS_SERVER_KEY."),
    ] = None,
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    time_limit: _SecondsOption = 60.0,
    max_calls: Annotated[int | None, typer.Option(min=1, help="Calls to the model that one request may make.")] = None,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Tokens of the model that one request may use.")] = None,
    max_calls_per_day: Annotated[int | None, typer.Option(min=1, help="Calls that one key may make in a day (UTC).")] = None,
    max_tokens_per_day: Annotated[int | None, typer.Option(min=1, help="Tokens that one key may use in a day.")] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Where clients reach this server, if that is a proxy's address; for the agent card.")
    ] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", "-w", help="Let the agent work in this folder.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings of the agent. Default: agent.toml in this folder, if there is one.")
    ] = None,
    documents: Annotated[
        Path | None, typer.Option(help="Serve the corpora of this file; whoever has a key may read, add and remove them.")
    ] = None,
    router: Annotated[
        Path | None,
        typer.Option(
            help="Route chat completions by this catalogue (it may name host and port), or by the shipped one: default."
        ),
    ] = None,
) -> None:
    """Serve REST under /v1 (OpenAPI at /openapi.json), MCP at /mcp, A2A with its card at /.well-known/agent-card.json.

    With --workspace also the agent: its page at /agent, its routes under /agent/. With --documents also /ingest, /query,
    /corpora. With --router also /route, and /v1/chat/completions for any client of OpenAI's protocol.
    """
    _check_extra()
    from dspy_programs.serve.a2a_card import public_url_of
    from dspy_programs.serve.http_server import run
    from dspy_programs.serve.keys import keys_from
    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.listening import listen
    from dspy_programs.serve.log import to_stderr

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the server has its own way to end, and then dies of the signal
    to_stderr()
    address = public_url_of(public_url)
    keys = keys_from(key_file, os.environ, documents is not None)
    runs = _agent_runs(workspace, config, lm, dict(api_base=api_base, api_key=api_key, no_cache=no_cache))
    routing = _router(router)
    server = routing.catalogue.server if routing else None
    host = host if host is not None else server.host if server else "127.0.0.1"
    port = port if port is not None else server.port if server else 8000
    socket = listen(host, port, keys is not None)
    limits = Limits(
        seconds=time_limit,
        calls_per_request=max_calls,
        tokens_per_request=max_tokens,
        calls_per_day=max_calls_per_day,
        tokens_per_day=max_tokens_per_day,
    )
    pool = _worker_pool_for(lm, api_base, api_key, no_cache, limits)
    run(socket, pool, keys, runs, address, _jobs_on(documents, pool), routing)


@app.command()
def mcp(
    lm: ToolLmOption = None,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    time_limit: _SecondsOption = 60.0,
    code: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Let the client read the code in this folder.")] = None,
) -> None:
    """Serve MCP over stdin and stdout, for clients that start the server themselves."""
    _check_extra()
    import anyio

    from dspy_programs.serve.limits import Limits
    from dspy_programs.serve.mcp_tools import serve_stdio

    worker_pool = _worker_pool_for(lm, api_base, api_key, no_cache, Limits(seconds=time_limit))
    anyio.run(serve_stdio, worker_pool, _code_in(code))


def _code_in(folder: Path | None) -> "dict[str, Operation]":
    """Return what is offered for a folder of code; nothing where none is named."""
    if folder is None:
        return {}
    from dspy_programs.serve.code_calls import code_operations

    return code_operations(folder)


def _agent_runs(workspace: str | None, config: Path | None, lm: str | None, connection: dict[str, Any]) -> "AgentRuns | None":
    """Return the agent, with the settings that `run` would have here; None where no workspace is named."""
    if workspace is None:
        if config is not None:
            raise UsageError(f"--config {config}: these are the agent's settings; name its folder with --workspace")
        return None
    from dspy_programs.agent import read_config
    from dspy_programs.serve.agent_runs import AgentRuns

    return AgentRuns(read_config(config, dict(workspace=workspace, lm=lm)), connection)


def _jobs_on(documents: Path | None, pool: "WorkerPool") -> "IngestionJobs | None":
    """Return the documents of a file with the server's model; None where no file is named."""
    if documents is None:
        return None
    from dspy_programs.documents import Documents, IngestionJobs

    return IngestionJobs(Documents(documents, pool.lm))


def _router(path: Path | None) -> "Router | None":
    """Return the router of a catalogue; None where none is named."""
    if path is None:
        return None
    from dspy_programs.router import Router, read_catalogue

    return Router(read_catalogue(path))


def _check_extra() -> None:
    """Raise MissingExtra if the server packages are not installed."""
    if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
        raise MissingExtra(f'{", ".join(missing)}: not installed; pip install "dspy-programs[serve]"')


def _worker_pool_for(
    lm: str | None, api_base: str | None, api_key: str | None, no_cache: bool, limits: "Limits"
) -> "WorkerPool":
    """Connect to the model once, if one is named; its weights are downloaded now, while the user watches."""
    from dspy_programs.serve.log import to_stderr
    from dspy_programs.serve.worker_pool import WorkerPool

    to_stderr()
    return WorkerPool(limits, model_named(lm, api_base, api_key, no_cache, timeout=limits.seconds))
