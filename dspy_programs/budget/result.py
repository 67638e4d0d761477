"""The result of a negotiation: what it saves, keeps and loses, and everything that was tried.

Output     NegotiationResult, as JSON the report. Scores, savings and retention are shares in [0, 1], None where nothing was
           measured; retention_of: the share that a measure confirmed, in words too. digest: the SHA-256 of a prompt.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from dspy_programs.budget.consent import Loss
from dspy_programs.budget.measuring.ablation import Step
from dspy_programs.budget.measuring.measure import SAME, Confirmed, Measure
from dspy_programs.budget.measuring.retention import Interval
from dspy_programs.budget.prompts.binding import binding_sentences
from dspy_programs.budget.redundancy import Redundant
from dspy_programs.types import Section

Measured = Literal["outputs", "opinion", "coverage", "nothing"]
NOT_MEASURED = "quality not measured"


class Retention(BaseModel):
    """Share of the original's score that is kept, and the limits of its 90 % interval; None where it was not measured."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    statement: str = NOT_MEASURED


class Removal(BaseModel):
    """One change of the text. new: None if it is gone; kind: duplicate, filler, example, whitespace, not needed."""

    section: str
    text: str
    new: str | None = None
    kind: str
    reason: str


class NegotiationResult(BaseModel):
    """The result of a negotiation; as JSON it is the report."""

    success: bool
    original_token_count: int
    optimized_token_count: int
    savings: float
    measured: Measured
    original_score: float | None
    optimized_score: float | None
    retention: Retention
    lost: list[Loss]
    changes: list[Removal]
    sections_removed: list[str]
    sections_compressed: list[str]
    reordered: bool
    rubric: str
    task: str
    scorer: str
    answered_by: Literal["model", "rules"]
    confidence: float
    token_counter: str
    exact: bool
    threshold: float
    min_savings: float
    max_savings: float
    strategies: list[str]
    scoring_calls: int
    model_calls: int
    elapsed: float
    steps: list[Step]
    log: list[str]
    original_sha256: str
    original_sections: list[Section]
    optimized_sections: list[Section]
    optimized_prompt: str


def _removals_of(found: Redundant) -> list[Removal]:
    listed = [
        Removal(section=one.unit.section, text=one.unit.text, new=one.new_text, kind=one.kind, reason=one.reason)
        for one in found.changes
    ]
    return listed + [
        Removal(section=name, text="", new="", kind="whitespace", reason="spaces and empty lines that say nothing")
        for name in found.whitespace
    ]


def changes_of(found: Redundant, removed: Sequence[Removal]) -> list[Removal]:
    """Return all changes; a sentence that was shortened first and went later is named once, as it was."""
    redundant = _removals_of(found)
    shortened = {(one.section, one.new): one for one in redundant if one.new}
    gone = {(one.section, one.text) for one in removed}
    kept = [one for one in redundant if not one.new or (one.section, one.new) not in gone]
    later = [
        one.model_copy(update={"text": shortened[one.section, one.text].text}) if (one.section, one.text) in shortened else one
        for one in removed
    ]
    return [*kept, *later]


def reasons_of(sections: Sequence[Section], changes: Sequence[Removal]) -> dict[tuple[str, int], str]:
    """Return why binding sentences went, by their places."""
    by_text = {(change.section, change.text): change.reason for change in changes}
    return {
        (one.section, one.number): by_text[one.section, one.text]
        for one in binding_sentences(sections)
        if (one.section, one.text) in by_text
    }


def retention_of(measure: Measure | None, confirmed: Confirmed | None) -> Retention:
    """Say how much of the quality is kept. More than all of it is not a finding but the measure's error."""
    if measure is None or confirmed is None:
        return Retention()
    if measure.kind == "coverage":
        return Retention(
            statement=f"{NOT_MEASURED}: the scorer reads the prompt for the rubric's words, not the model's outputs"
        )
    of = "" if measure.kind == "outputs" else ", in the opinion of the scorer"
    if confirmed.interval is None:
        value = confirmed.new / confirmed.whole if confirmed.whole else 1.0
        return Retention(value=value, low=value, high=value, statement=f"{min(value, 1):.1%}{of}")
    found = confirmed.interval
    return Retention(value=found.value, low=found.low, high=found.high, statement=f"{statement(found)}{of}")


def statement(found: Interval) -> str:
    """Say a share of the quality with its interval."""
    value, low, high = found
    said = f"{min(value, 1):.1%} (90 % interval {low:.1%} to {min(high, 1):.1%})"
    return f"{said}; measured {value:.1%}, and the excess is the measure's error, not a gain" if value > 1 + SAME else said


def digest(sections: Sequence[Section]) -> str:
    """Return the SHA-256 of a prompt: names, contents and order, not priorities."""
    text = "\x00".join(f"{section.name}\x00{section.content}" for section in sections)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def step_line(step: Step) -> str:
    verb = {True: "done", False: "kept"}[step.accepted]
    scored = f" score {step.score:.3f}, target {step.target:.3f}" if step.score is not None and step.target is not None else ""
    margin = f" +- {step.margin:.3f}" if step.margin else ""
    texts = f" ({len(step.texts)}: {' | '.join(text[:60] for text in step.texts)})" if step.texts else ""
    return f"{step.action} {', '.join(step.sections)}{texts}: {verb};{scored}{margin} {step.reason}"
