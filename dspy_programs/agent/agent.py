"""Agent: the settings of runs, and what each run needs, opened and closed.

    Agent(workspace="invoices", lm="local/qwen2.5-coder-1.5b").run("Read report.txt and write the total to answer.txt")

Raises     UsageError for a goal, workspace, tool or session that cannot be used; LanguageModelError if the model does not
           answer.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import dspy
from dspy.utils.exceptions import LMError

from dspy_programs.agent.acting.actors import Persona
from dspy_programs.agent.acting.demonstrations import Demonstration, keep_files, read_demonstrations
from dspy_programs.agent.acting.native_calls import ToolCalls, ToolChoice, check_tool_calls
from dspy_programs.agent.assembly import loop_of
from dspy_programs.agent.host import Host
from dspy_programs.agent.limits import Limits
from dspy_programs.agent.permissions.hooks import Guard
from dspy_programs.agent.permissions.policy import Policy
from dspy_programs.agent.planning.ledger import LedgerTask
from dspy_programs.agent.result import AgentResult
from dspy_programs.agent.rules.goal import goal_of
from dspy_programs.agent.sessions import Session, Sessions
from dspy_programs.agent.sessions.undo import keep_former
from dspy_programs.agent.telling.record import OnEvent, Record
from dspy_programs.agent.telling.telemetry import run_span
from dspy_programs.agent.tools.bundle import as_tool
from dspy_programs.agent.tools.default import default_tools
from dspy_programs.agent.tools.tool import AgentTool, ToolError
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import ModelFailing, ProgramsError, UsageError
from dspy_programs.lm import connect
from dspy_programs.model_in_use import model_in_use

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
            loop = loop_of(self, goal, record, self._delegate)
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
            loop = loop_of(self, goal, record, self._delegate)
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
