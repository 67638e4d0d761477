"""What a detector found, and the helpers with which detectors say it."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from dspy_programs.types import FailureMode


class Finding(BaseModel):
    """What one detector found. `turn`: where it first shows; `turns`: all turns with evidence; `evidence`: words of the run."""

    mode: FailureMode
    turn: int
    confidence: float = Field(ge=0, le=1)
    evidence: str
    turns: list[int] = Field(default_factory=list)


def found(mode: FailureMode, turn: int, confidence: float, evidence: str, turns: Sequence[int] = ()) -> Finding:
    witnesses = list(turns)[:20] or [turn]
    return Finding(mode=mode, turn=turn, confidence=round(confidence, 2), evidence=quoted(evidence), turns=witnesses)


def quoted(text: str) -> str:
    return " ".join(text[:400].split())[:160]


def strongest(findings: Sequence[Finding | None]) -> Finding | None:
    seen = [finding for finding in findings if finding is not None]
    return max(seen, key=lambda finding: finding.confidence) if seen else None


def sentence_at(text: str, place: int) -> str:
    start = max(text.rfind(". ", 0, place), text.rfind("\n", 0, place), place - 120) + 1
    return text[start : start + 160].strip()
