"""One negotiation: what is redundant goes, then what the measure does not need, and only what fresh answers confirm is kept.

Input      Terms: the scorer, the limits, what may go; the sections, the rubric and the task.
Output     NegotiationResult (result.py). See negotiator.py for what it guarantees.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from dspy_programs.budget.analysis import analyze
from dspy_programs.budget.consent import forbidden, held_together, held_units, losses
from dspy_programs.budget.measuring.ablation import Ablation, Step, reached, section_parts, sentence_parts
from dspy_programs.budget.measuring.answers_measure import AnswersMeasure
from dspy_programs.budget.measuring.measure import SAME, Confirmed, Measure, require_useful
from dspy_programs.budget.measuring.outputs import OutputsScorer
from dspy_programs.budget.measuring.outputs_measure import OutputsMeasure
from dspy_programs.budget.measuring.scorers import Scorer, name_of
from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.prompt import joined
from dspy_programs.budget.prompts.units import Unit, units_of
from dspy_programs.budget.redundancy import Redundant, without_redundancy
from dspy_programs.budget.result import (
    NOT_MEASURED,
    NegotiationResult,
    Removal,
    changes_of,
    digest,
    reasons_of,
    retention_of,
    statement,
    step_line,
)
from dspy_programs.tokens import TokenCounter
from dspy_programs.types import Rubric, Section

Strategy = Literal["remove", "compress", "reorder"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
_NOT_NEEDED = {
    "outputs": "the outputs on the examples are as good without it",
    "opinion": "the scorer thinks the prompt as good without it",
    "coverage": "the rubric's words are in the prompt without it",
}


class Terms(NamedTuple):
    """What is measured, and how much may go. allow: as in consent.py; the shares are in [0, 1]."""

    scorer: Scorer | None
    threshold: float
    min_savings: float
    max_savings: float
    strategies: tuple[Strategy, ...]
    allow: Sequence[str] | None
    counter: TokenCounter
    most_tried: int

    def measure(self, rubric: Rubric, task: str) -> Measure | None:
        """Return what tells how good a prompt is; None without a scorer. Raises UsageError."""
        if self.scorer is None:
            return None
        if isinstance(self.scorer, OutputsScorer):
            return OutputsMeasure(self.scorer, rubric, task, self.threshold)
        return AnswersMeasure(self.scorer, rubric, task, self.threshold)


class _Stage(NamedTuple):
    """A prompt that the search ended with, and the units that it left out."""

    sections: list[Section]
    gone: list[Unit]


class Negotiation:
    """One negotiation: `shrink` searches and confirms, `result` tells."""

    def __init__(
        self,
        terms: Terms,
        sections: list[Section],
        rubric: Rubric,
        task: str,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.terms, self.original, self.rubric, self.task = terms, sections, rubric, task
        self.measure, self.scorer = terms.measure(rubric, task), name_of(terms.scorer) if terms.scorer else "none"
        self.before = analyze(sections, terms.counter)
        self.redundant = _within(without_redundancy(sections), sections, terms, self.before.total)
        self.kept = self.redundant.sections
        self.steps: list[Step] = []
        self.removed: list[Removal] = []
        self.confirmed: Confirmed | None = None
        self.log = [f"tokens: {terms.counter.name}"]
        self.most_calls, self.progress = 0, progress

    def tell(self) -> None:
        if self.progress and self.measure:
            self.progress(self.measure.calls, self.most_calls)

    def shrink(self, measure: Measure) -> None:
        """Leave out what the measure does not need, and keep that only if fresh answers confirm it."""
        terms = self.terms
        if isinstance(measure, OutputsMeasure):
            self.most_calls = measure.price(self.original, terms.most_tried).calls
        whole = measure.start(self.original)
        self.log.append(f"scorer: {self.scorer}; rubric: {self.rubric.name}; the full prompt scores {whole:.3f}")
        require_useful(measure.kind, whole, self.scorer)
        stages = self._search(measure)
        if "reorder" in terms.strategies:
            stages = [self._reordered(measure, stages[-1])]
        self._confirm(measure, stages)
        if self.kept == self.original:
            self.log.append("nothing can go")

    def _search(self, measure: Measure) -> list[_Stage]:
        """Return what the search ends with: the prompt that lost nothing, and the one that lost what the threshold allows."""
        terms, sections = self.terms, self.kept
        units = units_of(sections)
        held = held_units(self.original, self.redundant, units, terms.allow)
        self.log += held_together(self.original, terms.allow)
        search = Ablation(
            sections,
            units,
            measure,
            terms.counter.count,
            self.before.total,
            terms.min_savings,
            terms.max_savings,
            self.tell,
            terms.most_tried,
            steps=self.steps,
            forbidden=lambda candidate: forbidden(self.original, candidate, terms.allow),
        )
        whole = section_parts(sections, units, held) if "remove" in terms.strategies else []
        small = sentence_parts(sections, units, held) if "compress" in terms.strategies else []
        stages = []
        if isinstance(measure, OutputsMeasure):
            search.in_groups([*whole, *small], lossless=True)
            stages.append(_Stage(search.kept, [unit for unit in units if unit.number in search.gone]))
            search.in_groups([*whole, *small])
        else:
            search.one_by_one(whole)
            search.in_groups(small)
        return [*stages, _Stage(search.kept, [unit for unit in units if unit.number in search.gone])]

    def _reordered(self, measure: Measure, found: _Stage) -> _Stage:
        """Put sections that are constant across calls before those with placeholders, if the measure allows it."""
        order = sorted(found.sections, key=lambda section: bool(placeholders(section.content)))
        if order == found.sections:
            self.log.append("reorder: constant sections already come first")
            return found
        verdict = measure.reaches(order)
        constant = sum(self.terms.counter.count(s.content) for s in order if not placeholders(s.content))
        self.log.append(f"reorder: {reached(verdict)}" + (f"; {constant} constant tokens first" if verdict.reached else ""))
        return _Stage(order, found.gone) if verdict.reached else found

    def _confirm(self, measure: Measure, stages: Sequence[_Stage]) -> None:
        """Keep the last stage that fresh answers confirm; the first that is not confirmed ends it."""
        seen = [self.original]
        for stage in stages:
            if stage.sections in seen:
                continue
            seen.append(stage.sections)
            confirmed = measure.confirm(stage.sections)
            ratio = confirmed.new / confirmed.whole if confirmed.whole else 1.0
            if (confirmed.interval.low if confirmed.interval else ratio) < self.terms.threshold - SAME:
                self._say_unconfirmed(stage.sections, statement(confirmed.interval) if confirmed.interval else f"{ratio:.1%}")
                break
            self.kept, self.confirmed = stage.sections, confirmed
            self.removed = [
                Removal(section=unit.section, text=unit.text, kind="not needed", reason=_NOT_NEEDED[measure.kind])
                for unit in stage.gone
            ]
        for step in self.steps:
            if step.accepted and step.tokens < self._tokens(self.kept):
                step.accepted, step.reason = False, "reached the target at first, but was not confirmed"

    def _say_unconfirmed(self, found: Sequence[Section], said: str) -> None:
        self.log.append(
            f"not confirmed: on answers that the search had not seen, a prompt of {self._tokens(found)} tokens keeps {said}, "
            f"and {self.terms.threshold:.1%} is asked for. More examples or a lower --threshold would help"
        )

    def _tokens(self, sections: Sequence[Section]) -> int:
        return sum(self.terms.counter.count(section.content) for section in sections)

    def result(self, elapsed: float) -> NegotiationResult:
        terms, kept, measure = self.terms, self.kept, self.measure
        now = {section.name: section.content for section in kept}
        names = [section.name for section in self.original]
        tokens = self._tokens(kept)
        savings = 1 - tokens / self.before.total if self.before.total else 0.0
        changes = changes_of(self.redundant, self.removed)
        lost = losses(self.original, kept, terms.allow, reasons_of(self.original, changes))
        log = [*self.log, *(getattr(measure, "notes", {})), *(step_line(step) for step in self.steps)]
        if savings < terms.min_savings - SAME:
            log.append(f"{savings:.1%} saved, {terms.min_savings:.1%} requested: {_advice(measure)}")
        return NegotiationResult(
            success=savings >= terms.min_savings - SAME and (measure is None or self.confirmed is not None),
            original_token_count=self.before.total,
            optimized_token_count=tokens,
            savings=savings,
            measured=measure.kind if measure and self.confirmed else "nothing",
            original_score=self.confirmed.whole if self.confirmed else None,
            optimized_score=self.confirmed.new if self.confirmed else None,
            retention=retention_of(measure, self.confirmed),
            lost=lost,
            changes=changes,
            sections_removed=[name for name in names if name not in now],
            sections_compressed=[s.name for s in self.original if s.name in now and now[s.name] != s.content],
            reordered=[s.name for s in kept] != [name for name in names if name in now],
            rubric=self.rubric.name,
            task=self.task,
            scorer=self.scorer,
            answered_by="model" if measure and measure.model_calls else "rules",
            confidence=getattr(measure, "confidence", 1.0),
            token_counter=terms.counter.name,
            exact=terms.counter.exact,
            threshold=terms.threshold,
            min_savings=terms.min_savings,
            max_savings=terms.max_savings,
            strategies=list(terms.strategies),
            scoring_calls=measure.calls if measure else 0,
            model_calls=measure.model_calls if measure else 0,
            elapsed=round(elapsed, 3),
            steps=self.steps,
            log=log,
            original_sha256=digest(self.original),
            original_sections=list(self.original),
            optimized_sections=kept,
            optimized_prompt=joined(kept),
        )


def _within(found: Redundant, sections: list[Section], terms: Terms, total: int) -> Redundant:
    """Return what is redundant, or nothing of it if that saves nothing or more than the maximum."""
    tokens = sum(terms.counter.count(section.content) for section in found.sections)
    if tokens >= total or 1 - tokens / total > terms.max_savings + SAME or not found.sections:
        return Redundant(sections, [], [])
    return found


def _advice(measure: Measure | None) -> str:
    if measure is None:
        return f"without a measure only what is redundant goes ({NOT_MEASURED}); --examples FILE with --lm measures the rest"
    return "a lower --threshold, more examples, or --allow would let more go"
