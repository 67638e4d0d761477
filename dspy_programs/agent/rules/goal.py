"""What a goal's own words say before anything is planned: what must be so in the end, what is missing, which tools it is about.

Raises     UsageError for a goal that is none, or another one than the session's.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from dspy_programs.agent.checking.checks import Check
from dspy_programs.agent.rules.changing import spelled_out, without_calls
from dspy_programs.agent.rules.criteria import Criterion, criteria_of
from dspy_programs.agent.rules.draft import Draft
from dspy_programs.agent.rules.file_names import with_full_names
from dspy_programs.agent.rules.goal_words import EVERY
from dspy_programs.agent.rules.joined import joined
from dspy_programs.agent.rules.mentions import inputs_missing
from dspy_programs.agent.rules.open_point import OpenPoint, open_point
from dspy_programs.agent.rules.showing import looks
from dspy_programs.agent.rules.unsaid import parts_missing
from dspy_programs.agent.sessions import Session
from dspy_programs.agent.tools.tool import AgentTool, ToolError
from dspy_programs.agent.workspace.workspace import Workspace
from dspy_programs.errors import UsageError
from dspy_programs.text import content_stems
from dspy_programs.types import Call, Tool

_LONGEST_GOAL = 20_000  # characters
_MOST_FILES = 20_000  # that the goal's words are compared with
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


class Wanted(NamedTuple):
    """criteria: what must be so in the end; inputs: files that are to be read and are not there; open: what is left open."""

    criteria: Sequence[Criterion] = ()
    inputs: Sequence[str] = ()
    open: OpenPoint | None = None


def wanted_by(goal: str, tools: Sequence[str], workspace: Workspace) -> Wanted:
    """Read a goal's words, but not those of calls that it writes out. What is only to be shown leaves nothing to check."""
    words = "" if looks(goal, workspace) else without_calls(goal, tools)
    if not words:
        return Wanted()
    files = [each.path for each in islice(workspace.walk(), _MOST_FILES) if each.kind == "file"]
    words = with_full_names(words, files)
    missing = [*inputs_missing(words, files), *parts_missing(words, workspace)]
    criteria = criteria_of(words, files)
    kept = [one for one in criteria if one.check.check == "unchanged"]
    one = spelled_out(words, workspace)
    several = () if one else joined(words, workspace)
    says_too_little = criteria == kept or EVERY.search(words) or _makes_an_empty_file(one)
    if several or (one and says_too_little):
        return Wanted([*(Criterion(words=goal, check=check) for check in _foreseen(one or several, workspace)), *kept])
    return Wanted(criteria, missing, open_point(words, workspace))


def _makes_an_empty_file(calls: Sequence[Call]) -> bool:
    return any(call.tool == "write_file" and not call.arguments["content"] for call in calls)


def _foreseen(calls: Sequence[Call], workspace: Workspace) -> list[Check]:
    """Return what will be so after calls; [] where that cannot be foreseen."""
    draft = Draft(workspace)
    try:
        for call in calls:
            draft.make(call)
    except (ToolError, ValueError):
        return []
    return draft.checks()


def goal_of(goal: str, session: Session) -> str:
    """Return what is to be done, the session's goal if none is given, and keep it there."""
    goal = goal.strip() or session.goal.strip()
    if not goal:
        raise UsageError("there is no goal; say what to do")
    if len(goal) > _LONGEST_GOAL:
        raise UsageError(f"the goal has {len(goal):,} characters; give at most {_LONGEST_GOAL:,}, and long texts as files")
    if session.goal and goal != session.goal:
        raise UsageError(f"session {session.id} has another goal: {session.goal[:80]!r}; begin a new one")
    session.goal = goal
    return goal


def menu(goal: str, tools: Mapping[str, AgentTool], *, recalls: bool = False) -> list[Tool]:
    """Return the tools that a plan may name: not what the host does, and special ones only where the goal speaks of them.

    A call that the goal writes out speaks of its tool. recalls: whether the run may look into what other sessions remember.
    """
    said = set(content_stems(f"{goal} recall" if recalls else goal))
    names = [
        name
        for name in tools
        if f"{name}(" in goal
        or (name not in _NOT_PLANNED and (name not in _ON_WORD or not said.isdisjoint(content_stems(name.replace("_", " ")))))
    ]
    return [Tool(name=name, description=tools[name].description) for name in names or tools]
