"""What of the goal is met, and when a task is complete: by code where code can tell, else by a judge, else by its tool.

Guarantees a task whose last call failed is not complete, whatever else is so; a command of a criterion runs in the sandbox or
           not at all; a file that is no text is compared by its bytes.
"""

import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import dspy
from pydantic import JsonValue

from dspy_programs.agent.acting.actors import TaskActor
from dspy_programs.agent.acting.calls import failed
from dspy_programs.agent.acting.each_target import ALL
from dspy_programs.agent.checking.checks import end_of, unmet
from dspy_programs.agent.checking.judge import judged
from dspy_programs.agent.planning.ledger import Ledger, LedgerTask
from dspy_programs.agent.result import CheckedCriterion
from dspy_programs.agent.rules.criteria import Criterion
from dspy_programs.agent.tools.tool import AgentTool, ToolError
from dspy_programs.agent.workspace import sandbox
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.lm import running_on
from dspy_programs.text import shortened
from dspy_programs.types import Turn

_EXITED = re.compile(r"\[exit code -?\d+\](?:\n\[[^\n]*\])*$")  # what shell and python say of a command that failed
_TELLING = ("command_exits_0", "file_equals")
_LIKELY = ("file_exists", "file_missing", "file_lacks")  # the goal may want more: what else is in a file, which files else
_PAIR = re.compile(r"\w+ and \w+", re.IGNORECASE)
_NOTE = 200  # characters of a result in a note
_CHECK_SECONDS = 120.0


class Outcome(NamedTuple):
    """How a task ended. note: what was found or why it failed; "left": the run stops, and the task stays open.

    doubt: what speaks against a result although somebody has checked it.
    """

    status: Literal["complete", "failed", "left"]
    note: str
    checked_by: str = ""
    doubt: str = ""


class _Running(NamedTuple):
    """What a command of a check may touch."""

    workspace: Workspace
    seconds: float
    cancelled: threading.Event


