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
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from pydantic import ValidationError

from dspy_programs.budget.consent import allowed_numbers
from dspy_programs.budget.measuring.ablation import MOST_TRIED
from dspy_programs.budget.measuring.measure import Price
from dspy_programs.budget.measuring.outputs import OutputsScorer
from dspy_programs.budget.measuring.outputs_measure import OutputsMeasure
from dspy_programs.budget.measuring.scorers import Scorer
from dspy_programs.budget.negotiation import STRATEGIES, Negotiation, Strategy, Terms
from dspy_programs.budget.result import NegotiationResult
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.rubric import rubric_of
from dspy_programs.tokens import TokenCounter, counter_named
from dspy_programs.types import Rubric, Section

DEFAULT_RUBRIC = "qa"


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
        chosen = tuple(strategies) if strategies is not None else default
        if unknown := sorted(set(chosen) - set(STRATEGIES)):
            raise UsageError(f"unknown strategy {unknown[0]!r}; choose from {', '.join(STRATEGIES)}")
        self.counter = counter or counter_named(None)
        self.terms = Terms(
            scorer, quality_threshold, min_token_savings, max_token_savings, chosen, allow, self.counter, most_tried
        )

    def price(self, sections: Sequence[Section | Mapping[str, object]]) -> Price | None:
        """Return the most that `negotiate` will ask of a model, with examples; None without. Raises UsageError."""
        measure = self.terms.measure(rubric_of(DEFAULT_RUBRIC), "")
        return measure.price(usable(sections), self.terms.most_tried) if isinstance(measure, OutputsMeasure) else None

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
        allowed_numbers(parts, self.terms.allow)  # a wrong --allow is said before anything is paid
        run = Negotiation(self.terms, parts, wanted, target_task, progress)
        start = time.perf_counter()
        if run.measure is not None:
            run.shrink(run.measure)
        return run.result(time.perf_counter() - start)


def usable(sections: Sequence[Section | Mapping[str, object]]) -> list[Section]:
    """Return sections that have different names and some text. Raises UsageError."""
    try:
        parts = [Section.model_validate(section) for section in sections]
    except ValidationError as error:
        raise UsageError(f"sections: {first_fault(error, 'list')}") from error
    if repeated := sorted(name for name, times in Counter(part.name for part in parts).items() if times > 1):
        raise UsageError(f"sections: two sections are named {repeated[0]!r}; give each its own name")
    if not any(part.content.strip() for part in parts):
        raise UsageError("sections: all are empty; give at least one with text")
    return parts
