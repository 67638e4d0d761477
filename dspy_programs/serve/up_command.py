"""python -m dspy_programs code up: follow logs into a store, with a status page."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dspy_programs.code.log_bus import Containers, DbOption, Interval, LogNames, named

if TYPE_CHECKING:
    from dspy_programs.code.log_bus import Bus

_NEEDED = ("mcp", "uvicorn")  # of the serve extra


def up(
    logs: LogNames = None,
    container: Containers = None,
    db: DbOption = None,
    keep_events: Annotated[
        int, typer.Option(min=1, help="How many entries to keep over all logs; the oldest make room.")
    ] = 100_000,
    keep_megabytes: Annotated[int, typer.Option(min=1, help="Their largest total size, in megabytes.")] = 200,
    interval: Interval = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Stop when everything there has been read; no status page.")] = False,
    status_host: Annotated[
        str, typer.Option(help="Address of the status page; any but loopback requires a key.")
    ] = "127.0.0.1",
    status_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the status page; 0 for none.")] = 8765,
    key_file: Annotated[
        Path | None,
        typer.Option(help="File of the keys its clients must send, one NAME: KEY a line. Or set DSPY_PROGRAMS_SERVER_KEY."),
    ] = None,
    kafka: Annotated[
        str,
        typer.Option("--kafka", metavar="HOST:PORT", envvar="KAFKA_BOOTSTRAP_SERVERS", help="Also publish to these brokers."),
    ] = "",
    workspace: Annotated[Path, typer.Option("--workspace", "-w", help="The folder whose index /code shows.")] = Path("."),
) -> None:
    """Follow logs, and keep what goes wrong: each line is read once, even if this is killed and started again.

    Several may run, even on one store. `last` and `status` show what is kept. Ends when interrupted; the next start continues.
    """
    from dspy_programs.code.log_bus import Bus, ended_by_signals, keep, opened_storage, sources_of

    sources = sources_of(named(logs, container), container or (), once=once)
    with ended_by_signals() as stop, contextlib.ExitStack() as stack:
        page = None if once or not status_port else _status_page(stack, status_host, status_port, key_file)
        bus = Bus(opened_storage(db, keep_entries=keep_events, keep_megabytes=keep_megabytes))
        publisher = None
        if kafka:
            from dspy_programs.code.log_bus import Publisher

            publisher = Publisher(bus, kafka)
        if page is not None:
            print(f"events are kept in {bus.storage.place}; {page(bus, workspace)}", file=sys.stderr, flush=True)
        print(keep(bus, sources, stop, interval, once, publisher), file=sys.stderr)


def _status_page(stack: contextlib.ExitStack, host: str, port: int, key_file: Path | None) -> Callable[["Bus", Path], str]:
    """Take the status page's address, before anything is written. Raises UsageError.

    Returns:
        Starts the page over a bus, and returns where it is, or why there is none.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        return lambda bus, workspace: 'no status page: pip install "dspy-programs[serve]"'
    from dspy_programs.code.log_bus import now
    from dspy_programs.serve.keys import keys_from
    from dspy_programs.serve.listening import listen
    from dspy_programs.serve.log import to_stderr
    from dspy_programs.serve.log_status import serving, status_app, url_of

    to_stderr()
    keys = keys_from(key_file, os.environ)
    listening = listen(host, port, keys is not None, option="--status-")
    stack.enter_context(listening)

    def start(bus: "Bus", workspace: Path) -> str:
        stack.enter_context(serving(listening, status_app(bus, workspace, keys, now())))
        return f"status at {url_of(listening)}"

    return start
