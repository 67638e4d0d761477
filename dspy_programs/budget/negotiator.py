"""Find a smaller prompt, with a record of everything tried.

First goes what is redundant (redundancy.py); that changes no meaning and needs no measure. With a scorer, the parts that are
not needed follow (ablation.py), as the measure says (measure.py).

Input      sections: list[Section] (or mappings with the same fields) with unique names; rubric: a Rubric, a mapping with its
           fields, or the name of a shipped one, by default "qa" (accuracy and relevance); target_task: str.
Output     NegotiationResult. Scores in [0, 1], None where nothing was measured; savings and retention are shares (1.0 is
           all); elapsed in seconds; scoring_calls: judgements of a prompt or an output; model_calls: requests to a model.
Guarantees never larger than the original; savings at most `max_token_savings`; with a measure, the returned prompt's retention
           was confirmed by answers that the search had not seen, and its whole interval reaches the threshold: else only
           what is redundant goes. Every binding sentence that goes is in `lost`. success: savings reach
           `min_token_savings`, and quality is confirmed where there is a measure.
Raises     UsageError for unusable input or a measure that cannot measure; LanguageModelError if a model does not answer or a
           judge's replies cannot be read; what `progress` raises.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, get_args

from pydantic import ValidationError

from dspy_programs.budget.ablation import MOST_TRIED, Ablation, Part, Step, reached, section_parts, sentence_parts
from dspy_programs.budget.analysis import analyze
from dspy_programs.budget.binding import binding_sentences, placeholders
from dspy_programs.budget.consent import allowed_numbers, losses
from dspy_programs.budget.measure import SAME, AnswersMeasure, Confirmed, Measure, OutputsMeasure, Price, require_useful
from dspy_programs.budget.outputs import OutputsScorer
from dspy_programs.budget.prompt import joined
from dspy_programs.budget.redundancy import Redundant, without_redundancy
from dspy_programs.budget.result import NOT_MEASURED, NegotiationResult, Removal, digest, retention_of, statement, step_line
from dspy_programs.budget.scorers import Scorer, name_of
from dspy_programs.budget.units import Unit, units_of
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.rubric import rubric_of
from dspy_programs.tokens import TokenCounter, counter_named
from dspy_programs.types import Rubric, Section

DEFAULT_RUBRIC = "qa"
Strategy = Literal["remove", "compress", "reorder"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
_NOT_NEEDED = {
    "outputs": "the outputs on the examples are as good without it",
    "opinion": "the scorer thinks the prompt as good without it",
    "coverage": "the rubric's words are in the prompt without it",
}


class Negotiator:
    """Finds a smaller prompt for one scorer and one set of limits."""

    def __init__(
        self,
        scorer: Scorer | None = None,
        quality_threshold: float = 0.95,
        min_token_savings: float = 0.40,
        max_token_savings: float = 0.60,
        *,
        strategies: Sequence[Strategy] | None = None,
        allow: Sequence[str] | None = None,
        counter: TokenCounter | None = None,
        most_tried: int = MOST_TRIED,
    ) -> None:
        """Set the scorer and the limits.

        Args:
            scorer: Measures how good a prompt is, best an `OutputsScorer`; None: only what is redundant goes.
            quality_threshold: Share of the whole prompt's score to keep, in [0, 1].
            min_token_savings: Share of the tokens from which the result counts as a success, in [0, 1].
            max_token_savings: Share of the tokens that may be saved, in [0, 1].
            strategies: "remove" whole sections, "compress" sections by their sentences and list items, "reorder" sections;
                by default "compress" for an `OutputsScorer`, else "remove".
            allow: Binding sentences that may go: ["all"], ["none"], or numbers and texts. None: any may go, and `lost` of
                the result says which are not allowed yet.
            counter: The token counter; by default OpenAI's cl100k vocabulary.
            most_tried: Maximum candidates, where sentences are tried in groups.

        Raises:
            UsageError: A limit is out of range, or a strategy is unknown.
        """
        limits = {"threshold": quality_threshold, "min savings": min_token_savings, "max savings": max_token_savings}
        for name, value in limits.items():
            if not 0 <= value <= 1:
                raise UsageError(f"{name} is {value}; give a share between 0 and 1")
        if min_token_savings > max_token_savings:
            raise UsageError(
                f"min savings ({min_token_savings}) exceeds max savings ({max_token_savings}); lower one or raise the other"
            )
        default: tuple[Strategy, ...] = ("compress",) if isinstance(scorer, OutputsScorer) else ("remove",)
        self.strategies = tuple(strategies) if strategies is not None else default
        if unknown := sorted(set(self.strategies) - set(STRATEGIES)):
            raise UsageError(f"unknown strategy {unknown[0]!r}; choose from {', '.join(STRATEGIES)}")
        self.scorer, self.threshold = scorer, quality_threshold
        self.min_savings, self.max_savings = min_token_savings, max_token_savings
        self.allow, self.most_tried = allow, most_tried
        self.counter = counter or counter_named(None)

    def price(self, sections: Sequence[Section | Mapping[str, object]]) -> Price | None:
        """Return the most that `negotiate` will ask of a model, with examples; None without. Raises UsageError."""
        if not isinstance(self.scorer, OutputsScorer):
            return None
        measure = OutputsMeasure(self.scorer, rubric_of(DEFAULT_RUBRIC), "", self.threshold)
        return measure.price(usable(sections), self.most_tried)

    def negotiate(
        self,
        sections: Sequence[Section | Mapping[str, object]],
        rubric: Rubric | Mapping[str, object] | str = DEFAULT_RUBRIC,
        target_task: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> NegotiationResult:
        """Find a smaller prompt that is as good as the whole one.

        Args:
            sections: The parts of the prompt, each with its own name.
            rubric: A Rubric, a mapping of its fields, or the name of a shipped one; for scorers that read one.
            target_task: What the prompt is for.
            progress: Called after each candidate with the calls made and the maximum (0 if unknown).

        Returns:
            The prompt, what it saves, keeps and loses, and everything that was tried.

        Raises:
            UsageError: The sections or the rubric are invalid, or the scorer or the examples cannot measure the prompt.
            LanguageModelError: A model cannot be reached, or a judge's reply is unreadable.
        """
        parts, wanted = usable(sections), rubric_of(rubric)
        allowed_numbers(parts, self.allow)  # a wrong --allow is said before anything is paid
        run = _Run(self, parts, wanted, target_task, progress)
        start = time.perf_counter()
        if run.measure is not None:
            run.shrink(run.measure)
        return run.result(time.perf_counter() - start)

    def measure(self, rubric: Rubric, task: str) -> Measure | None:
        if self.scorer is None:
            return None
        if isinstance(self.scorer, OutputsScorer):
            return OutputsMeasure(self.scorer, rubric, task, self.threshold)
        return AnswersMeasure(self.scorer, rubric, task, self.threshold)


class _Stage(NamedTuple):
    """A prompt that the search ended with, and the units that it left out."""

    sections: list[Section]
    gone: list[Unit]


class _Run:
    """One negotiation."""

    def __init__(
        self,
        asked: Negotiator,
        sections: list[Section],
        rubric: Rubric,
        task: str,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.asked, self.original, self.rubric, self.task = asked, sections, rubric, task
        self.measure, self.scorer = asked.measure(rubric, task), name_of(asked.scorer) if asked.scorer else "none"
        self.before = analyze(sections, asked.counter)
        self.redundant = _within(without_redundancy(sections), sections, asked, self.before.total)
        self.kept = self.redundant.sections
        self.steps: list[Step] = []
        self.removed: list[Removal] = []
        self.confirmed: Confirmed | None = None
        self.log = [f"tokens: {asked.counter.name}"]
        self.most_calls, self.progress = 0, progress

    def tell(self) -> None:
        if self.progress and self.measure:
            self.progress(self.measure.calls, self.most_calls)

    def shrink(self, measure: Measure) -> None:
        """Leave out what the measure does not need, and keep that only if fresh answers confirm it."""
        asked = self.asked
        if isinstance(measure, OutputsMeasure):
            self.most_calls = measure.price(self.original, asked.most_tried).calls
        whole = measure.start(self.original)
        self.log.append(f"scorer: {self.scorer}; rubric: {self.rubric.name}; the full prompt scores {whole:.3f}")
        require_useful(measure.kind, whole, self.scorer)
        stages = self._search(measure)
        if "reorder" in asked.strategies:
            stages = [self._reordered(measure, stages[-1])]
        self._confirm(measure, stages)
        if self.kept == self.original:
            self.log.append("nothing can go")

    def _search(self, measure: Measure) -> list["_Stage"]:
        """Return what the search ends with: the prompt that lost nothing, and the one that lost what the threshold allows."""
        asked, sections = self.asked, self.kept
        units = units_of(sections)
        held = self._held(units)
        search = Ablation(
            sections,
            units,
            measure,
            asked.counter.count,
            self.before.total,
            asked.min_savings,
            asked.max_savings,
            self.tell,
            asked.most_tried,
            steps=self.steps,
            forbidden=self._forbidden,
        )
        parts = list(self._parts(sections, units, held))
        stages = []
        if isinstance(measure, OutputsMeasure):
            search.in_groups(parts, lossless=True)
            stages.append(_Stage(search.kept, [unit for unit in units if unit.number in search.gone]))
            search.in_groups(parts)
        else:
            search.one_by_one(parts)
        return [*stages, _Stage(search.kept, [unit for unit in units if unit.number in search.gone])]

    def _parts(self, sections: Sequence[Section], units: Sequence[Unit], held: set[tuple[str, int]]) -> Iterator[Part]:
        """Yield what may go: sections, sentences, or sentences after sections."""
        if "remove" in self.asked.strategies:
            yield from section_parts(sections, units, held)
        if "compress" in self.asked.strategies:
            binding = {(one.section, one.number) for one in binding_sentences(sections)}
            for part in sentence_parts(sections, units, binding):
                if not any(unit.place in held for unit in units if unit.number in part.numbers):
                    yield part

    def _held(self, units: Sequence[Unit]) -> set[tuple[str, int]]:
        """Return the places of the binding sentences that are not allowed to go, as they read without their filler."""
        allowed = allowed_numbers(self.original, self.asked.allow)
        now = {(one.unit.section, one.unit.text): one.new_text or one.unit.text for one in self.redundant.changes}
        bindings = enumerate(binding_sentences(self.original), 1)
        texts = {(one.section, now.get((one.section, one.text), one.text)) for at, one in bindings if at not in allowed}
        return {unit.place for unit in units if (unit.section, unit.text) in texts}

    def _forbidden(self, candidate: Sequence[Section]) -> str:
        """Say which binding sentence a candidate loses that may not go; "" for none."""
        if self.asked.allow is None:
            return ""
        lost = losses(self.original, candidate, self.asked.allow, {})
        return next((f"would lose {one.text[:60]!r}, which --allow does not name" for one in lost if not one.allowed), "")

    def _reordered(self, measure: Measure, found: "_Stage") -> "_Stage":
        """Put sections that are constant across calls before those with placeholders, if the measure allows it."""
        order = sorted(found.sections, key=lambda section: bool(placeholders(section.content)))
        if order == found.sections:
            self.log.append("reorder: constant sections already come first")
            return found
        verdict = measure.reaches(order)
        constant = sum(self.asked.counter.count(s.content) for s in order if not placeholders(s.content))
        self.log.append(f"reorder: {reached(verdict)}" + (f"; {constant} constant tokens first" if verdict.reached else ""))
        return _Stage(order, found.gone) if verdict.reached else found

    def _confirm(self, measure: Measure, stages: Sequence["_Stage"]) -> None:
        """Keep the last stage that fresh answers confirm; the first that is not confirmed ends it."""
        seen = [self.original]
        for stage in stages:
            if stage.sections in seen:
                continue
            seen.append(stage.sections)
            confirmed = measure.confirm(stage.sections)
            ratio = confirmed.new / confirmed.whole if confirmed.whole else 1.0
            if (confirmed.interval.low if confirmed.interval else ratio) < self.asked.threshold - SAME:
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
            f"and {self.asked.threshold:.1%} is asked for. More examples or a lower --threshold would help"
        )

    def _tokens(self, sections: Sequence[Section]) -> int:
        return sum(self.asked.counter.count(section.content) for section in sections)

    def result(self, elapsed: float) -> NegotiationResult:
        asked, kept, measure = self.asked, self.kept, self.measure
        now = {section.name: section.content for section in kept}
        names = [section.name for section in self.original]
        tokens = sum(asked.counter.count(section.content) for section in kept)
        savings = 1 - tokens / self.before.total if self.before.total else 0.0
        changes = _merged(_removals_of(self.redundant), self.removed)
        lost = losses(self.original, kept, asked.allow, _reasons(self.original, changes))
        log = [*self.log, *(getattr(measure, "notes", {})), *(step_line(step) for step in self.steps)]
        if savings < asked.min_savings - SAME:
            log.append(f"{savings:.1%} saved, {asked.min_savings:.1%} requested: {_advice(measure)}")
        return NegotiationResult(
            success=savings >= asked.min_savings - SAME and (measure is None or self.confirmed is not None),
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
            token_counter=asked.counter.name,
            exact=asked.counter.exact,
            threshold=asked.threshold,
            min_savings=asked.min_savings,
            max_savings=asked.max_savings,
            strategies=list(asked.strategies),
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


def _within(found: Redundant, sections: list[Section], asked: Negotiator, total: int) -> Redundant:
    """Return what is redundant, or nothing of it if that saves nothing or more than the maximum."""
    tokens = sum(asked.counter.count(section.content) for section in found.sections)
    if tokens >= total or 1 - tokens / total > asked.max_savings + SAME or not found.sections:
        return Redundant(sections, [], [])
    return found


def _removals_of(found: Redundant) -> list[Removal]:
    listed = [
        Removal(section=one.unit.section, text=one.unit.text, new=one.new_text, kind=one.kind, reason=one.reason)
        for one in found.changes
    ]
    return listed + [
        Removal(section=name, text="", new="", kind="whitespace", reason="spaces and empty lines that say nothing")
        for name in found.whitespace
    ]


def _merged(redundant: Sequence[Removal], removed: Sequence[Removal]) -> list[Removal]:
    """Return all changes; a sentence that was shortened first and went later is named once, as it was."""
    shortened = {(one.section, one.new): one for one in redundant if one.new}
    gone = {(one.section, one.text) for one in removed}
    kept = [one for one in redundant if not one.new or (one.section, one.new) not in gone]
    later = [
        one.model_copy(update={"text": shortened[one.section, one.text].text}) if (one.section, one.text) in shortened else one
        for one in removed
    ]
    return [*kept, *later]


def _reasons(sections: Sequence[Section], changes: Sequence[Removal]) -> dict[tuple[str, int], str]:
    by_text = {(change.section, change.text): change.reason for change in changes}
    return {
        (one.section, one.number): by_text[one.section, one.text]
        for one in binding_sentences(sections)
        if (one.section, one.text) in by_text
    }


def _advice(measure: Measure | None) -> str:
    if measure is None:
        return f"without a measure only what is redundant goes ({NOT_MEASURED}); --examples FILE with --lm measures the rest"
    return "a lower --threshold, more examples, or --allow would let more go"


def usable(sections: Sequence[Section | Mapping[str, object]]) -> list[Section]:
    """Return sections that have different names and some text. Raises UsageError."""
    try:
        parts = [Section.model_validate(section) for section in sections]
    except ValidationError as error:
        raise UsageError(f"sections: {first_fault(error, 'list')}") from error
    names = [part.name for part in parts]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"sections: two sections are named {repeated[0]!r}; give each its own name")
    if not any(part.content.strip() for part in parts):
        raise UsageError("sections: all are empty; give at least one with text")
    return parts
