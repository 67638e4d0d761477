"""What the loop and the actors of one run share: the workspace, the calls, the ledger, the criteria, the limits, the record.

Guarantees everything here may be used from several threads; a question goes to the user one at a time.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import JsonValue

from dspy_programs.agent.acting.actors import TaskActor, in_the_users_words
from dspy_programs.agent.acting.calls import Calls, failed, unless_set
from dspy_programs.agent.checking.acceptance import Acceptance, files_named
from dspy_programs.agent.checking.soundness import unsound
from dspy_programs.agent.limits import Limits, Meter
from dspy_programs.agent.planning.ledger import Ledger, LedgerTask
from dspy_programs.agent.rules import goal_words as words
from dspy_programs.agent.rules.goal import wanted_by
from dspy_programs.agent.rules.open_point import OpenPoint
from dspy_programs.agent.scripts.files_shown import is_named
from dspy_programs.agent.telling.record import Record
from dspy_programs.agent.tools.tool import Scope
from dspy_programs.agent.workspace.snapshot import Snapshot
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.programs.planner import split_goal
from dspy_programs.types import Call, Turn

_AGAIN: JsonValue = {"error": "the process ended before there was a result; the call was made again"}
_UNKNOWN: JsonValue = {"error": "the process ended before there was a result: whether this took effect is unknown; look first"}


@dataclass
class Host:
    """One run's own things."""

    goal: str
    workspace: Workspace
    calls: Calls
    ledger: Ledger
    record: Record
    meter: Meter
    acceptance: Acceptance
    ask: Callable[[str], str | None]
    delegate: Callable[[str, Sequence[str]], str]
    inputs_missing: Sequence[str] = ()
    """Files that the goal wants read and that are not there."""
    open_point: OpenPoint | None = None
    """What the goal leaves open, such as "the new address"."""
    cancelled: threading.Event = field(default_factory=threading.Event)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def text_of(self, task: LedgerTask) -> str:
        """Return what a task asks for, in the user's words if they are clear."""
        open_ = [each for each in self.ledger.tasks if not each.replaced]
        texts = in_the_users_words([each.title for each in open_], split_goal(self.goal))
        return next((text for each, text in zip(open_, texts, strict=True) if each.id == task.id), task.title)

    @property
    def limits(self) -> Limits:
        return self.meter.limits

    def must_stop(self) -> str:
        """Return why the run must stop now, "" if it may go on."""
        return "cancelled" if self.cancelled.is_set() else self.meter.reached()

    def tell(self, kind: str, **fields: object) -> None:
        self.record.tell(kind, **fields)

    def say(self, task: LedgerTask, turn: Turn) -> None:
        self.record.say(task.id, turn)

    def put(self, question: str, task_id: str = "") -> str | None:
        """Put a question to the user, one at a time; None where nobody answers, or the run is cancelled meanwhile."""
        with self._asking:
            self.tell("ask", task_id=task_id, question=question)
            answer = unless_set(self.cancelled, lambda: self.ask(question))
            self.tell("answer", task_id=task_id, answer=answer)
        return answer

    def asked(self, task: LedgerTask, question: str) -> str | None:
        """Ask the user for a value; from then on every actor sees the answer."""
        answer = self.put(question, task.id)
        if answer is not None:
            with self.record.together():
                self.say(task, Turn(turn_number=0, role="agent", content=question))
                self.say(task, Turn(turn_number=0, role="user", content=answer))
                self.record.session.set(answers=[*self.record.session.get("answers", []), answer])
        return answer

    def call(self, call: Call, task: LedgerTask, actor: TaskActor) -> JsonValue:
        """Make a call for a task, and put it into the actor's history."""
        tool = self.calls.tools[call.tool]

        def keep(result: JsonValue) -> None:
            self.say(task, actor.saw(call, result))
            if tool.effect != "reads" and not failed(result):
                self.record.session.set(acted=True)
            if tool.effect == "writes" and not failed(result):
                paths = tool.touches(call.arguments)
                self.ledger.wrote(task.id, [path for path in paths if self.acceptance.read(path) is not None])

        if str(call) in self.record.session.get("in_flight", []):
            keep(_UNKNOWN)
            return _UNKNOWN
        self.meter.count(tool_calls=1)
        return self.calls.make(call, task.id, self._scope(task), keep)

    def ask_for_inputs(self) -> str:
        """Ask for what the goal needs and nobody has said; return what is missing, "" for nothing."""
        names = ", ".join(self.inputs_missing)
        if names:
            question, why = (
                f"The goal names {names}, not in the workspace. What should be used instead?",
                f"{names} is not in the workspace",
            )
        elif self.open_point is not None:
            question, why = self.open_point.question, self.open_point.why
        else:
            return ""
        answer = self.put(question)
        if answer is None:
            return self.must_stop() or f"missing: {why}"
        self.record.session.set(answers=[answer])
        if not names and self.open_point is not None:
            self._ask_for(self.open_point.filled(self.goal, answer))
        return ""

    def _ask_for(self, wish: str) -> None:
        """Put a goal with what the user answered in the goal's place: it may say more of what must be so in the end."""
        criteria = [*wanted_by(wish, [*self.calls.tools], self.workspace).criteria]
        self.acceptance.criteria, self.acceptance.before = criteria, files_named(criteria, self.workspace)
        kept = [one.model_dump(exclude_unset=True) for one in criteria]
        self.record.session.set(wish=wish, criteria=kept, before=self.acceptance.before)

    @property
    def wish(self) -> str:
        """The goal, with the user's answer in the place of what it left open."""
        return str(self.record.session.get("wish", self.goal))

    def planned(self, rationale: str, answered_by: str, titles: Sequence[str]) -> None:
        self.tell("plan", rationale=rationale, answered_by=answered_by, tasks=[*titles])
        self.record.session.set(rationale=rationale)

    def said(self) -> list[str]:
        """Return what every actor is given: the goal, the user's answers, files to write, and commands that fail."""
        return [self.wish, *self.record.session.get("answers", []), *self.acceptance.wanted()]

    def failed_before(self) -> list[Turn]:
        """Return what failed before, as the host says it: no words of the user's, so no source of a value."""
        failed = [task for task in self.ledger.tasks if task.status == "failed" and task.notes]
        told = [f"Before, this failed: {task.title}: {task.notes[-1]}" for task in failed[-2:]]
        return [Turn(turn_number=number, role="system", content=text) for number, text in enumerate(told)]

    def harm_since(self, kept: Snapshot | None) -> str:
        """Say what a script has changed that the goal does not ask for, or has left unreadable; "" for nothing."""
        new, changed = kept.changes() if kept is not None else ([], [])
        may_change = words.CHANGES.search(self.wish) is not None
        harm = self.acceptance.harm_of(changed, lambda path: may_change and is_named(path, self.wish)) if changed else ""
        left = ((path, self.acceptance.read(path) or "", kept.text(path) if kept else None) for path in [*new, *changed])
        return harm or next(filter(None, (unsound(*each) for each in left)), "")

    def idle_since(self, kept: Snapshot | None) -> str:
        """Say that a script has changed nothing, where the goal plainly wants something changed; "" otherwise."""
        if kept is None or not self._wants_change or any(kept.changes()):
            return ""
        may_be_so = words.ENSURES.search(self.wish) or words.UNLESS_THERE.search(self.wish)
        return "" if may_be_so else "the script changed no file"

    def idle(self) -> str:
        """Say what plainly is not done and no criterion knows of: a part that failed; a change, if the run has only looked."""
        done = {task.title for task in self.ledger.tasks if task.status == "complete"}
        failed = [task for task in self.ledger.tasks if task.parent is not None and task.status == "failed"]
        if left := [task.title for task in failed if task.title not in done]:
            return f"not done for all: {', '.join(left)}"
        may_be_so = words.ENSURES.search(self.wish) or words.CONDITION.search(self.wish) or words.UNLESS_THERE.search(self.wish)
        wants = self._wants_change and not may_be_so and not self.acceptance.criteria
        return "nothing was changed" if wants and not self.record.session.get("acted", False) else ""

    @property
    def _wants_change(self) -> bool:
        wants = words.CHANGING.search(self.wish) or words.WRITES.search(self.wish) or words.ACTS.search(self.wish)
        return wants is not None and not words.ASKS.search(self.wish)

    def restore(self, task: LedgerTask, actor: TaskActor) -> None:
        """Give an actor the turns that an earlier process has on file, and settle the calls that it left under way."""
        session = self.record.session
        actor.turns += session.turns(task.id)
        for past in session.unsettled():
            if past.task != task.id:
                continue
            tool = self.calls.tools.get(past.call.tool)
            if tool is not None and (tool.idempotent or tool.effect == "reads"):
                session.settle(past.number, _AGAIN)
                self.call(past.call, task, actor)
                continue
            with self.record.together():
                session.settle(past.number, _UNKNOWN)
                session.set(in_flight=[*session.get("in_flight", []), str(past.call)])
                self.say(task, actor.saw(past.call, _UNKNOWN))
                self.tell("note", text=f"under way when an earlier process ended, and not repeated: {past.call}")

    def keep_cost(self) -> None:
        self.record.session.set(cost=self.meter.spent.model_dump())

    def _scope(self, task: LedgerTask) -> Scope:
        return Scope(
            workspace=self.workspace,
            ask=lambda question: self.put(question, task.id),
            ledger=_Progress(self.ledger, task.id),
            notes=self.record.session,
            delegate=self.delegate,
            seconds=self.limits.call_seconds,
            cancelled=threading.Event(),
        )


class _Progress(NamedTuple):
    """What a tool may say to the ledger."""

    ledger: Ledger
    task_id: str

    def note(self, text: str) -> None:
        self.ledger.note(self.task_id, text)
