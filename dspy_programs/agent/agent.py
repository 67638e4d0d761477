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
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from dspy_programs.agent.acting.actors import ActorFactory, Persona
from dspy_programs.agent.acting.calls import Calls
from dspy_programs.agent.acting.demonstrations import Demonstration, keep_files, read_demonstrations, scripts_of, show_to
from dspy_programs.agent.acting.native_calls import NativeActor, ToolCalls, ToolChoice, check_tool_calls
from dspy_programs.agent.checking.acceptance import Acceptance, files_named
from dspy_programs.agent.host import Host
from dspy_programs.agent.limits import Cost, Limits, Meter, metered
from dspy_programs.agent.loop import Loop
from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Policy
from dspy_programs.agent.planning.ledger import Ledger, LedgerTask
from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.rules.criteria import Criterion
from dspy_programs.agent.rules.goal import Wanted, goal_of, menu, wanted_by
from dspy_programs.agent.scripts.code_mender import TOOL as EDIT
from dspy_programs.agent.scripts.script import TOOL as SCRIPT, ScriptWriter, script_examples
from dspy_programs.agent.sessions import Session, Sessions
from dspy_programs.agent.sessions.undo import keep_former
from dspy_programs.agent.telling.record import OnEvent, Record
from dspy_programs.agent.telling.telemetry import run_span
from dspy_programs.agent.tools.bundle import as_tool
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.tool import AgentTool, ToolError
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ModelFailing, ProgramsError, UsageError
from dspy_programs.lm import connect, is_embedded
from dspy_programs.model_in_use import model_in_use
from dspy_programs.programs.actor import Actor
from dspy_programs.programs.planner import Planner
from dspy_programs.registry import load

