"""What the loop and the actors of one run share: the workspace, the calls, the ledger, the checks, the limits, the record.

Guarantees everything here may be used from several threads; a question goes to the user one at a time.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import dspy
from pydantic import JsonValue

from dspy_programs.agent.actors import TaskActor, in_the_users_words
from dspy_programs.agent.calls import Calls, failed
from dspy_programs.agent.checks import unmet
from dspy_programs.agent.criteria import Criterion
from dspy_programs.agent.judge import judged
from dspy_programs.agent.ledger import Ledger, LedgerTask
from dspy_programs.agent.limits import Limits, Meter
from dspy_programs.agent.open_value import with_value
from dspy_programs.agent.record import Record
from dspy_programs.agent.result import AgentResult, CheckedCriterion, StoppedBy
from dspy_programs.agent.tools.tool import Scope, ToolError
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import running_on
from dspy_programs.programs.planner import split_goal
from dspy_programs.text import shortened
from dspy_programs.types import Call, Turn

_EXITED = re.compile(r"\[exit code -?\d+\](?:\n\[[^\n]*\])*$")  # what shell and python say of a command that failed
_NOTE = 200  # characters of a result in a note
_CHECK_SECONDS = 120.0
_AGAIN: JsonValue = {"error": "the process ended before there was a result; the call was made again"}
_UNKNOWN: JsonValue = {"error": "the process ended before there was a result: whether this took effect is unknown; look first"}


class Outcome(NamedTuple):
    """How a task ended. note: what was found or why it failed; "left": the run stops, and the task stays open."""

    status: Literal["complete", "failed", "left"]
    note: str
    checked_by: str = ""


@dataclass
class Host:
    """One run's own things."""

    goal: str
    workspace: Workspace
    calls: Calls
    ledger: Ledger
    record: Record
    meter: Meter
    criteria: Sequence[Criterion]
    before: Mapping[str, str]
    """The files that the criteria name, as they were at the start."""
    ask: Callable[[str], str | None]
    delegate: Callable[[str, Sequence[str]], str]
    judge_lm: dspy.LM | None = None
    inputs_missing: Sequence[str] = ()
    open_value: str = ""
    """Files that the goal wants read and that are not there."""
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

    def asked(self, task: LedgerTask, question: str) -> str | None:
        """Ask the user; None where nobody answers."""
        with self._asking:
            self.tell("ask", task_id=task.id, question=question)
            answer = self.ask(question)
        self.tell("answer", task_id=task.id, answer=answer)
        if answer is not None:
            self.say(task, Turn(turn_number=0, role="agent", content=question))
            self.say(task, Turn(turn_number=0, role="user", content=answer))
            self.record.session.set(answers=[*self.record.session.get("answers", []), answer])
        return answer

    def call(self, call: Call, task: LedgerTask, actor: TaskActor) -> JsonValue:
        """Make a call for a task, and put it into the actor's history."""
        tool = self.calls.tools[call.tool]

        def keep(result: JsonValue) -> None:
            self.say(task, actor.saw(call, result))
            if tool.effect == "writes" and not failed(result):
                self._wrote(task, tool.touches(call.arguments))

        if str(call) in self.record.session.get("in_flight", []):
            keep(_UNKNOWN)
            return _UNKNOWN
        self.meter.count(tool_calls=1)
        return self.calls.make(call, task.id, self._scope(task), keep)

    def checked(self, task: LedgerTask, actor: TaskActor, finish: str) -> Outcome | None:
        """Return how a task is complete, None if it is not: by its criteria, by the judge, else because its tool has run."""
        ran = [turn for turn in actor.own if turn.tool_name]
        if ran and (failed(ran[-1].tool_output) or _EXITED.search(str(ran[-1].tool_output))):
            return None
        note = finish or (_note(ran[-1].tool_output) if ran else "met already")
        if wanted := self.criteria_of(task):
            reasons = [why for one in wanted if (why := unmet(one.check, self, self.before))]
            self.tell("check", task_id=task.id, met=not reasons, why=reasons)
            if reasons:
                return None
            self._wrote(task, [one.check.path for one in wanted if one.check.check in ("file_written", "file_exists")])
            return Outcome("complete", note, "code")
        if not any(not task.tool or turn.tool_name == task.tool or finish for turn in ran):
            return None
        if self.is_for_an_answer(task) and not finish:
            return None
        if self.judge_lm is None:
            return Outcome("complete", note, "tool")
        with running_on(self.judge_lm):
            verdict = judged(task.title, [*actor.turns])
        self.tell("check", task_id=task.id, met=verdict.verdict == "met", why=[verdict.evidence], checked_by="judge")
        return Outcome("complete", note, "judge") if verdict.verdict == "met" else None

    def _wrote(self, task: LedgerTask, paths: Sequence[str]) -> None:
        """Note those of the paths that are files now."""
        self.ledger.wrote(task.id, [path for path in paths if self.read(path) is not None])

    def unmet(self, task: LedgerTask, actor: TaskActor) -> str:
        """Say what keeps a task from being complete."""
        reasons = [why for one in self.criteria_of(task) if (why := unmet(one.check, self, self.before))]
        ran = [turn for turn in actor.own if turn.tool_name]
        last = ran[-1].tool_output if ran else None
        if isinstance(last, dict) and failed(last):
            reasons.append(f"the last call of {ran[-1].tool_name} failed: {last['error']}")
        elif ran and _EXITED.search(str(last)):
            reasons.append(f"the last call of {ran[-1].tool_name} failed: {str(last)[-_NOTE:]}")
        return "; ".join(reasons) or (f"{task.tool} has not been called" if task.tool else "nothing was called")

    def criteria_of(self, task: LedgerTask) -> list[Criterion]:
        return [one for one in self.criteria if str(one) in task.criteria]

    def is_for_an_answer(self, task: LedgerTask) -> bool:
        """Return whether the goal asks a question, as far as its words tell, and this task is the last."""
        is_last = not any(task.id in other.depends_on for other in self.ledger.tasks) and task.id == self.ledger.tasks[-1].id
        return is_last and all(one.check.check == "unchanged" for one in self.criteria)

    def shared_out(self, tasks: Sequence[tuple[str, str]]) -> list[list[str]]:
        """Give each criterion to the last task that names its file, else to the last that may write, else to the last.

        tasks: title and tool of each. What must not change is nobody's task.
        """
        given: list[list[str]] = [[] for _ in tasks]
        reading = {each.name for each in self.calls.tools.values() if each.effect == "reads"}
        able = [number for number, (_, tool) in enumerate(tasks) if tool not in reading]
        for one in self.lacking():
            if tasks and one.check.check != "unchanged":
                naming = [number for number in able if one.check.path and _names(tasks[number][0], one.check.path)]
                given[(naming or able or [len(tasks) - 1])[-1]].append(str(one))
        return given

    def ask_for_inputs(self) -> str:
        """Ask for what the goal needs and nobody has said; return what is missing, "" for nothing."""
        names, what = ", ".join(self.inputs_missing), self.open_value
        if names:
            question, why = (
                f"The goal names {names}, not in the workspace. What should be used instead?",
                f"{names} is not in the workspace",
            )
        elif what:
            question, why = f'The goal does not say "{what}". What is it?', f'the goal does not say "{what}"'
        else:
            return ""
        self.tell("ask", task_id="", question=question)
        answer = self.ask(question)
        self.tell("answer", task_id="", answer=answer)
        if answer is None:
            return f"missing: {why}"
        self.record.session.set(answers=[answer])
        return ""

    @property
    def wish(self) -> str:
        """The goal, with the user's answer in the place of what it left open."""
        answers = self.record.session.get("answers", [])
        return with_value(self.goal, self.open_value, answers[0]) if self.open_value and answers else self.goal

    def planned(self, rationale: str, answered_by: str, titles: Sequence[str]) -> None:
        self.tell("plan", rationale=rationale, answered_by=answered_by, tasks=[*titles])
        self.record.session.set(rationale=rationale)

    def said(self) -> list[str]:
        """Return what every actor is told: the goal, what the user answered, and what failed before."""
        failed = [task for task in self.ledger.tasks if task.status == "failed" and task.notes]
        told = [f"Before, this failed: {task.title}: {task.notes[-1]}" for task in failed[-2:]]
        return [self.wish, *self.record.session.get("answers", []), *told]

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
        self.record.session.set(cost=self.meter.cost.model_dump())

    def result(self, stopped_by: StoppedBy, why: str) -> AgentResult:
        """Return how the run ended, and put it on file."""
        tasks, criteria, session = self.ledger.tasks, self.end_state(), self.record.session
        completed = stopped_by == "done" and self.ledger.is_complete and all(one.met for one in criteria)
        answer = next((task.notes[-1] for task in reversed(tasks) if task.status == "complete" and task.notes), "")
        self.tell("stop", stopped_by=stopped_by, why=why, completed=completed)
        session.set("done" if completed else stopped_by, cost=self.meter.cost.model_dump())
        return AgentResult(
            goal=self.goal,
            completed=completed,
            tasks=tasks,
            history=self.record.history(),
            rationale=session.get("rationale", ""),
            answer=answer,
            artefacts=list(dict.fromkeys(path for task in tasks for path in task.artefacts)),
            criteria=criteria,
            cost=self.meter.cost,
            stopped_by=stopped_by,
            why=why,
            session=session.id if session.is_kept else None,
            trace=self.record.ended(answer or why, completed),
            in_flight=session.get("in_flight", []),
        )

    def lacking(self) -> list[Criterion]:
        """Return what the goal asks for and is not so yet."""
        return [one for one in self.criteria if unmet(one.check, self, self.before)]

    def end_state(self) -> list[CheckedCriterion]:
        """Check everything that the goal asks for."""
        found = []
        for one in self.criteria:
            why = unmet(one.check, self, self.before)
            found.append(CheckedCriterion(criterion=str(one), met=not why, checked_by="code", evidence=why))
        return found

    def read(self, path: str) -> str | None:
        """Return a file's text for a check, None if there is none; one that is no text counts as its bytes."""
        try:
            if self.workspace.kind(path) != "file":
                return None
            return self.workspace.read(path).decode("utf-8", "backslashreplace")
        except ToolError:
            return None

    def run(self, command: str) -> tuple[int, str]:
        """Run a command for a check: in the sandbox, or not at all."""
        if not sandbox.works():
            return -1, f"not run: there is no sandbox here ({sandbox.reason()})"
        done = sandbox.run(["/bin/sh", "-c", command], self._scope(None, _CHECK_SECONDS))
        return done.exit_code, done.output

    def _scope(self, task: LedgerTask | None, seconds: float | None = None) -> Scope:
        return Scope(
            workspace=self.workspace,
            ask=self.ask,
            ledger=_Progress(self.ledger, task.id if task else ""),
            notes=self.record.session,
            delegate=self.delegate,
            seconds=seconds or self.limits.call_seconds,
            cancelled=threading.Event(),
        )


class _Progress(NamedTuple):
    """What a tool may say to the ledger."""

    ledger: Ledger
    task_id: str

    def note(self, text: str) -> None:
        self.ledger.note(self.task_id, text)


def files_named(criteria: Sequence[Criterion], workspace: Workspace) -> dict[str, str]:
    """Return the files that criteria name as they are now."""
    found = {}
    for path in {one.check.path for one in criteria if one.check.path}:
        try:
            if workspace.kind(path) == "file":
                found[path] = workspace.read(path).decode("utf-8", "backslashreplace")
        except ToolError:
            continue
    return found


def _names(title: str, path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in title or name.partition(".")[0].lower() in title.lower().split()


def _note(result: JsonValue) -> str:
    return shortened(result if isinstance(result, str) else str(result), _NOTE)
