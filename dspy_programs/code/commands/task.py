"""Commands for a whole task, and for its commit: plan, run, commit-message."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dspy_programs.cli import (
    GATE_CLOSED,
    UNVERIFIED,
    ApiBaseOption,
    ApiKeyOption,
    LmOption,
    NoCacheOption,
    NoLlmOption,
    ToolLmOption,
)
from dspy_programs.code.printing import print_json, say

_Folder = Annotated[Path, typer.Argument(metavar="[PATH]", help="A folder.")]
_Task = Annotated[str, typer.Argument(help="What to do, in words.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def plan(
    task: _Task,
    path: _Folder = Path("."),
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Print the steps in which `run` would do a task. Nothing is done."""
    from dspy_programs.agent import Agent, Workspace, default_tools
    from dspy_programs.code.agent_tools import CODE_TOOLS
    from dspy_programs.lm import DEFAULT_SPEC, model_named

    model = model_named(None if no_llm else lm or DEFAULT_SPEC, api_base, api_key, no_cache)
    workspace = Workspace(path)
    tools = [*default_tools(workspace), *CODE_TOOLS]
    tasks = Agent(tools, model, workspace=workspace).plan(task)
    if as_json:
        print_json([{"id": one.id, "title": one.title, "depends_on": list(one.depends_on)} for one in tasks])
        return
    for number, one in enumerate(tasks, 1):
        say(f"{number}. {one.title}")


def run(
    task: _Task,
    path: _Folder = Path("."),
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print the steps on standard error.")] = False,
) -> None:
    """Let the agent do a task in a folder of code, and report as JSON; `undo` restores what it has changed.

    Its tools also search the code. Exits with 1 if the task is not done, 3 if not verified. `dspy-programs run` has more
    settings.
    """
    from dspy_programs.agent import Sessions, agent_of, asked_here, checked_workspace, printed, read_config
    from dspy_programs.code.agent_tools import CODE_TOOLS
    from dspy_programs.code.changing.folder import Folder
    from dspy_programs.code.changing.holding import holding
    from dspy_programs.code.changing.working import work
    from dspy_programs.errors import UsageError
    from dspy_programs.lm import DEFAULT_SPEC

    if not task.strip():
        raise UsageError("the task is empty; say what to do")
    settings = read_config(None, {"lm": "none" if no_llm else lm, "workspace": str(path)})
    settings = settings.model_copy(update={"lm": settings.lm or DEFAULT_SPEC})
    kept = Sessions(settings.sessions)
    checked_workspace(settings, kept)
    with holding(Folder(path)) as held:  # before a session is begun
        agent = agent_of(
            settings,
            kept.new(task, memory=settings.memory),
            kept,
            {"api_base": api_base, "api_key": api_key, "no_cache": no_cache},
            tools=CODE_TOOLS,
            on_event=None if quiet else printed,
            ask=asked_here if sys.stdin.isatty() else None,
        )
        done = work(agent, task, held)
    print(done.result)
    if done.changed:
        print("dspy-programs code undo puts the files back", file=sys.stderr)
    elif not done.undoable and done.checkpoint:
        print(f"too many files to undo here; {done.checkpoint} has those that git tracks", file=sys.stderr)
    if done.result.outcome != "completed":
        raise typer.Exit(UNVERIFIED if done.result.outcome == "unverified" else GATE_CLOSED)


def commit_message(
    path: _Folder = Path("."),
    lm: ToolLmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    as_json: _Json = False,
) -> None:
    """Write a message for what is staged: git commit -m "$(dspy-programs code commit-message)"."""
    from dspy_programs.code import commit_message as message_for
    from dspy_programs.lm import using

    with using(None if no_llm else lm, api_base, api_key, no_cache):
        message = message_for(path)
    print_json(message._asdict()) if as_json else say(str(message))