@dataclass
class Acceptance:
    """The criteria of one run, and who says that they are met."""

    workspace: Workspace
    ledger: Ledger
    criteria: Sequence[Criterion]
    before: Mapping[str, str]
    """The files that the criteria name, as they were at the start."""
    tell: Callable[..., object]
    judge_lm: dspy.LM | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def checked(self, task: LedgerTask, actor: TaskActor, finish: str) -> Outcome | None:
        """Return how a task is complete, None if it is not. finish: what the actor says that it found, "" for nothing."""
        ran = [turn for turn in actor.own if turn.tool_name]
        if ran and _failure_of(ran[-1]):
            return None
        note = finish or (_note(ran[-1].tool_output) if ran else "met already")
        if wanted := self._criteria_of(task):
            reasons = [why for one in wanted if (why := unmet(one.check, self, self.before))]
            self.tell("check", task_id=task.id, met=not reasons, why=reasons)
            if reasons:
                return None
        else:
            has_run = any(not task.tool or turn.tool_name == task.tool or finish for turn in ran)
            if not has_run or (not finish and self._goes_on(task, actor)):
                return None
        found_by = self._by(task, actor)
        if found_by != "tool" or self.judge_lm is None or actor.is_scripted:  # of scripts, other scripts are the judges
            return Outcome("complete", note, found_by)
        with running_on(self.judge_lm):
            verdict = judged(task.title, actor.turns)
        self.tell("check", task_id=task.id, met=verdict.verdict == "met", why=[verdict.evidence], checked_by="judge")
        return Outcome("complete", note, "judge") if verdict.verdict == "met" else None

    def unmet(self, task: LedgerTask, actor: TaskActor) -> str:
        """Say what keeps a task from being complete."""
        reasons = [why for one in self._criteria_of(task) if (why := unmet(one.check, self, self.before))]
        ran = [turn for turn in actor.own if turn.tool_name]
        reasons += [_failure_of(ran[-1])] if ran and _failure_of(ran[-1]) else []
        if not reasons and ran and task.tool in ("", *(turn.tool_name for turn in ran)):
            return f"{ran[-1].tool_name} was called, and nothing shows that the task is done"
        return "; ".join(dict.fromkeys(reasons)) or (f"{task.tool} has not been called" if task.tool else "nothing was called")

    def shared_out(self, tasks: Sequence[tuple[str, str]], tools: Mapping[str, AgentTool]) -> list[list[str]]:
        """Give each criterion to the last task that names its file, else to the last that may write, else to the last.

        tasks: title and tool of each. What must not change is nobody's task.
        """
        given: list[list[str]] = [[] for _ in tasks]
        able = [number for number, (_, tool) in enumerate(tasks) if tool not in tools or tools[tool].effect != "reads"]
        for one in self.lacking():
            if tasks and one.check.check != "unchanged":
                path = one.check.path
                naming = [number for number in able if path and path in _words_of(tasks[number][0])]  # not x/a.txt for a.txt
                naming = naming or [number for number in able if path and _names(tasks[number][0], path)]
                given[(naming or able or [len(tasks) - 1])[-1]].append(str(one))
        return given

    def is_open(self, task: LedgerTask) -> bool:
        """Return whether nothing says what the task's result must be, only that there is one."""
        return not any(one.check.check in _TELLING for one in self._criteria_of(task))

    def is_likely(self, task: LedgerTask) -> bool:
        """Return whether a task that meets its criteria has probably done what it should, although they do not say all."""
        return any(one.check.check in _LIKELY for one in self._criteria_of(task))

    def wanted(self) -> list[str]:
        """Say how commands fail that are to pass, and which new files are to be there, for a model that overlooks it."""
        lacking = [(one.check, why) for one in self.criteria if (why := unmet(one.check, self, self.before))]
        new = [check.path for check, _ in lacking if check.check in ("file_written", "file_exists")]
        told = [f"The file to write: {path}" for path in dict.fromkeys(new) if self.read(path) is None]
        return told + [why for check, why in lacking if check.check == "command_exits_0"]

    def made_by(self, task: LedgerTask) -> list[str]:
        """Return the files that a task's criteria ask for and that are there."""
        paths = [one.check.path for one in self._criteria_of(task) if one.check.check in ("file_written", "file_exists")]
        return [path for path in paths if self.read(path) is not None]

    def lacking(self) -> list[Criterion]:
        """Return what the goal asks for and is not so yet."""
        return [one for one in self.criteria if unmet(one.check, self, self.before)]

    def harm_of(self, changed: Sequence[str], is_meant: Callable[[str], bool]) -> str:
        """Say which changed files the goal protects, or has no word of; "" for none, and where nobody knows its files."""
        kept = [one.check.path for one in self.criteria if one.check.check == "unchanged"]
        wanted = {one.check.path for one in self.criteria if one.check.path} - {*kept}
        harmed = [path for path in changed if path in kept or (wanted and path not in wanted and not is_meant(path))]
        return f"the script changed {', '.join(harmed)}, which was not asked for" if harmed else ""

    def end_state(self) -> list[CheckedCriterion]:
        """Check everything that the goal asks for."""
        reasons = [unmet(one.check, self, self.before) for one in self.criteria]
        return [
            CheckedCriterion(criterion=str(one), met=not why, checked_by="code", evidence=why)
            for one, why in zip(self.criteria, reasons, strict=True)
        ]

    def read(self, path: str) -> str | None:
        """Return a file's text, None if there is none."""
        return text_of(self.workspace, path)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command in the sandbox; without one it counts as failed."""
        if not sandbox.works():
            return -1, f"not run: there is no sandbox here ({sandbox.reason()})"
        running = _Running(self.workspace, _CHECK_SECONDS, self.cancelled)
        done = sandbox.run(["/bin/sh", "-c", command], running)
        return done.exit_code, done.output

    def _criteria_of(self, task: LedgerTask) -> list[Criterion]:
        return [one for one in self.criteria if str(one) in task.criteria]

    def _by(self, task: LedgerTask, actor: TaskActor) -> str:
        """Say who has found that a task is complete, if no judge is asked."""
        if not self.is_open(task):
            return "code"
        is_spelled_out = task.calls and (self._criteria_of(task) or all(map(actor.made, task.calls)))
        return "goal" if is_spelled_out or actor.chosen_by == {"rules"} else "tool"

    def _goes_on(self, task: LedgerTask, actor: TaskActor) -> bool:
        """Return whether the last call may not be all: others may have to be changed, or the goal asks a question."""
        if task.calls and all(map(actor.made, task.calls)):
            return False  # the goal itself says that these are all
        if actor.has_changed_something:
            is_one = _PAIR.search(actor.text) is None
            return not is_one or any(map(ALL.search, [actor.text, *actor.said]))  # a plan says "the leads" for "all leads"
        return self._is_for_an_answer(task)

    def _is_for_an_answer(self, task: LedgerTask) -> bool:
        """Return whether the goal asks a question, as far as its words tell, and this task is the last."""
        tasks = self.ledger.tasks
        is_last = task.id == tasks[-1].id and not any(task.id in other.depends_on for other in tasks)
        return is_last and all(one.check.check == "unchanged" for one in self.criteria)


def text_of(workspace: Workspace, path: str) -> str | None:
    """Return a file's text, None if there is no file; bytes that are no text stand as such."""
    try:
        return workspace.read(path).decode("utf-8", "backslashreplace") if workspace.kind(path) == "file" else None
    except ToolError:
        return None


def files_named(criteria: Sequence[Criterion], workspace: Workspace) -> dict[str, str]:
    """Return the files that criteria name as they are now."""
    texts = {path: text_of(workspace, path) for path in {one.check.path for one in criteria if one.check.path}}
    return {path: text for path, text in texts.items() if text is not None}


def _failure_of(turn: Turn) -> str:
    """Say how a call failed, "" if it did not."""
    if isinstance(turn.tool_output, dict) and failed(turn.tool_output):
        return f"the last call of {turn.tool_name} failed: {turn.tool_output['error']}"
    is_command = turn.tool_name in ("shell", "python")  # in a file the same words are but text
    if is_command and (ended := _EXITED.search(text := str(turn.tool_output))):
        return f"the last call of {turn.tool_name} failed: {end_of(text[: ended.start()]) or ended[0]}"
    return ""


def _words_of(title: str) -> list[str]:
    return [word.lstrip("`'\"(").rstrip("`'\".,;:!?)") for word in title.split()]


def _names(title: str, path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in title or name.partition(".")[0].lower() in title.lower().split()


def _note(result: JsonValue) -> str:
    return shortened(result if isinstance(result, str) else str(result), _NOTE)
