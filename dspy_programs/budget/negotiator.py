"""Find the smallest prompt that scores as well as the full one, with a record of everything tried.

Input      sections: list[Section] (or mappings with the same fields), 1..40 with unique names; rubric: a Rubric, a mapping
           with its fields, or the name of a shipped one, by default "qa" (accuracy and relevance); target_task: str.
Output     NegotiationResult. Scores in [0, 1]; savings and retention are shares (1.0 is all); elapsed in seconds;
           scoring_calls: judgements of a prompt; model_calls: requests to a language model for them.
Guarantees never larger than the original; savings at most `max_token_savings`; the returned prompt's score was measured and
           reached threshold x the original's, else nothing is dropped; deterministic with the offline scorer. success: the
           above, and savings reach `min_token_savings`. If the full prompt scores 0 there is nothing to compare with, and
           nothing is dropped.
Raises     UsageError for unusable input; LanguageModelError if a judge's replies cannot be read; what `progress` raises.
"""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ValidationError

from dspy_programs.budget.analysis import analyze
from dspy_programs.budget.moves import Move, Run, Step
from dspy_programs.budget.prompt import joined
from dspy_programs.budget.requirements import placeholders
from dspy_programs.budget.score_estimator import REPEATS, SAME, OutOfCalls, ScoreEstimator
from dspy_programs.budget.scorers import Scorer, is_noisy, name_of, reads_outputs
from dspy_programs.budget.search import greedy, ours
from dspy_programs.budget.shorten import compressions
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.programs.section_scorer import MOST_SECTIONS, checked_sections
from dspy_programs.rubric import rubric_of
from dspy_programs.tokens import TokenCounter, counter_named
from dspy_programs.types import Rubric, Section

if TYPE_CHECKING:
    import dspy

