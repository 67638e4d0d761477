"""What is to be done and what is done: tasks with their states, notes and artefacts, as a checklist in Markdown too.

    - [x] Read report.txt
        > total found: 42
    - [-] Write the report
        - [!] Look up the date

Output     events: each change is told to `on_change` as a JSON object, in the order of the changes.
Guarantees safe for parallel actors: a task is taken by one of them; the Markdown read back gives the same Markdown.
Raises     UsageError for Markdown that is no checklist, and for the id of no task.
"""

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dspy_programs.errors import UsageError
from dspy_programs.types import Call

Status = Literal["pending", "in_progress", "complete", "failed"]
_MARKS: dict[Status, str] = {"pending": " ", "in_progress": "-", "complete": "x", "failed": "!"}
_STATES = {mark: status for status, mark in _MARKS.items()}
_LINE = re.compile(r"(?P<indent>(?: {4})*)(?:- \[(?P<mark>[ x!-])\] (?P<title>.*)|> (?P<note>.*)|\+ (?P<artefact>.*))")


class LedgerTask(BaseModel):
    """One task, as it is at one moment. `id` counts from 1, "2.1" is a part of "2"; `parent` is None at the top."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    status: Status = "pending"
    tool: str = ""
    depends_on: list[str] = Field(default_factory=list)
    parent: str | None = None
    actor: str = ""
    """Who works on it: the name of a persona."""
    criteria: list[str] = Field(default_factory=list)
    """When it counts as done, in words."""
    checked_by: Literal["code", "judge", "goal", "agreement", "tool", "nothing", ""] = ""
    """Who said that it is done: "goal" where the goal itself spells out the calls, "agreement" where two scripts came to the
    same, "tool" where nothing is known but that its tool ran without an error, "nothing" where one script came to a result and
    no other did."""
    doubt: str = ""
    """What speaks against the result although somebody has checked it."""
    notes: list[str] = Field(default_factory=list)
    artefacts: list[str] = Field(default_factory=list)
    """Paths in the workspace that it wrote."""
    calls: list[Call] = Field(default_factory=list)
    """What the goal itself spells out for this task: made before an actor is asked."""
    replaced: bool = False
    """Whether a later plan has other tasks in its place."""


class Ledger:
    """The tasks of one run, in order."""

    def __init__(
        self,
        tasks: Sequence[LedgerTask] = (),
        on_change: Callable[[dict[str, Any]], object] = lambda event: None,
        lock: AbstractContextManager[Any] | None = None,
    ) -> None:
        """lock: one that `on_change` takes too, if it does."""
        self.on_change = on_change
        self._tasks = {task.id: task for task in tasks}
        self._lock = lock or threading.RLock()

    @property
    def tasks(self) -> list[LedgerTask]:
        """The tasks in order."""
        with self._lock:
            return [*self._tasks.values()]

    def __getitem__(self, task_id: str) -> LedgerTask:
        with self._lock:
            return self._of(task_id)

    def add(self, title: str, parent: str | None = None, **fields: Any) -> LedgerTask:
        """Append a task, or a part of `parent`, with the next free id."""
        with self._lock:
            siblings = sum(task.parent == parent for task in self._tasks.values())
            task_id = f"{parent}.{siblings + 1}" if parent else str(siblings + 1)
            if parent:
                self._of(parent)
            self._tasks[task_id] = LedgerTask(id=task_id, title=_one_line(title), parent=parent, **fields)
            self._tell(task_id, "added")
            return self[task_id]

    def ready(self) -> list[LedgerTask]:
        """Return the tasks that may begin or go on: not ended, with nothing that they wait for; a part before its whole."""
        with self._lock:
            done = {task.id for task in self._tasks.values() if task.status == "complete"}
            left = [task for task in self._tasks.values() if task.status in ("pending", "in_progress")]
            wholes = {task.parent for task in left}
            return [task for task in left if task.id not in wholes and done.issuperset(task.depends_on)]

    def start(self, task_id: str, actor: str = "") -> None:
        self._set(task_id, "in_progress", actor=actor)

    def complete(self, task_id: str, checked_by: str, note: str = "", doubt: str = "") -> None:
        self._set(task_id, "complete", note, checked_by=checked_by, doubt=doubt)

    def fail(self, task_id: str, why: str) -> None:
        self._set(task_id, "failed", why)

    def note(self, task_id: str, text: str) -> None:
        """Add a line of progress to a task."""
        self._set(task_id, None, text)

    def wrote(self, task_id: str, paths: Sequence[str]) -> None:
        """Add what a task wrote; a path is named once."""
        with self._lock:
            task = self._of(task_id)
            if new := [path for path in dict.fromkeys(paths) if path not in task.artefacts]:
                self._tasks[task_id] = task.model_copy(update={"artefacts": [*task.artefacts, *new]})
                self._tell(task_id, "wrote")

    def replace_open(self) -> None:
        """Fail what is still open, and mark all that failed: a new plan takes its place."""
        with self._lock:
            for task in self.tasks:
                if task.status != "complete" and not task.replaced:
                    why = "" if task.status == "failed" else "replaced by a new plan"
                    self._set(task.id, "failed", why, replaced=True)

    def pass_over(self, task_id: str) -> None:
        """Let those that waited for a task that failed begin without it, if each has another result to go by."""
        with self._lock:
            done = {task.id for task in self.tasks if task.status == "complete"}
            waiting = [task for task in self.tasks if task_id in task.depends_on]
            if waiting and all(done.intersection(task.depends_on) for task in waiting):
                for task in waiting:
                    self._set(task.id, None, depends_on=[each for each in task.depends_on if each != task_id])
                self._set(task_id, None, replaced=True)

    def failures(self) -> list[str]:
        """Return how the tasks failed that are not replaced."""
        failed = [task for task in self.tasks if task.status == "failed" and not task.replaced]
        return [f"{task.title}: {task.notes[-1]}" for task in failed if task.notes]

    @property
    def is_complete(self) -> bool:
        """Whether there are tasks, and all but the replaced ones are complete."""
        with self._lock:
            left = [task for task in self._tasks.values() if not task.replaced]
            return bool(left) and all(task.status == "complete" for task in left)

    def to_markdown(self) -> str:
        """Return the checklist, four spaces for each level, notes and artefacts below their task."""
        return "".join(f"{line}\n" for line in self._lines(None, ""))

    @classmethod
    def from_markdown(cls, text: str) -> "Ledger":
        """Read a checklist; the ids are counted anew, and nothing is said of tools, dependencies and criteria."""
        ledger = cls()
        above: list[str] = []
        for number, line in enumerate(filter(str.strip, text.split("\n")), 1):
            found = _LINE.fullmatch(line.rstrip("\r"))
            depth = len(found["indent"]) // 4 if found else -1
            if not found or depth > len(above) or (found["title"] is None and not depth):
                raise UsageError(f"line {number} of the checklist: {line[:60]!r} is not `- [ ] title`; indent by four spaces")
            del above[depth:]
            if found["title"] is not None:
                task = ledger.add(found["title"], above[-1] if above else None, status=_STATES[found["mark"]])
                above.append(task.id)
            elif found["note"] is not None:
                ledger._set(above[-1], None, found["note"])
            else:
                ledger.wrote(above[-1], [found["artefact"]])
        return ledger

    def _lines(self, parent: str | None, indent: str) -> list[str]:
        lines: list[str] = []
        for task in [task for task in self.tasks if task.parent == parent]:
            lines.append(f"{indent}- [{_MARKS[task.status]}] {task.title}")
            lines += [f"{indent}    > {note}" for note in task.notes]
            lines += [f"{indent}    + {path}" for path in task.artefacts]
            lines += self._lines(task.id, f"{indent}    ")
        return lines

    def _of(self, task_id: str) -> LedgerTask:
        if task_id not in self._tasks:
            raise UsageError(f"no task {task_id!r}; the tasks are {', '.join(self._tasks) or 'none'}")
        return self._tasks[task_id]

    def _set(self, task_id: str, status: Status | None, note: str = "", **fields: Any) -> None:
        with self._lock:
            task = self._of(task_id)
            new = {"status": status or task.status, **{key: value for key, value in fields.items() if value}}
            notes = [*task.notes, _one_line(note)] if note.strip() else task.notes
            self._tasks[task_id] = task.model_copy(update={**new, "notes": notes})
            self._tell(task_id, status or "note")

    def _tell(self, task_id: str, change: str) -> None:
        self.on_change({"change": change, "task": self._of(task_id).model_dump(mode="json")})


def _one_line(text: str) -> str:
    return " ".join(text.split())
