"""dspy-programs run "GOAL", and dspy-programs chat: thin commands over this package."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dspy_programs.agent.session_commands import SessionsOption
from dspy_programs.cli import (
    GATE_CLOSED,
    UNVERIFIED,
    ApiBaseOption,
    ApiKeyOption,
    LmOption,
    NoCacheOption,
    NoLlmOption,
)

if TYPE_CHECKING:
    from dspy_programs.agent.agent import Agent
    from dspy_programs.agent.config import AgentConfig
    from dspy_programs.agent.result import Judgement
    from dspy_programs.agent.sessions import Session, Sessions

_WorkspaceOption = Annotated[str | None, typer.Option("--workspace", "-w", help="The only folder that may be touched.")]


def run(
    goal: Annotated[str, typer.Argument(help="What to do, in words.")] = "",
    workspace: _WorkspaceOption = None,
    lm: LmOption = None,
    planner_lm: Annotated[str | None, typer.Option(help="Another model for the plan.")] = None,
    judge_lm: Annotated[str | None, typer.Option(help="A model that judges what code cannot check.")] = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    no_cache: NoCacheOption = False,
    actors: Annotated[int | None, typer.Option(min=1, help="Tasks that may run at the same time. Default: 1.")] = None,
    iterations: Annotated[int | None, typer.Option(min=1, help="Rounds of the loop. Default: 25.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Limit: tokens of prompts and replies.")] = None,
    seconds: Annotated[float | None, typer.Option(help="Limit: seconds.")] = None,
    usd: Annotated[float | None, typer.Option(help="Limit: USD.")] = None,
    demonstrations: Annotated[
        str | None, typer.Option(help="A file of runs that succeeded; the model is shown the most similar ones.")
    ] = None,
    tool_calls: Annotated[str | None, typer.Option(help="text, or native: a hosted model's own tool calls.")] = None,
    tool_choice: Annotated[str | None, typer.Option(help="With native calls: auto, required or none.")] = None,
    policy: Annotated[str | None, typer.Option(help="A policy file: what is allowed, denied or asked.")] = None,
    bundle: Annotated[list[str] | None, typer.Option(help="JSON file of tools to add to the shipped ones; repeatable.")] = None,
    resume: Annotated[str | None, typer.Option(metavar="ID", help="Continue this session; last is the latest.")] = None,
    memory: Annotated[bool | None, typer.Option("--memory", help="Recall what other sessions remember.")] = None,
    sessions: SessionsOption = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file. Default: agent.toml in this folder, if there is one.")
    ] = None,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print the settings as agent.toml, and exit.")] = False,
    judge: Annotated[bool, typer.Option("--judge", help="Finally say where the run went wrong, and why.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not print the steps on standard error.")] = False,
) -> None:
    """Work on a goal in a folder: plan, act, check, report as JSON. Exits with 1 if it is not done, 3 if not verified."""
    from dspy_programs.agent.config import as_toml, read_config

    flags = {
        **dict(lm="none" if no_llm else lm, planner_lm=planner_lm, judge_lm=judge_lm, workspace=workspace, actors=actors),
        **dict(iterations=iterations, tokens=tokens, seconds=seconds, usd=usd, policy=policy, bundles=bundle or None),
        **dict(memory=memory, sessions=str(sessions) if sessions else None),
        **dict(demonstrations=demonstrations, tool_calls=tool_calls, tool_choice=tool_choice),
    }
    settings = read_config(config, flags)
    goal = goal.strip().removeprefix("/goal ")  # as a conversation has it
    if show_config:
        from dspy_programs.agent.workspace import sandbox

        print(f"# {sandbox.described()}\n{as_toml(settings)}", end="")
        return
    from dspy_programs.agent.configured import checked_workspace
    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.agent.workspace.workspace import Workspace
    from dspy_programs.errors import ProgramsError, UsageError
    from dspy_programs.text import printable

    if not goal.strip() and not resume:
        raise UsageError('there is no goal; say what to do: dspy-programs run "GOAL"')
    Workspace(settings.workspace)  # before a file is made
    kept = Sessions(settings.sessions)
    checked_workspace(settings, kept)  # before there is a session
    session = kept.open(resume, memory=settings.memory) if resume else kept.new(goal, memory=settings.memory)
    try:
        agent = _agent_of(settings, session, kept, dict(api_base=api_base, api_key=api_key, no_cache=no_cache), quiet)
    except ProgramsError:
        if not resume:  # nothing has begun
            session.close()
            kept.delete(session.id)
        raise
    result = agent.run(goal)
    if judge and result.trace:
        result.judgement = judgement_on(Path(result.trace))
    if not quiet and result.answer:
        print(printable(result.answer), file=sys.stderr)
    print(result)
    if result.outcome != "completed":
        raise typer.Exit(UNVERIFIED if result.outcome == "unverified" else GATE_CLOSED)


def chat(
    workspace: _WorkspaceOption = None,
    lm: LmOption = None,
    no_llm: NoLlmOption = False,
    api_base: ApiBaseOption = None,
    api_key: ApiKeyOption = None,
    policy: Annotated[str | None, typer.Option(help="A policy file: what is allowed, denied or asked.")] = None,
    sessions: SessionsOption = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings file. Default: agent.toml in this folder, if there is one.")
    ] = None,
) -> None:
    """Talk to a model that works on files where you say so: /goal TEXT, /plan TEXT, /quit."""
    from dspy_programs.agent.chat import COMMANDS, HELP, Chat
    from dspy_programs.agent.config import read_config
    from dspy_programs.agent.configured import checked_workspace
    from dspy_programs.agent.sessions import Sessions
    from dspy_programs.cli import first_words, typed_lines
    from dspy_programs.lm import DEFAULT_SPEC, connect

    flags = dict(lm="none" if no_llm else lm, workspace=workspace, policy=policy, sessions=str(sessions) if sessions else None)
    settings = read_config(config, flags)
    kept = Sessions(settings.sessions)
    checked_workspace(settings, kept)
    connection = dict(api_base=api_base, api_key=api_key)
    spec = settings.lm or DEFAULT_SPEC
    talk = Chat(
        lm=None if spec == "none" else connect(spec, api_base=api_base, api_key=api_key),
        session=kept.new("chat"),
        new_session=kept.new,
        agent_for=lambda session: _agent_of(settings, session, kept, {**connection, "no_cache": False}, quiet=False),
        write=lambda text: print(text, end="", flush=True),
    )
    if sys.stdin.isatty():
        print(HELP)
    talk.talk(typed_lines(kept.path.parent / "chat_history", first_words(COMMANDS)))


def _agent_of(
    settings: "AgentConfig", session: "Session", kept: "Sessions", connection: dict[str, Any], quiet: bool
) -> "Agent":
    """Return the agent that settings describe, for the person at the terminal."""
    from dspy_programs.agent.configured import agent_of, bundled
    from dspy_programs.agent.telling.show import asked_here, printed
    from dspy_programs.lm import DEFAULT_SPEC

    settings = settings.model_copy(update={"lm": settings.lm or DEFAULT_SPEC})
    tools = [each for bundle in bundled(settings) for each in bundle.tools]
    ask = asked_here if sys.stdin.isatty() else None
    return agent_of(settings, session, kept, connection, tools=tools, on_event=None if quiet else printed, ask=ask)


def judgement_on(trace: Path) -> "Judgement":
    """Return what the failure judge's rules say of a run."""
    from dspy_programs.agent.result import Judgement
    from dspy_programs.failures import AutoParser
    from dspy_programs.lm import running_on
    from dspy_programs.programs.failure_judge import FailureJudge

    with running_on(None):
        found = FailureJudge().of(AutoParser().parse_file(trace))
    return Judgement(mode=found.mode, turn=found.turn, cause=found.cause, fixes=found.fixes, confidence=found.confidence)
