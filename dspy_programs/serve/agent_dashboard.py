"""The state of a session as one JSON object, in the shape that dashboards of GEPA-AIME poll at GET /api/state.

Input      what is on file about a session, as Sessions.export has it; None where there is none yet.
Output     Dashboard. A score is of the last five tasks that ended: 0.7 times the share that succeeded, and 0.3 divided by how
           many tasks ago the last success was (1 for the last task).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, JsonValue

from dspy_programs.agent import Ledger, LedgerTask

_WINDOW = 5


class DashboardTask(BaseModel):
    id: str
    description: str
    status: str
    """pending, in_progress, complete or failed."""
    parent_id: str | None
    children: list[str]
    metadata: dict[str, JsonValue]


class Happened(BaseModel):
    """A task was added, begun, or ended."""

    task_id: str
    status: str
    notes: str


class Point(BaseModel):
    """The score when a task had ended, in [0, 1], and when that was, in seconds since 1970."""

    time: float
    task_id: str
    score: float


class Scores(BaseModel):
    composite: float
    """The last one; 0 before a task has ended."""
    timeline: list[Point]


class Dashboard(BaseModel):
    """What a dashboard shows of a session."""

    tasks: list[DashboardTask]
    gepa: Scores
    history: list[Happened]
    tui: str
    """The checklist in Markdown."""
    rationale: str
    updated_at: float
    """Seconds since 1970; 0 where there is no session."""


def dashboard_of(held: Mapping[str, Any] | None) -> Dashboard:
    held = held or {"tasks": [], "events": [], "updated": 0.0}
    tasks = [LedgerTask(**task) for task in held["tasks"]]
    changes = [event for event in held["events"] if event["kind"] == "task" and event["change"] != "wrote"]
    plans = [event["rationale"] for event in held["events"] if event["kind"] == "plan"]
    timeline = _timeline([event for event in changes if event["change"] in ("complete", "failed")])
    return Dashboard(
        tasks=[_shown(task, [each.id for each in tasks if each.parent == task.id]) for task in tasks],
        gepa=Scores(composite=timeline[-1].score if timeline else 0.0, timeline=timeline),
        history=[
            Happened(task_id=task["id"], status=task["status"], notes=task["notes"][-1] if task["notes"] else "")
            for task in (event["task"] for event in changes)
        ],
        tui=Ledger(tasks).to_markdown(),
        rationale=plans[-1] if plans else "",
        updated_at=held["updated"],
    )


def _shown(task: LedgerTask, children: list[str]) -> DashboardTask:
    metadata = task.model_dump(mode="json", exclude={"id", "title", "status", "parent", "calls"})
    return DashboardTask(
        id=task.id, description=task.title, status=task.status, parent_id=task.parent, children=children, metadata=metadata
    )


def _timeline(ended: Sequence[Mapping[str, Any]]) -> list[Point]:
    outcomes = [event["change"] == "complete" for event in ended]
    windows = (outcomes[max(0, number - _WINDOW) : number] for number in range(1, len(outcomes) + 1))
    return [
        Point(time=event["time"], task_id=event["task"]["id"], score=composite(window))
        for event, window in zip(ended, windows, strict=True)
    ]


def composite(outcomes: Sequence[bool]) -> float:
    """Return the score of outcomes in time order; 0 if none is a success."""
    if True not in outcomes:
        return 0.0
    ago = outcomes[::-1].index(True) + 1
    return round(min(1.0, 0.7 * sum(outcomes) / len(outcomes) + 0.3 / ago), 4)
