"""The state of one search for a smaller prompt: what is kept, what was tried, and what may be tried next.

Guarantees an accepted step is smaller than the one before, within the maximum savings, reaches the target and leaves some text.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel

from dspy_programs.budget.score_estimator import SAME, ScoreEstimator, Verdict
from dspy_programs.types import Section

ROUNDING = 1e-9


class Move(NamedTuple):
    """A change to a section: drop it (content None), or replace it with a shorter form. saved: tokens."""

    name: str
    saved: int
    content: str | None = None


class Step(BaseModel):
    """One candidate, scored or not, and the outcome. savings: share of the original's tokens."""

    action: str
    sections: list[str]
    tokens: int
    savings: float
    score: float | None = None
    target: float | None = None
    margin: float = 0.0
    accepted: bool
    reason: str


@dataclass
class Run:
    """One search: what is kept so far, what it may cost, and everything tried."""

    sections: Sequence[Section]
    count: Callable[[str], int]
    meter: ScoreEstimator
    min_savings: float
    max_savings: float
    progress: Callable[[int], None] = lambda tried: None
    kept: list[Section] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    losses: dict[str, float] = field(default_factory=dict)
    failed: list[frozenset[str]] = field(default_factory=list)
    before: list[tuple[int, list[Section]]] = field(default_factory=list)  # number of each accepted step, what it changed

    def __post_init__(self) -> None:
        self.kept = list(self.sections)
        self.counts: dict[str, int] = {}
        self.original = self.tokens(self.sections)

    def tokens(self, sections: Iterable[Section]) -> int:
        for section in (listed := list(sections)):
            if section.content not in self.counts:
                self.counts[section.content] = self.count(section.content)
        return sum(self.counts[section.content] for section in listed)

    def savings(self, sections: Iterable[Section]) -> float:
        return 1 - self.tokens(sections) / self.original if self.original else 0.0

    def enough(self) -> bool:
        return self.savings(self.kept) >= self.min_savings - ROUNDING

    def allowed(self, sections: Sequence[Section]) -> bool:
        """Return whether a prompt is smaller than the one kept, within the maximum savings, and not empty."""
        if not any(section.content.strip() for section in sections) or self.tokens(sections) >= self.tokens(self.kept):
            return False
        return self.savings(sections) <= self.max_savings + ROUNDING

    def with_back(self, sections: Sequence[Section], name: str) -> list[Section]:
        """Return the sections with a dropped one put back, in the original's order."""
        now = {section.name: section for section in sections}
        return [now.get(s.name, s) for s in self.sections if s.name in now or s.name == name]

    def try_moves(
        self, moves: Sequence[Move], chance: float = 0.5, loss: float = 0.0, free_only: bool = False, back: str = ""
    ) -> tuple[bool, Verdict]:
        """Score the prompt after the moves, and keep it if it reaches the target; free_only: only if nothing is lost.

        chance, loss: see ScoreEstimator.verdict; back: name of a dropped section to put back.
        """
        candidate = after(self.kept, moves)
        if back:
            candidate = self.with_back(candidate, back)
        before = self.meter.mean(self.kept)
        verdict = self.meter.verdict(candidate, chance, loss)
        free = self.meter.noisy or verdict.score >= before - SAME
        accepted = verdict.answer == "yes" and (free or not free_only)
        reason = (
            reached(verdict) if accepted or verdict.answer != "yes" else "reaches the target but loses something; postponed"
        )
        self.note(moves, candidate, verdict, accepted, f"{reason}; with {back} in its place" if back else reason)
        if accepted:
            self.before.append((len(self.steps) - 1, self.kept))
            self.kept = candidate
        self.progress(len(self.steps))
        return accepted, verdict

    def take_back(self) -> None:
        """Undo the last accepted steps while later answers of a noisy scorer put the prompt below its target."""
        meter = self.meter
        while self.before and meter.mean(self.kept) < meter.threshold * meter.mean(meter.whole) - SAME:
            number, self.kept = self.before.pop()
            self.steps[number].accepted = False
            self.steps[number].reason = "reached the target at first, but later answers put it below"

    def note(
        self, moves: Sequence[Move], candidate: Sequence[Section], verdict: Verdict | None, accepted: bool, reason: str
    ) -> None:
        action = "compress" if any(move.content is not None for move in moves) else "remove"
        found = {"score": verdict.score, "target": verdict.target, "margin": verdict.margin} if verdict else {}
        names = [move.name for move in moves]
        tokens, savings = self.tokens(candidate), self.savings(candidate)
        self.steps.append(
            Step(action=action, sections=names, tokens=tokens, savings=savings, accepted=accepted, reason=reason, **found)
        )


def reached(verdict: Verdict) -> str:
    if verdict.answer == "undecided":
        return "undecided after all repeats, so it is kept"
    return "reaches the target" if verdict.answer == "yes" else "falls below the target"


def after(sections: Sequence[Section], moves: Sequence[Move]) -> list[Section]:
    """Return the sections after the moves, in their order."""
    new = {move.name: move.content for move in moves}
    changed = [s.model_copy(update={"content": new[s.name]}) if new.get(s.name) is not None else s for s in sections]
    return [s for s in changed if s.name not in new or new[s.name] is not None]
