"""Runs of the agent behind the server: each in a thread of its own, watched, asked, answered and cancelled from others.

Input      the settings of agent.toml and the flags; how many runs may go on at once.
Output     AgentRun: its events as they come, its open question, its result.
Guarantees a run has one session, which no other run has open meanwhile, and which belongs to the key that began it; a
           question that nobody answers in time is a no; cancelling ends a run whatever it waits for; a full house refuses a
           run before it has a session.
Raises     ServeError: NotFound, Busy, Spent, Unusable, Unavailable.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from dspy_programs.agent import (
    Agent,
    AgentConfig,
    AgentResult,
    Event,
    Guard,
    Session,
    Sessions,
    agent_of,
    bundled,
    checked_workspace,
)
from dspy_programs.agent.sessions import Summary
from dspy_programs.errors import ProgramsError
from dspy_programs.lm import running_on
from dspy_programs.serve.keys import CALLER, DEFAULT
from dspy_programs.serve.problems import Busy, Invalid, NotFound, ServeError, Unavailable, Unusable, to_serve_error
from dspy_programs.serve.spending import Spending

_AT_ONCE = 4
_ANSWER_SECONDS = 600.0  # that a question waits for an answer
_GLANCE = 0.2  # seconds
_SECONDS_TO_STOP = 3.0
_TOLD = ("iterations", "tokens", "seconds", "usd")  # limits, at the start


class AgentRun:
    """One run. `events` only grows; `ended` is set after the last one."""

    def __init__(self, session: Session, owner: str | None) -> None:
        self.id, self.session, self.owner = session.id, session, owner
        self.events: list[Event] = []
        self.ended = threading.Event()
        self.result: AgentResult | None = None
        self.error: ServeError | None = None
        self.agent: Agent | None = None
        self._changed = threading.Condition()
        self._question, self._number, self._answer = "", 0, ""
        self._cancelled = False

    @property
    def question(self) -> tuple[int, str] | None:
        """The question that waits for an answer, with its number."""
        with self._changed:
            return (self._number, self._question) if self._question and not self._answer else None

    def ask(self, question: str) -> str | None:
        """Wait until the question is answered; None if it is not in time, or the run is cancelled."""
        until = time.monotonic() + _ANSWER_SECONDS
        with self._changed:
            self._number, self._question, self._answer = self._number + 1, question, ""
            try:
                while not (self._answer or self._cancelled) and time.monotonic() < until:
                    self._changed.wait(_GLANCE)
                return self._answer or None
            finally:
                self._question = ""

    def answer(self, number: int, text: str) -> None:
        """Answer the open question of this number, once.

        Raises Unusable if there is none, Invalid if a call is asked about and this is neither yes nor no.
        """
        with self._changed:
            if not self._question or number != self._number or self._answer:
                raise Unusable(f"question {number} is not open; the events say which one is")
            if not Guard.takes(self._question, text):
                raise Invalid("the answer is neither yes nor no; answer yes, no, always or never")
            self._answer = text
            self._changed.notify_all()

    def cancel(self) -> None:
        with self._changed:
            self._cancelled = True
            if self.agent is not None:
                self.agent.cancel()
            self._changed.notify_all()

    def work(self, agent: Agent, goal: str) -> None:
        """Run to the end, in this thread. Raises what the agent raises."""
        with self._changed:
            self.agent = agent
            if self._cancelled:
                agent.cancel()
        self.result = agent.run(goal)


class AgentRuns:
    """All runs of one server."""

    def __init__(self, settings: AgentConfig, connection: Mapping[str, Any], at_once: int = _AT_ONCE) -> None:
        """Check the settings once, so that a mistake in them stops the server and not a client.

        Raises:
            UsageError: The workspace, the policy, the sessions or a bundle cannot be used.
        """
        self.settings, self.connection, self.at_once = settings, connection, at_once
        self.sessions = Sessions(settings.sessions)
        self.root = checked_workspace(settings, self.sessions).root
        self._running: dict[str, AgentRun] = {}
        self._lock = threading.Lock()
        self.spending: Spending | None = None  # what the keys may use of models, if that is limited
        self.closed = True
        self.open()
        with running_on(None):
            self._agent(Sessions(":memory:").new())

    def open(self) -> None:
        """Accept runs, also after `close`."""
        if self.closed:
            self._bundles = bundled(self.settings)
            self._tools = [each for bundle in self._bundles for each in bundle.tools]
            self.closed = False

    def __str__(self) -> str:
        config = self.settings
        models = [
            f"{name} {spec}"
            for name in ("lm", "planner_lm", "judge_lm")
            if (spec := getattr(config, name)) not in (None, "none")
        ]
        models = models or ["no model"]
        limits = [f"{name} {value:g}" for name, value in config.limits if value is not None and name in _TOLD]
        policy = f"policy {config.policy}" if config.policy else "the default policy"
        return f"agent in {self.root}: {', '.join(models)}; {policy}; {', '.join(limits)}; sessions in {self.sessions.path}"

    def start(self, goal: str, session_id: str = "", memory: bool = False) -> AgentRun:
        """Begin a run, or go on with a session. Raises Busy, Spent, NotFound, Unusable, Unavailable."""
        if not (goal.strip() or session_id):
            raise Unusable("there is no goal; say what to do")
        name = CALLER.get() or ""
        with self._lock, told():
            if self.closed:
                raise Unavailable("the server is shutting down")
            if self.spending is not None:
                self.spending.check(name, 1, 1)
            if len(self._running) >= self.at_once:
                raise Busy(f"{self.at_once} runs are going on; wait for one to end, or cancel it")
            if session_id:
                self.needed_on_file(session_id)
                session = self.sessions.open(session_id, memory=memory)
            else:
                session = self.sessions.new(goal, memory=memory)
            session.set(workspace=str(self.root), recalls="folder", owner=owner())
            run = AgentRun(session, owner())
            self._running[run.id] = run
        threading.Thread(target=self._work, args=(run, goal, name), daemon=True, name=f"run {run.id}").start()
        return run

    def _work(self, run: AgentRun, goal: str, name: str) -> None:
        try:
            with running_on(None):  # no model but those of the settings
                run.work(self._agent(run.session, on_event=run.events.append, ask=run.ask), goal)
        except Exception as error:  # the boundary to the clients: whatever it is, they wait for it
            run.error = to_serve_error(error)
        finally:
            if self.spending is not None and run.result is not None:
                cost = run.result.cost
                self.spending.add(name, cost.model_calls, cost.input_tokens + cost.output_tokens)
            with self._lock:  # both at once: the session's next run stands in the same place
                del self._running[run.id]
                run.session.close()
            run.ended.set()

    def _agent(self, session: Session, **watching: Any) -> Agent:
        return agent_of(self.settings, session, self.sessions, self.connection, tools=self._tools, **watching)

    def running(self, session_id: str) -> AgentRun | None:
        """Return the caller's run of this session, if it goes on."""
        with self._lock:
            run = self._running.get(session_id)
        return run if run is not None and run.owner == owner() else None

    def needed(self, session_id: str) -> AgentRun:
        """Return a run that goes on. Raises NotFound."""
        if (run := self.running(session_id)) is None:
            raise NotFound(f"no run of session {session_id!r} is going on")
        return run

    def list(self) -> list[Summary]:
        """Return the caller's sessions of this folder: all others are nobody's business here."""
        return self.sessions.list(self.root, owner())

    def needed_on_file(self, session_id: str) -> None:
        """Raise NotFound for an id that no session of the caller in this folder has."""
        if session_id not in [one.id for one in self.list()]:
            raise NotFound(f"no session {session_id!r}; GET /agent/sessions lists them")

    def close(self) -> None:
        """Cancel every run, and wait a moment for their ends."""
        with self._lock:
            self.closed, going = True, [*self._running.values()]
        for run in going:
            run.cancel()
        until = time.monotonic() + _SECONDS_TO_STOP
        for run in going:
            run.ended.wait(max(0.0, until - time.monotonic()))
        for bundle in self._bundles:
            bundle.close()


def owner() -> str | None:
    """Return whose sessions the caller's are; None: those of the server's own user, who has the only key or needs none."""
    name = CALLER.get()
    return None if name == DEFAULT else name


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Turn what the agent and its sessions raise into what a client is told."""
    try:
        yield
    except ProgramsError as error:
        raise to_serve_error(error) from error
