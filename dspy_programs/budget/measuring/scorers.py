"""The scorer protocol, and the two scorers that score section by section.

Scorer     .score(sections, rubric, task) -> Score. Optional: .name, for reports; .noisy (default True): asked again, it may
           answer differently; .measures: "opinion" of a model (default), "coverage" of the rubric's words by the prompt,
           which says nothing about outputs, or "outputs".
Score      value: float in [0, 1], or None if a reply could not be read; calls: requests to a model; confidence: in [0, 1],
           lower if a value was extracted from free text; answered_by: "model" or "rules"; note: a message for the user.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, Protocol

import dspy
from dspy.utils.exceptions import LMError

from dspy_programs.errors import LanguageModelError
from dspy_programs.programs.section_scorer import MOST_SECTIONS, SectionScorer, best, pairs_in_doubt, shares_by_rules
from dspy_programs.types import Rubric, Section


class Score(NamedTuple):
    """A value and its origin."""

    value: float | None
    calls: int = 0
    confidence: float = 1.0
    answered_by: Literal["model", "rules"] = "rules"
    note: str = ""


class Scorer(Protocol):
    """What the negotiator needs."""

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score: ...


def name_of(scorer: Scorer) -> str:
    return str(getattr(scorer, "name", type(scorer).__name__))


def is_noisy(scorer: Scorer) -> bool:
    return bool(getattr(scorer, "noisy", True))


def measures(scorer: Scorer) -> Literal["outputs", "opinion", "coverage"]:
    found: Literal["outputs", "opinion", "coverage"] = getattr(scorer, "measures", "opinion")
    return found


@contextlib.contextmanager
def answering(name: str) -> Iterator[None]:
    """Turn a model server's errors into one line. Raises LanguageModelError."""
    try:
        yield
    except LMError as error:
        raise LanguageModelError(f"{name}: {' '.join(str(error).split())[:300]}") from error


class OfflineScorer:
    """How much of the rubric the sections cover, by shared words; no model, deterministic."""

    name, noisy, measures = "offline", False, "coverage"

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        shares = shares_by_rules(sections, rubric)
        return Score(rubric.overall(best(shares, rubric)))


class SectionsScorer:
    """The same where the rules are sure; otherwise the compiled section scorer decides, one call per pair.

    Each section is judged once: its value does not depend on the others, so further prompts made of them cost nothing.
    """

    noisy, measures = False, "coverage"

    def __init__(self, lm: dspy.LM, program: SectionScorer | None = None) -> None:
        """program: by default the one compiled for this model."""
        from dspy_programs.registry import load

        self.lm, self.name = lm, f"sections ({lm.model})"
        self.program = program or load("section_scorer", lm.model)
        self.known: dict[tuple[str, str, str], dict[str, float]] = {}
        self.note = ""

    def score(self, sections: Sequence[Section], rubric: Rubric, task: str = "") -> Score:
        keys = {section.name: (section.content, rubric.model_dump_json(), task) for section in sections}
        new = [section for section in sections if keys[section.name] not in self.known]
        calls = 0
        if new:
            calls = len(pairs_in_doubt(shares_by_rules(new, rubric), self.program.most_calls))
            self.learn(new, rubric, task, keys)
        shares = {section.name: self.known[keys[section.name]] for section in sections}
        value = rubric.overall(best(shares, rubric))
        return Score(value, calls, answered_by="model" if calls and not self.note else "rules", note=self.note)

    def learn(self, new: Sequence[Section], rubric: Rubric, task: str, keys: dict[str, tuple[str, str, str]]) -> None:
        from dspy_programs.lm import running_on

        for start in range(0, len(new), MOST_SECTIONS):
            part = new[start : start + MOST_SECTIONS]
            with answering(self.name), running_on(self.lm):
                found = self.program(sections=part, rubric=rubric, task=task)
            if found.failure:
                self.note = f"the rules answered because a reply could not be read ({found.failure.reason})"
            for section in part:
                self.known[keys[section.name]] = found.shares[section.name]
