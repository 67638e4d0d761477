"""The agent that settings describe, with its models, policy, tools, logs and traces.

Raises     UsageError for a policy, a bundle or a workspace that cannot be used.
"""

import glob
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import dspy

from dspy_programs.agent.acting.actors import Persona
from dspy_programs.agent.agent import Agent
from dspy_programs.agent.config import AgentConfig
from dspy_programs.agent.limits import Limits
from dspy_programs.agent.permissions.answers import Answers
from dspy_programs.agent.permissions.audit import AuditLog
from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Policy, Rule
from dspy_programs.agent.sessions import Session, Sessions
from dspy_programs.agent.telling.record import OnEvent
from dspy_programs.agent.tools.bundle import Bundle, load_bundle
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError
from dspy_programs.lm import model_named


def checked_workspace(settings: AgentConfig, kept: Sessions) -> Workspace:
    """Return the workspace. Raises UsageError if the sessions, and the remembered answers beside them, are in it."""
    workspace = Workspace(settings.workspace)
    if kept.path.resolve().parent.is_relative_to(workspace.root):
        raise UsageError(
            f"{kept.path}: the sessions are in the workspace, where the agent could change what you allowed; "
            "choose another folder with --workspace, or name a file elsewhere with --sessions"
        )
    return workspace


def bundled(settings: AgentConfig) -> list[Bundle]:
    """Return the bundles of tools, opened: their servers run until they are closed."""
    return [load_bundle(path) for path in settings.bundles]


def agent_of(
    settings: AgentConfig,
    session: Session,
    kept: Sessions,
    connection: Mapping[str, Any],
    *,
    tools: Sequence[AgentTool] = (),
    on_event: OnEvent | None = None,
    ask: Callable[[str], str | None] | None = None,
) -> Agent:
    """Return an agent for one session. Its trace, log and remembered answers stand beside the sessions.

    connection: how models are reached, api_base, api_key and no_cache; tools: those of the bundles.
    """

    def model(spec: str | None) -> dspy.LM | None:
        return None if spec in (None, "none") else model_named(spec, **connection)

    limits = settings.limits.model_dump()
    workspace, beside = checked_workspace(settings, kept), kept.path.resolve().parent
    policy = _without_own(settings, workspace)
    (beside / "traces").mkdir(0o700, parents=True, exist_ok=True)
    return Agent(
        tools=[*default_tools(workspace), *tools],
        policy=Guard(policy, audit=AuditLog(beside / "audit.jsonl"), answers=Answers(beside / "answers.json")),
        lm=model(settings.lm),
        planner_lm=model(settings.planner_lm),
        judge_lm=model(settings.judge_lm),
        workspace=workspace,
        limits=Limits(**{field.name: limits[field.name] for field in fields(Limits)}),
        actors=settings.actors,
        demonstrations=settings.demonstrations or (),
        tool_calls=settings.tool_calls,
        tool_choice=settings.tool_choice,
        personas=[Persona(one.name, one.text, model(one.lm), tuple(one.tools)) for one in settings.personas],
        session=session,
        on_event=on_event,
        ask=ask,
        traces=beside / "traces",
    )


def _without_own(settings: AgentConfig, workspace: Workspace) -> Policy:
    """Return the policy, with the files that say what the agent may do closed to it."""
    policy = Policy.from_file(settings.policy) if settings.policy else Policy()
    own = [Path(file).resolve() for file in (settings.file, settings.policy, *settings.bundles) if file]
    inside = [glob.escape(str(file.relative_to(workspace.root))) for file in own if file.is_relative_to(workspace.root)]
    rule = Rule(verdict="deny", path=inside, reason="it says what the agent may do")
    return Policy((rule, *policy.rules)) if inside else policy
