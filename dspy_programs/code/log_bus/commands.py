"""python -m dspy_programs code watch|last|status: thin commands over this package. `code up` is in dspy_programs.serve."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.code.printing import gate, print_json, say, say_kind

if TYPE_CHECKING:
    from dspy_programs.code.log_bus.bus import Bus, Container
    from dspy_programs.logs import Kind

LogNames = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LOG]...", help="A file, a folder of log files, a container's name, or - for stdin. Default: the folder logs."
    ),
]
Containers = Annotated[
    list[str] | None, typer.Option("--container", "-c", metavar="NAME", help="A container of docker or podman; repeatable.")
]
Interval = Annotated[float, typer.Option("--interval", "-n", min=0.05, max=86_400, help="Seconds between two reads.")]
DbOption = Annotated[
    str | None,
    typer.Option(
        help="Where events are kept: a SQLite file, reddb (REDDB_URL), none (memory), auto. Default: DB_BACKEND, or a file in "
        "your cache."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class What(StrEnum):
    """What of a log is told. key_points and plan are words of the tool before this one."""

    all = "all"
    errors = "errors"
    warnings = "warnings"
    summary = "summary"
    key_points = "key_points"
    plan = "plan"


def watch(
    logs: LogNames = None,
    container: Containers = None,
    interval: Interval = 2.0,
    tail: Annotated[int, typer.Option("--tail", "-t", min=0, help="How many of each log's last lines to read first.")] = 20,
) -> None:
    """Follow logs and show what goes wrong as it happens, with its stack trace: each kind in full once, then as a count.

    Rotated, truncated and new files are followed. Nothing is kept: `up` does that. Ends when interrupted, or with stdin.
    """
    from dspy_programs.code.log_bus import ended_by_signals, follow, sources_of
    from dspy_programs.code.log_bus.live import Live
    from dspy_programs.errors import RunInterrupted
    from dspy_programs.text import quantity

    live = Live()
    sources = sources_of(named(logs, container), container or (), last_lines=tail)
    with ended_by_signals() as stop:
        try:
            for found in follow(None, sources, stop=stop, interval=interval):
                for note in found.notes:
                    print(note, file=sys.stderr, flush=True)
                live.show(event for _, event in found.events)
                sys.stdout.flush()
        finally:
            sources.close()
        told = f"{quantity(live.events, 'event')} of {quantity(live.kinds, 'kind')}"
        if stop.is_set():
            raise RunInterrupted(told)
        print(told, file=sys.stderr)


def last(
    container: Annotated[
        list[str] | None,
        typer.Option("--container", "-c", metavar="NAME", help="Only this log, by the name `status` shows; repeatable."),
    ] = None,
    what: Annotated[What, typer.Option(help="What to print.")] = What.all,
    match: Annotated[str | None, typer.Option(metavar="WORDS", help="Only events with all these words.")] = None,
    most: Annotated[int, typer.Option(min=1, help="How many kinds of events to show for each log.")] = 20,
    db: DbOption = None,
    as_json: _Json = False,
) -> None:
    """Show what went wrong lately, from what `up` has kept: the worst first. Exits with 1 if nothing did."""
    from dspy_programs.code.log_bus.log_status import summary_of
    from dspy_programs.errors import UsageError

    if what is What.plan:
        raise UsageError("--what plan: a log has no plan; `dspy-programs code plan TASK` makes one")
    bus = opened_bus(db)
    known = {one.name: one for one in bus.containers()}
    if unknown := [name for name in container or () if name not in known]:
        told = ", ".join(known) or "none; start `up`"
        raise UsageError(f"--container {unknown[0]}: nothing was read from it; known: {told}")
    chosen = [known[name] for name in container or known]
    if match is not None:
        found = {"": [kind for kind in bus.search(match, container or ()) if _is_wanted(kind, what)]}
    else:
        found = {one.name: [kind for kind in bus.kinds(one.name) if _is_wanted(kind, what)] for one in chosen}
    if what is What.summary:
        if match is None:
            summaries = {one.name: summary_of(one.counts, found[one.name]) for one in chosen}
        else:
            summaries = {match: summary_of(_counted(found[""]), found[""])}
        if as_json:
            print_json(summaries if match is None else summaries[match])
        else:
            for name, text in summaries.items():
                say(f"{name}: {text}")
    elif as_json:
        shown = {name: [kind.as_dict() for kind in kinds[:most]] for name, kinds in found.items()}
        print_json(shown if match is None else shown[""])
    else:
        for name, kinds in found.items():
            if kinds and len(found) > 1:
                say(f"== {name}")
            for kind in kinds[:most]:
                say_kind(kind)
            if len(kinds) > most:
                print(f"{len(kinds):,} kinds; --most shows more", file=sys.stderr)
    gate([kind for kinds in found.values() for kind in kinds], "nothing went wrong in what is kept")


def status(db: DbOption = None, as_json: _Json = False) -> None:
    """Show which logs `up` has read, what it has kept, and whether it is running."""
    from dspy_programs.code.log_bus.log_status import log_figures

    bus = opened_bus(db)
    if as_json:
        print_json(log_figures(bus))
        return
    for one in bus.containers():
        say(_line(one))
    print(f"{bus.storage.place}; {_runs(bus.storage.get('up'))}", file=sys.stderr)


def _line(one: "Container") -> str:
    told = ", ".join(f"{count:,} {name}" for name, count in one.counts.items()) or "no events"
    dropped = f"; {one.dropped:,} dropped to make room" if one.dropped else ""
    return f"{one.name}: {told}; {one.bytes_read:,} bytes read; {one.entries:,} kept{dropped}"


def _runs(up: Any) -> str:
    from dspy_programs.code.log_bus.log_status import is_alive

    if not up:
        return "no `up` runs now"
    return f"`up` {'runs' if is_alive(up) else 'ran'} as process {up['pid']} on {up['host']}; seen at {up['seen']}"


def _counted(kinds: "list[Kind]") -> dict[str, int]:
    counts = dict[str, int]()
    for kind in kinds:
        counts[kind.severity] = counts.get(kind.severity, 0) + kind.count
    return counts


def _is_wanted(kind: "Kind", what: What) -> bool:
    is_warning = kind.severity == "warning"
    return what not in (What.errors, What.warnings) or is_warning == (what is What.warnings)


def opened_bus(db: str | None) -> "Bus":
    """Open what is kept. Raises UsageError, also for a file that is not there."""
    from dspy_programs.code.log_bus import Bus, opened_storage
    from dspy_programs.code.log_bus.storage import BACKENDS
    from dspy_programs.errors import UsageError

    if db is not None and db not in BACKENDS and not Path(db).exists():
        raise UsageError(f"--db {db}: not there; `dspy-programs code up --db {db}` makes it")
    return Bus(opened_storage(db))


def named(logs: list[str] | None, containers: list[str] | None) -> list[str]:
    """Return what to follow: what was named, else the folder logs. Raises UsageError if that is not there."""
    from dspy_programs.errors import UsageError

    if logs or containers:
        return logs or []
    if not Path("logs").is_dir():
        raise UsageError("there is no folder logs here; name log files, folders, containers, or - for stdin")
    return ["logs"]
