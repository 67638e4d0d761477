"""Agent: the settings of runs, and what each run needs, opened and closed.

    Agent(workspace="invoices", lm="local/qwen2.5-coder-1.5b").run("Read report.txt and write the total to answer.txt")

Raises     UsageError for a goal, workspace, tool or session that cannot be used; LanguageModelError if the model does not
           answer.
"""

import contextlib
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from dspy_programs.agent.acceptance import Acceptance, files_named
from dspy_programs.agent.actors import ActorFactory, Persona
from dspy_programs.agent.calls import Calls
from dspy_programs.agent.criteria import Criterion, criteria_of, inputs_missing
from dspy_programs.agent.host import Host
from dspy_programs.agent.ledger import Ledger, LedgerTask
from dspy_programs.agent.limits import Cost, Limits, Meter, metered
from dspy_programs.agent.loop import Loop
from dspy_programs.agent.open_value import open_value, parts_missing
from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Policy
from dspy_programs.agent.record import OnEvent, Record
from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.script import TOOL as SCRIPT, ScriptWriter, script_examples
from dspy_programs.agent.sessions import Session, Sessions
from dspy_programs.agent.tools.bundle import as_tool
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.tool import AgentTool, ToolError
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ModelFailing, ProgramsError, UsageError
from dspy_programs.lm import connect, is_embedded
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.planner import Planner
from dspy_programs.registry import load
from dspy_programs.text import content_stems
from dspy_programs.types import Tool

_ROUNDS_OF_HELPER = 8
_MOST_FILES = 20_000  # that the goal's words are compared with
_LONGEST_GOAL = 20_000  # characters
_NOT_PLANNED = ("update_progress", "ask_user")  # the host does these by itself
_ON_WORD = (
    "remember",
    "recall",
    "delegate",
    "git_status",
    "git_diff",
    "git_log",
    "git_commit",
)  # planned where the goal has it


