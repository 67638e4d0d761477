"""dspy-programs sessions ...: thin commands over the sessions of the agent."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import GATE_CLOSED, new_app

sessions = new_app("The sessions of the agent: list, show, undo, fork, export, delete.")
SessionsOption = Annotated[
    Path | None, typer.Option("--sessions", help="The file that holds the sessions. Default: one in your user folder.")
]
_IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A session's id, or last for the most recently used.")]


@sessions.callback()
def of_sessions() -> None:
    """The sessions of the agent: list, show, undo, fork, export, delete. To go on with one: run --resume ID."""


@sessions.command("list")
def list_sessions(sessions: SessionsOption = None) -> None:
    """List the sessions, most recently used first."""
    import time

    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.text import printable

    known = Sessions(sessions).list()
    if not known:
        print('there are no sessions yet; dspy-programs run "GOAL" begins one', file=sys.stderr)
    for one in known:
        goal = printable(" ".join(one.goal.split()))[:80]
        print(f"{one.id}  {time.strftime('%Y-%m-%d %H:%M', time.localtime(one.updated))}  {one.status:<11}  {goal}")


@sessions.command()
def show(session_id: _IdArgument = "last", sessions: SessionsOption = None) -> None:
    """Show the checklist of a session and what happened in it."""
    from dspy_programs.agent.planning.ledger import Ledger, LedgerTask
    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.agent.telling.show import line_of
    from dspy_programs.text import printable

    held = Sessions(sessions).export(session_id)

    print(f"{held['id']}: {printable(held['goal'])} ({held['status']})\n")
    print(printable(Ledger([LedgerTask(**task) for task in held["tasks"]]).to_markdown()))
    for event in held["events"]:
        if line := line_of(event):
            print(printable(line))


@sessions.command()
def fork(session_id: _IdArgument = "last", sessions: SessionsOption = None) -> None:
    """Copy a session as it is now, and print the id of the copy."""
    from dspy_programs.agent.sessions import Sessions

    print(Sessions(sessions).fork(session_id))


@sessions.command()
def export(session_id: _IdArgument = "last", sessions: SessionsOption = None) -> None:
    """Print everything stored about a session, as JSON."""
    import json

    from dspy_programs.agent.sessions import Sessions

    print(json.dumps(Sessions(sessions).export(session_id), indent=2, ensure_ascii=False))


@sessions.command()
def demonstrations(
    sessions: SessionsOption = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="JSONL with a field goal: leave these goals out; repeatable.")
    ] = None,
    bundle: Annotated[list[str] | None, typer.Option(help="JSON file of tools that the runs had; repeatable.")] = None,
) -> None:
    """Print the sessions that reached their goal as demonstrations: JSONL for `run --demonstrations`."""
    from dspy_programs.agent.acting.demonstrations import demonstrations as shown_by, goals_in
    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.agent.tools.bundle import load_bundle
    from dspy_programs.agent.tools.default import default_tools
    from dspy_programs.agent.workspace.workspace import Workspace

    goals = [goal for path in without or () for goal in goals_in(path)]
    tools = [*default_tools(Workspace(".")), *(each for path in bundle or () for each in load_bundle(path).tools)]
    for row in shown_by(Sessions(sessions), tools, goals):
        print(row.model_dump_json(exclude_defaults=True))


@sessions.command()
def undo(session_id: _IdArgument = "last", sessions: SessionsOption = None) -> None:
    """Restore the files that a session changed. One that has changed since stays as it is, and the exit code is 1."""
    import contextlib

    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.agent.sessions.undo import undo as undo_all
    from dspy_programs.agent.workspace.workspace import Workspace
    from dspy_programs.errors import UsageError
    from dspy_programs.text import printable

    with contextlib.closing(Sessions(sessions).open(session_id)) as session:
        if not (root := session.get("workspace")):
            raise UsageError(f"session {session.id} has done nothing yet")
        done = undo_all(session, Workspace(root))
    for path in done.back:
        print(printable(f"{path}: as it was"))
    for path, why in done.left.items():
        print(printable(f"{path}: left as it is: {why}"))
    if done.left:
        raise typer.Exit(GATE_CLOSED)


@sessions.command()
def delete(session_id: Annotated[str, typer.Argument(metavar="ID")], sessions: SessionsOption = None) -> None:
    """Delete a session."""
    from dspy_programs.agent.sessions import Sessions

    kept = Sessions(sessions)
    one = kept.summary(session_id)
    kept.delete(one.id)
    print(f"{one.id}: deleted")