_ROUNDS_OF_HELPER = 8


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
        demonstrations: Sequence[Demonstration] | str | Path = (),
        tool_calls: ToolCalls = "text",
        tool_choice: ToolChoice = "auto",
    ) -> None:
        """Choose what a run may use.

        Args:
            tools: AgentTools or typed functions; None for the shipped ones.
            lm: The model, or its spec; by default the model in use, and without one the rules answer.
            workspace: The only folder that may be touched.
            policy: What is allowed, denied or asked, also as a file; a Guard adds hooks, an audit log, remembered answers.
            limits: When a run must stop.
            planner_lm: Another model for the plan.
            judge_lm: The model that judges what code cannot check; None: a task whose tool ran is done, and not verified.
            actors: How many tasks may run at once, if none waits for another.
            personas: Kinds of actors, each with its tools, model and instructions.
            session: Where the run is kept, and goes on from; None to keep nothing.
            on_event: Called with each event of a run, one at a time.
            ask: Answers one question to the user; None, or an answer of None, where nobody is there.
            traces: The folder for the run's trace; None for none.
            compiled: Whether to use the planner and actor as compiled for the model.
            demonstrations: Of runs that succeeded, also as a file: actors and script writers are shown the nearest.
            tool_calls: How actors write calls: as JSON text, or by a hosted model's own tool calls ("native").
            tool_choice: With native calls, whether a model may call a tool, must, or must not.
        """
        if actors < 1 or limits.iterations < 1 or limits.turns < 1:
            raise UsageError("actors, iterations and turns must be 1 or more")
        self.workspace = workspace if isinstance(workspace, Workspace) else Workspace(workspace)
        given = default_tools(self.workspace) if tools is None else [as_tool(each) for each in tools]
        self.tools = {each.name: each for each in given}
        if len(self.tools) < len(given) or not given:
            raise UsageError("give at least one tool, and each its own name")
        self.lm, self.judge_lm = _model(lm), _model(judge_lm) if judge_lm is not None else None
        check_tool_calls(tool_calls, tool_choice, self.lm)
        self.tool_calls, self.tool_choice = tool_calls, tool_choice
        self.planner_lm = _model(planner_lm) if planner_lm is not None else self.lm
        given_policy = Policy.from_file(policy) if isinstance(policy, (str, Path)) else policy
        self.guard = given_policy if isinstance(given_policy, Guard) else Guard(given_policy)
        self.limits, self.actors, self.personas = limits, actors, personas
        self.session, self.on_event, self.ask = session, on_event, ask or (lambda question: None)
        self.traces, self.compiled = Path(traces) if traces is not None else None, compiled
        self.demonstrations = read_demonstrations(demonstrations) if isinstance(demonstrations, (str, Path)) else demonstrations
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
        goal = goal_of(goal, session)
        self._claim(session)
        with (
            Record(goal, session, [*self.tools.values()], self.on_event, self.traces) as record,
            run_span(goal, self.lm.model if self.lm is not None else None, record) as ended,
        ):
            keep_files(session, goal, self.workspace)
            loop = self._loop(goal, record)
            before = Snapshot.of(self.workspace) if session.is_kept else None
            try:
                with _told(loop.host):
                    return ended(loop.run())
            finally:
                keep_former(session, before, self.workspace)

    def plan(self, goal: str) -> list[LedgerTask]:
        """Return the tasks that a goal would be worked on by; nothing is done.

        Raises:
            UsageError: There is no goal.
            LanguageModelError: The model does not answer.
        """
        session = Sessions(":memory:").new()
        goal = goal_of(goal, session)
        with Record(goal, session, [*self.tools.values()], self.on_event, None) as record:
            loop = self._loop(goal, record)
            with _told(loop.host):
                loop.begin()
            return loop.host.ledger.tasks

    def cancel(self) -> None:
        """Let the run stop after the step that it is at; from any thread."""
        self.cancelled.set()

    def _claim(self, session: Session) -> None:
        """Bind a session to this folder: what it has planned is for these files. Raises UsageError in any other."""
        root = str(self.workspace.root)
        if (bound := session.get("workspace", root)) != root:
            raise UsageError(f"session {session.id} belongs to {bound}; go on with it there (--workspace)")
        session.set(workspace=root)

    def _loop(self, goal: str, record: Record) -> Loop:
        session = record.session
        meter = Meter(self.limits, Cost(**session.get("cost", {})))
        criteria = [Criterion(**one) for one in session.get("criteria", [])]
        wanted = Wanted()
        if not session.tasks():
            wanted = wanted_by(goal, [*self.tools], self.workspace)
            criteria, before = [*wanted.criteria], files_named(wanted.criteria, self.workspace)
            session.set("running", criteria=[one.model_dump(exclude_unset=True) for one in criteria], before=before)
        count = partial(metered, meter=meter, calls_tools=self.tool_calls == "native")
        lm = count(self.lm) if self.lm is not None else None
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
            inputs_missing=wanted.inputs,
            open_point=wanted.open,
            cancelled=self.cancelled,
        )
        planner, actor = self._programs(goal, record)
        is_small = self.lm is None or is_embedded(self.lm)
        scripts = lm is not None and is_small and SCRIPT in self.tools and sandbox.works()
        shipped = script_examples() if self.compiled else ()
        factory = ActorFactory(
            actor,
            self.tools,
            lm,
            [replace(one, lm=count(one.lm)) if one.lm is not None else one for one in self.personas],
            short=is_small,
            tokens=self.limits.context_tokens,
            script=ScriptWriter(self.workspace, [*shipped, *scripts_of(self.demonstrations)], mends=EDIT in self.tools)
            if scripts
            else None,
        )
        plans = lm if self.planner_lm is self.lm else metered(self.planner_lm, meter) if self.planner_lm is not None else None
        return Loop(host, planner, plans, factory, menu(goal, self.tools, recalls=session.memory), self.actors)

    def _programs(self, goal: str, record: Record) -> tuple[Planner, Actor]:
        """Return the planner and the actor."""
        planner, actor = self._compiled(record) if self.compiled else (Planner(), Actor())
        show_to(actor, self.demonstrations, goal)
        return planner, NativeActor(actor, self.tool_choice) if self.tool_calls == "native" else actor

    def _compiled(self, record: Record) -> tuple[Planner, Actor]:
        """Return the planner and the actor, compiled for the model if they are; the record says if they are not."""
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
            demonstrations=self.demonstrations,
            tool_calls=self.tool_calls,
            tool_choice=self.tool_choice,
        )
        helper.cancelled = self.cancelled
        done = helper.run(goal)
        files = f" Written: {', '.join(done.artefacts)}." if done.artefacts else ""
        how = {"completed": "done", "unverified": "done, not verified"}.get(done.outcome, f"not done, {done.why}")
        return f"{how}: {done.answer}.{files}"


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
        how = f"; what was done is kept: dspy-programs run --resume {session.id}" if session.is_kept else ""
        raise ModelFailing(f"the model does not answer: {why.rstrip('.')}{how}") from error


def _model(lm: str | dspy.LM | None) -> dspy.LM | None:
    return connect(lm) if isinstance(lm, str) else lm or model_in_use()
