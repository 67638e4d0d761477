"""What a run gives back: typed, and printed as a JSON report."""

from typing import Literal

from pydantic import BaseModel, JsonValue

from dspy_programs.agent.limits import Cost
from dspy_programs.agent.planning.ledger import LedgerTask

StoppedBy = Literal["done", "iterations", "limit", "no_progress", "cancelled", "error"]
HowItEnded = Literal["completed", "unverified", "failed"]


class CheckedCriterion(BaseModel):
    """One thing that had to be true at the end."""

    criterion: str
    met: bool
    checked_by: Literal["code", "judge"]
    evidence: str = ""


class Judgement(BaseModel):
    """Where a run first went wrong, and why, as the failure judge sees it."""

    mode: str
    """How it failed, "none" if it did not."""
    turn: int | None
    """The turn of the trace that failed first."""
    cause: str
    fixes: list[str]
    confidence: float


class AgentResult(BaseModel):
    """How a run ended."""

    goal: str
    outcome: HowItEnded
    """"completed": every task is complete, every criterion met, and each result was checked; "unverified": done as far as the
    agent can tell, and nobody has checked some of it (`why` says what); "failed": the rest."""
    completed: bool
    """Whether the outcome is "completed"."""
    tasks: list[LedgerTask]
    history: list[dict[str, JsonValue]]
    """What happened to the tasks, in order: time (seconds since 1970), task_id, status, notes."""
    rationale: str
    """Why these tasks, in the planner's words."""
    answer: str
    """What the last task found or did, in words; "" if nothing was said."""
    artefacts: list[str]
    """Paths in the workspace that were written."""
    criteria: list[CheckedCriterion]
    """What the goal asks for, as far as code or a judge can tell, and whether it is so."""
    cost: Cost
    stopped_by: StoppedBy
    why: str
    """Why it stopped, in words."""
    session: str | None = None
    trace: str | None = None
    """The file of the run's trace, which `dspy-programs failures` reads."""
    in_flight: list[str] = []
    """Calls under way when an earlier process died: whether they took effect is unknown, and they were not repeated."""

    judgement: Judgement | None = None
    """What the failure judge says, where it was asked."""

    def __str__(self) -> str:
        return self.model_dump_json(indent=2, exclude={"tasks": {"__all__": {"calls"}}})  # those are told in the events
