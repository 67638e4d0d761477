"""Runs that succeeded, as demonstrations for who chooses the steps of the next ones.

Input      sessions on file: those that are done and whose goal had something to check; of equal goals the last.
Output     one Demonstration for each script, and for each call that a model chose.
Guarantees a demonstration is never shown for its own goal; goals given as `without`, such as those of a test, make none.
"""

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from dspy_programs.agent.acting.actors import ActorFactory, in_the_users_words
from dspy_programs.agent.acting.calls import failed
from dspy_programs.agent.scripts.files_shown import files_shown
from dspy_programs.agent.scripts.script import TOOL as SCRIPT
from dspy_programs.agent.sessions import Session, Sessions
from dspy_programs.agent.tools.tool import AgentTool
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import RunLocked, UsageError, first_fault
from dspy_programs.predict import FewShot, Index
from dspy_programs.programs.actor import Actor, as_text
from dspy_programs.programs.planner import split_goal
from dspy_programs.types import Turn

M = TypeVar("M", bound=BaseModel)
_FILES = "files"  # the session's name for what a script writer is shown
_LISTED, _SHOWN = 6, 700  # files, and characters of their beginnings: a small model reads slowly
_LONGEST_DONE = 1000  # characters of the calls before one


class Demonstration(BaseModel):
    """One step of a run that succeeded: a script for {request, files}, or an action for the actor's inputs."""

    model_config = ConfigDict(extra="forbid")

    goal: str
    """Of the whole run. Rows of one goal belong on one side of a split."""
    script: dict[str, str] = {}
    act: dict[str, Any] = {}


def keep_files(session: Session, goal: str, workspace: Workspace) -> None:
    """Keep in a new session what a script writer would be shown of the files: afterwards they are others."""
    if session.is_kept and not session.tasks():
        session.set(**{_FILES: files_shown(goal, workspace, _LISTED, _SHOWN)})


def demonstrations(held: Sessions, tools: Sequence[AgentTool], without: Collection[str] = ()) -> list[Demonstration]:
    """Return what the runs on file show. tools: those of the runs; without: goals to leave out."""
    factory = ActorFactory(Actor(), {each.name: each for each in tools}, None, short=True, tokens=0)
    seen = {goal.strip() for goal in without}
    found: list[Demonstration] = []
    for one in held.list():
        if one.status not in ("done", "unverified") or one.goal.strip() in seen:
            continue
        with contextlib.suppress(RunLocked), contextlib.closing(held.open(one.id)) as session:
            if session.get("criteria"):
                seen.add(one.goal.strip())
                found += _of_run(session, factory)
    return found


def _of_run(session: Session, factory: ActorFactory) -> Iterator[Demonstration]:
    tasks = [task for task in session.tasks() if not task.replaced]
    texts = in_the_users_words([task.title for task in tasks], split_goal(session.goal))
    before: list[Turn] = []
    for task, text in zip(tasks, texts, strict=True):
        turns = [turn for turn in session.turns(task.id) if turn.tool_name and not failed(turn.tool_output)]
        if task.tool == SCRIPT:
            yield from _of_script(session, turns)
        elif task.status == "complete" and not task.calls:  # calls that the goal spells out need no choice
            menu = factory.for_task(task, text, [], []).tools
            for number, turn in enumerate(turns):
                yield from _of_call(turn, [*before, *turns[:number]], f"{text} ({task.tool})", menu, session.goal)
        before += turns


def _of_script(session: Session, turns: Sequence[Turn]) -> Iterator[Demonstration]:
    """Yield the last script, which did it: what the ones before it had changed was undone."""
    given = [turn.tool_input for turn in turns if turn.tool_name == SCRIPT]
    if given and isinstance(given[-1], dict) and (files := session.get(_FILES)):
        row = {"request": session.goal, "files": files, "script": str(given[-1].get("code", ""))}
        yield Demonstration(goal=session.goal, script=row)


def _of_call(turn: Turn, before: Sequence[Turn], text: str, menu: Sequence[AgentTool], goal: str) -> Iterator[Demonstration]:
    """Yield a call with what was known before it, if it was on the menu."""
    if turn.tool_name not in {each.name for each in menu}:
        return
    tools = [{"name": each.name, "description": each.description, "parameters": each.parameters} for each in menu]
    known = [each.model_copy(update={"turn_number": number}) for number, each in enumerate(before)]
    done = as_text(known, _LONGEST_DONE).splitlines()
    action = {"calls": [{"tool": turn.tool_name, "arguments": turn.tool_input}], "cannot": ""}
    yield Demonstration(goal=goal, act={"tools": tools, "said": [goal], "done": done, "task": text, "action": action})


def read_demonstrations(path: str | Path) -> list[Demonstration]:
    """Read a JSONL file. Raises UsageError, with the line."""
    return _rows(path, Demonstration)


def goals_in(path: str | Path) -> list[str]:
    """Return the goals in a JSONL file, whatever else its rows have. Raises UsageError, with the line."""
    return [row.goal for row in _rows(path, _Goal)]


class _Goal(BaseModel):
    goal: str


def _rows(path: str | Path, kind: type[M]) -> list[M]:
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(kind.model_validate_json(line))
        except ValidationError as error:
            raise UsageError(f"{path}:{number}: {first_fault(error, 'the line')}") from error
    return rows


def scripts_of(rows: Sequence[Demonstration]) -> list[dict[str, str]]:
    """Return the scripts, for a ScriptWriter: it shows the nearest, and none of its own request."""
    return [row.script for row in rows if row.script]


def show_to(actor: Actor, rows: Sequence[Demonstration], goal: str) -> None:
    """Let an actor be shown the nearest of its own demonstrations and of these, but none of the goal itself."""
    if own := [row.act for row in rows if row.act and row.goal.strip() != goal.strip()]:
        pool = _Pool(actor.act.signature, actor.act.by)
        pool.demos, pool.lm = [*actor.act.demos, *own], actor.act.lm
        actor.act = pool


class _Pool(FewShot):
    """Shows the nearest, however few there are: runs are longer than the demonstrations that are compiled."""

    def with_nearest(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        if self._index is None:
            self._index = Index(self.demos, self.by)
        return kwargs | {"demos": self._index.nearest(kwargs)}