class Agent:
    """Works on goals in a workspace."""

    def __init__(
        self,
        tools: Sequence[AgentTool | dspy.Tool | Callable[..., Any]] | None = None,
        lm: str | dspy.LM | None = None,
        *,
        workspace: str | Path | Workspace = ".",
        policy: Policy | Guard | str | Path | None = None,
        limits: Limits = Limits(),  # noqa: B008  frozen
        planner_lm: str | dspy.LM | None = None,
        judge_lm: str | dspy.LM | None = None,
        actors: int = 1,
        personas: Sequence[Persona] = (),
        session: Session | None = None,
        on_event: OnEvent | None = None,
        ask: Callable[[str], str | None] | None = None,
        traces: str | Path | None = None,
        compiled: bool = True,
    ) -> None:
        """Choose what a run may use.

        Args:
            tools: AgentTools or typed functions; None for the shipped ones.
            lm: The model, or its spec; by default the model in use, and without one the rules answer.
            workspace: The only folder that may be touched.
            policy: What is allowed, denied or asked, also as a file; a Guard adds hooks, an audit log, remembered answers.
            limits: When a run must stop.
            planner_lm: Another model for the plan.
            judge_lm: The model that judges what code cannot check; None: such a task counts as complete once its tool ran.
            actors: How many tasks may run at once, if none waits for another.
            personas: Kinds of actors, each with its tools, model and instructions.
            session: Where the run is kept, and goes on from; None to keep nothing.
            on_event: Called with each event of a run, one at a time.
            ask: Answers one question to the user; None, or an answer of None, where nobody is there.
            traces: The folder for the run's trace; None for none.
            compiled: Whether to use the planner and actor as compiled for the model.
        """
        if actors < 1 or limits.iterations < 1 or limits.turns < 1:
            raise UsageError("actors, iterations and turns must be 1 or more")
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
        given = default_tools(self.workspace) if tools is None else [as_tool(each) for each in tools]
        self.tools = {each.name: each for each in given}
        if len(self.tools) < len(given) or not given:
            raise UsageError("give at least one tool, and each its own name")
        self.lm, self.judge_lm = _model(lm), _model(judge_lm) if judge_lm is not None else None
        self.planner_lm = _model(planner_lm) if planner_lm is not None else self.lm
        given_policy = Policy.from_file(policy) if isinstance(policy, (str, Path)) else policy
        self.guard = given_policy if isinstance(given_policy, Guard) else Guard(given_policy)
        self.limits, self.actors, self.personas = limits, actors, personas
        self.session, self.on_event, self.ask = session, on_event, ask or (lambda question: None)
        self.traces, self.compiled = Path(traces) if traces is not None else None, compiled
        self.cancelled = threading.Event()

    def run(self, goal: str = "") -> AgentResult:
        """Work on a goal until it is reached or a limit is.

        Args:
            goal: What to do, in words; "" to go on with the session's.

        Returns:
            What was done, and whether the goal is reached. It prints as JSON.

        Raises:
            UsageError: There is no goal, or it is not the session's; or the session cannot be written.
            LanguageModelError: The model does not answer. What was done is in the session.
        """
        session = self.session or Sessions(":memory:").new()
        goal = _goal_of(goal, session)
        with Record(goal, session, [*self.tools.values()], self.on_event, self.traces) as record:
            loop = self._loop(goal, record)
            with _told(loop.host):
                return loop.run()

    def plan(self, goal: str) -> list[LedgerTask]:
        """Return the tasks that a goal would be worked on by; nothing is done.

        Raises:
            UsageError: There is no goal.
            LanguageModelError: The model does not answer.
        """
        session = Sessions(":memory:").new()
        goal = _goal_of(goal, session)
        with Record(goal, session, [*self.tools.values()], self.on_event, None) as record:
            loop = self._loop(goal, record)
            with _told(loop.host):
                loop.begin()
            return loop.host.ledger.tasks

    def cancel(self) -> None:
        """Let the run stop after the step that it is at; from any thread."""
        self.cancelled.set()

    def _loop(self, goal: str, record: Record) -> Loop:
        session = record.session
        meter = Meter(self.limits, Cost(**session.get("cost", {})))
        criteria = [Criterion(**one) for one in session.get("criteria", [])]
        gone: list[str] = []
        open_ = ""
        if not session.tasks():
            files = [each.path for each in islice(self.workspace.walk(), _MOST_FILES) if each.kind == "file"]
            criteria = criteria_of(goal, files)
            gone = [*inputs_missing(goal, files), *parts_missing(goal, self.workspace)]
            open_ = open_value(goal, self.workspace)
            before = files_named(criteria, self.workspace)
            session.set("running", criteria=[one.model_dump(exclude_unset=True) for one in criteria], before=before)
        lm = metered(self.lm, meter) if self.lm is not None else None
        ledger = Ledger(session.tasks(), record.on_ledger, record.lock)
        acceptance = Acceptance(
            workspace=self.workspace,
            ledger=ledger,
            criteria=criteria,
            before=session.get("before", {}),
            tell=record.tell,
            judge_lm=metered(self.judge_lm, meter) if self.judge_lm is not None else None,
            cancelled=self.cancelled,
        )
        host = Host(
            goal=goal,
            workspace=self.workspace,
            calls=Calls(self.tools, self.guard, record, self.limits.call_seconds, self.cancelled),
            ledger=ledger,
            record=record,
            meter=meter,
            acceptance=acceptance,
            ask=self.ask,
            delegate=partial(self._delegate, lm),
            inputs_missing=gone,
            open_value=open_,
            cancelled=self.cancelled,
        )
        planner, actor = self._programs(record)
        is_small = self.lm is None or is_embedded(self.lm)
        scripts = lm is not None and is_small and SCRIPT in self.tools and sandbox.works()
        factory = ActorFactory(
            actor,
            self.tools,
            lm,
            self.personas,
            short=is_small,
            tokens=self.limits.context_tokens,
            script=ScriptWriter(self.workspace, script_examples() if self.compiled else ()) if scripts else None,
        )
        plans = lm if self.planner_lm is self.lm else metered(self.planner_lm, meter) if self.planner_lm is not None else None
        return Loop(host, planner, plans, factory, _menu(goal, self.tools), self.actors)

    def _programs(self, record: Record) -> tuple[Planner, Actor]:
        """Return the planner and the actor, compiled for the model if they are; the record says if they are not."""
        if not self.compiled:
            return Planner(), Actor()
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            planner = load("planner", self.planner_lm.model) if self.planner_lm is not None else Planner()
            actor = load("actor", self.lm.model) if self.lm is not None else Actor()
        for each in told:
            record.tell("note", text=str(each.message))
        return planner, actor

    def _delegate(self, lm: dspy.LM | None, goal: str, names: Sequence[str]) -> str:
        """Let a sub-agent with a history of its own and these tools work on a part; return its report."""
        if unknown := [name for name in names if name not in self.tools]:
            raise ToolError(f"no tool {unknown[0]!r}; choose from {', '.join(self.tools)}")
        chosen = [self.tools[name] for name in names or self.tools if name != "delegate"]
        helper = Agent(
            chosen,
            lm,
            workspace=self.workspace,
            policy=self.guard,
            limits=replace(self.limits, iterations=_ROUNDS_OF_HELPER),
            ask=self.ask,
            compiled=self.compiled,
        )
        helper.cancelled = self.cancelled
        done = helper.run(goal)
        files = f" Written: {', '.join(done.artefacts)}." if done.artefacts else ""
        return f"{'done' if done.completed else f'not done, {done.why}'}: {done.answer}.{files}"


@contextlib.contextmanager
def _told(host: Host) -> Iterator[None]:
    """Say in one line that a model does not answer, and how to go on."""
    session = host.record.session
    try:
        yield
    except LMError as error:
        session.set("error")
        host.keep_cost()
        if isinstance(error.__cause__, ProgramsError):  # from our own engine: a missing extra, no weights
            raise error.__cause__ from None
        why = next(iter(str(error).splitlines()), "") or type(error).__name__
        how = f"; what was done is kept: run --resume {session.id}" if session.is_kept else ""
        raise ModelFailing(f"the model does not answer: {why.rstrip('.')}{how}") from error


def _goal_of(goal: str, session: Session) -> str:
    goal = goal.strip() or session.goal
    if not goal:
        raise UsageError("there is no goal; say what to do")
    if len(goal) > _LONGEST_GOAL:
        raise UsageError(f"the goal has {len(goal):,} characters; give at most {_LONGEST_GOAL:,}, and long texts as files")
    if session.goal and goal != session.goal:
        raise UsageError(f"session {session.id} has another goal: {session.goal[:80]!r}; begin a new one")
    session.goal = goal
    return goal


def _model(lm: str | dspy.LM | None) -> dspy.LM | None:
    return connect(lm) if isinstance(lm, str) else lm or model_in_use()


def _menu(goal: str, tools: dict[str, AgentTool]) -> list[Tool]:
    """Return the tools that a plan may name: not what the host does, and special ones only where the goal speaks of them."""
    said = set(content_stems(goal))
    names = [
        name
        for name in tools
        if name not in _NOT_PLANNED and (name not in _ON_WORD or not said.isdisjoint(content_stems(name.replace("_", " "))))
    ]
    return [Tool(name=name, description=tools[name].description) for name in names or tools]