DEFAULT_RUBRIC = "qa"
_OFFLINE_TIMES = 4  # times as many scoring calls as a scorer that costs something
_ADVICE = "a lower threshold, or a rubric that names the requirements"
Strategy = Literal["remove", "compress", "reorder"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
Search = Literal["ours", "greedy"]


class Retention(BaseModel):
    """Share of the original's score that is kept, with its interval (90 % on each side) if the scorer is noisy."""

    value: float
    low: float
    high: float
    statement: str


class NegotiationResult(BaseModel):
    """The result of a negotiation; as JSON it is the report."""

    success: bool
    original_token_count: int
    optimized_token_count: int
    savings: float
    original_score: float
    optimized_score: float
    retention: Retention
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
    search: Search
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


class Negotiator:
    """Finds the smallest prompt for one scorer and one set of limits."""

    def __init__(
        self,
        scorer: Scorer,
        quality_threshold: float = 0.95,
        min_token_savings: float = 0.40,
        max_token_savings: float = 0.60,
        *,
        search: Search = "ours",
        strategies: Sequence[Strategy] = ("remove",),
        counter: TokenCounter | None = None,
        repeats: int = REPEATS,
        most_calls: int | None = None,
        shortener: "dspy.LM | None" = None,
    ) -> None:
        """Set the scorer and the limits.

        Args:
            scorer: Rates how good a prompt is.
            quality_threshold: Share of the whole prompt's score to keep, in [0, 1].
            min_token_savings: Share of the tokens from which the result counts as a success, in [0, 1].
            max_token_savings: Share of the tokens that may be saved, in [0, 1].
            search: "ours", or "greedy" as in other tools of this kind.
            strategies: Which of "remove", "compress" and "reorder" to use.
            counter: The token counter; by default OpenAI's cl100k vocabulary.
            repeats: Maximum answers of a noisy scorer per prompt.
            most_calls: Maximum scoring calls; by default the number of sections plus one, times `repeats` with a noisy
                scorer, times 4 offline.
            shortener: A model that writes shorter forms for "compress"; without one, the rules do.

        Raises:
            UsageError: A limit is out of range, or the search or a strategy is unknown.
        """
        limits = {"threshold": quality_threshold, "min savings": min_token_savings, "max savings": max_token_savings}
        for name, value in limits.items():
            if not 0 <= value <= 1:
                raise UsageError(f"{name} is {value}; give a share between 0 and 1")
        if min_token_savings > max_token_savings:
            raise UsageError(
                f"min savings ({min_token_savings}) exceeds max savings ({max_token_savings}); lower one or raise the other"
            )
        if unknown := sorted(set(strategies) - set(STRATEGIES)):
            raise UsageError(f"unknown strategy {unknown[0]!r}; choose from {', '.join(STRATEGIES)}")
        if search not in ("ours", "greedy"):
            raise UsageError(f"unknown search {search!r}; choose ours or greedy")
        if search == "greedy" and "compress" in strategies:
            raise UsageError("the greedy search only removes; use --search ours to compress")
        self.scorer, self.threshold = scorer, quality_threshold
        self.min_savings, self.max_savings = min_token_savings, max_token_savings
        self.search, self.strategies = search, tuple(strategies)
        self.counter, self.repeats, self.most_calls = counter or counter_named(None), repeats, most_calls
        self.shortener = shortener

    def negotiate(
        self,
        sections: Sequence[Section | Mapping[str, object]],
        rubric: Rubric | Mapping[str, object] | str = DEFAULT_RUBRIC,
        target_task: str = "",
        progress: Callable[[int, int], None] | None = None,
    ) -> NegotiationResult:
        """Find the smallest prompt that is as good as the whole one.

        Args:
            sections: The parts of the prompt, 1 to 40, each with its own name.
            rubric: A Rubric, a mapping of its fields, or the name of a shipped one.
            target_task: What the prompt is for.
            progress: Called after each candidate with the calls made and the maximum (0 if unbounded).

        Returns:
            The prompt, what it saves and keeps, and everything that was tried.

        Raises:
            UsageError: The sections or the rubric are invalid.
            LanguageModelError: A judge cannot be reached, or its reply is unreadable.
        """
        parts, wanted = usable(sections), rubric_of(rubric)
        start = time.perf_counter()
        meter = ScoreEstimator(self.scorer, wanted, target_task, self.threshold, self.repeats, self.bound(parts))
        tell = (lambda tried: progress(meter.calls, meter.most_calls or 0)) if progress else (lambda tried: None)
        run = Run(parts, self.counter.count, meter, self.min_savings, self.max_savings, tell)
        log = [f"tokens: {self.counter.name}", f"scorer: {name_of(self.scorer)}; rubric: {wanted.name}"]
        whole = meter.measure_whole(parts)
        if whole <= SAME:
            log.append(
                "the full prompt scores 0, so there is nothing to compare with and nothing is dropped; try another rubric"
            )
        else:
            self.shrink(run)
            run.take_back()
            if "reorder" in self.strategies:
                reorder(run, log)
                run.take_back()  # its answers also count for earlier accepted steps
        return self.result(run, wanted, target_task, log, time.perf_counter() - start)

    def bound(self, parts: Sequence[Section]) -> int | None:
        if self.most_calls is not None:
            return self.most_calls
        times = _OFFLINE_TIMES if name_of(self.scorer) == "offline" else self.repeats if is_noisy(self.scorer) else 1
        return (len(parts) + 1 + ("reorder" in self.strategies)) * times

    def shrink(self, run: Run) -> None:
        blind = not reads_outputs(self.scorer)
        if "remove" in self.strategies:
            try:
                greedy(run) if self.search == "greedy" else ours(run, blind)
            except OutOfCalls:
                pass
        if "compress" in self.strategies and not run.enough():
            moves: list[Move] = compressions(run.kept, self.counter, self.shortener)
            ours(run, blind, moves)

    def result(self, run: Run, rubric: Rubric, task: str, log: list[str], elapsed: float) -> NegotiationResult:
        meter, kept = run.meter, run.kept
        before = analyze(run.sections, self.counter)
        now = {section.name: section.content for section in kept}
        score, whole = meter.mean(kept), meter.mean(run.sections)
        savings = run.savings(kept)
        names = [section.name for section in run.sections]
        log += [*meter.notes, *(step_line(step) for step in run.steps)]
        if whole > SAME and savings < self.min_savings - SAME:
            advice = _ADVICE if "compress" in self.strategies else f"{_ADVICE}, or --strategy compress,"
            log.append(f"{savings:.1%} saved, {self.min_savings:.1%} requested: {advice} would allow more")
        return NegotiationResult(
            success=savings >= self.min_savings - SAME and score >= self.threshold * whole - SAME and whole > SAME,
            original_token_count=before.total,
            optimized_token_count=run.tokens(kept),
            savings=savings,
            original_score=whole,
            optimized_score=score,
            retention=retention(meter, kept),
            sections_removed=[name for name in names if name not in now],
            sections_compressed=[s.name for s in run.sections if s.name in now and now[s.name] != s.content],
            reordered=[s.name for s in kept] != [name for name in names if name in now],
            rubric=rubric.name,
            task=task,
            scorer=name_of(self.scorer),
            answered_by="model" if meter.by_model else "rules",
            confidence=meter.confidence,
            token_counter=self.counter.name,
            exact=self.counter.exact,
            threshold=self.threshold,
            min_savings=self.min_savings,
            max_savings=self.max_savings,
            search=self.search,
            strategies=list(self.strategies),
            scoring_calls=meter.calls,
            model_calls=meter.model_calls,
            elapsed=round(elapsed, 3),
            steps=run.steps,
            log=log,
            original_sha256=digest(run.sections),
            original_sections=list(run.sections),
            optimized_sections=kept,
            optimized_prompt=joined(kept),
        )


def usable(sections: Sequence[Section | Mapping[str, object]]) -> list[Section]:
    try:
        parts = checked_sections(sections)
    except ValidationError as error:
        raise UsageError(f"sections: {first_fault(error, 'list')}") from error
    except ValueError as error:
        hint = "; merge some of them" if len(sections) > MOST_SECTIONS else ""
        raise UsageError(f"sections: {error}{hint}") from error
    if not any(part.content.strip() for part in parts):
        raise UsageError("sections: all are empty; give at least one with text")
    return parts


def digest(sections: Sequence[Section]) -> str:
    """Return the SHA-256 of a prompt: names, contents and order, not priorities."""
    text = "\x00".join(f"{section.name}\x00{section.content}" for section in sections)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def reorder(run: Run, log: list[str]) -> None:
    """Put sections that are constant across calls before those with placeholders, if the score allows it."""
    order = sorted(run.kept, key=lambda section: bool(placeholders(section.content)))
    if [section.name for section in order] == [section.name for section in run.kept]:
        log.append("reorder: constant sections already come first")
        return
    before, constant = run.kept, [s for s in order if not placeholders(s.content)]
    try:
        verdict = run.meter.verdict(order)
    except OutOfCalls:
        log.append("reorder: no scoring calls left to check it, so the order is kept")
        return
    free = run.meter.noisy or verdict.score >= run.meter.mean(before) - SAME
    if verdict.answer == "yes" and free:
        run.kept = order
    said = f"{run.tokens(constant)} constant tokens first" if run.kept is order else "the order is kept"
    log.append(f"reorder: score {verdict.score:.3f} (before: {run.meter.mean(before):.3f}), {said}")


def retention(meter: ScoreEstimator, kept: Sequence[Section]) -> Retention:
    """Say how much of the quality is kept. More than all of it is not a finding but the judge's error."""
    whole, score = meter.mean(meter.whole), meter.mean(kept)
    if whole <= SAME:
        return Retention(value=1.0, low=0.0, high=1.0, statement="unknown: the full prompt scores 0")
    value = score / whole
    margin = meter.margin(kept, value) / whole
    low, high = max(0.0, value - margin), value + margin
    spread = f" (interval {low:.1%} to {high:.1%})" if margin else ""
    if value > 1 + SAME:
        why = "the scorer's noise" if low <= 1 else "the scorer's preference for short prompts, beyond its noise"
        statement = f"100.0%: measured {value:.1%}{spread}; the excess is {why}, not a gain"
    else:
        statement = f"{value:.1%}{spread}"
    return Retention(value=value, low=low, high=high, statement=statement)


def step_line(step: Step) -> str:
    verb = {True: "done", False: "kept"}[step.accepted]
    scored = f" score {step.score:.3f}, target {step.target:.3f}" if step.score is not None else ""
    margin = f" +- {step.margin:.3f}" if step.margin else ""
    return f"{step.action} {', '.join(step.sections)}: {verb};{scored}{margin} {step.reason}"
