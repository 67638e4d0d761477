"""Ablation: which parts of a prompt are not needed, found by leaving them out.

The parts are ordered from the least needed on: what does not bind, then plain statements, then demands; low priority before
high. As many of them as the minimum savings ask for are left out at once; if the measure falls, each half is tried alone, and
so on to the single part (group testing): first what loses nothing, then what loses no more than the threshold allows. A scorer
of whole prompts is asked section by section instead, as published.

Never      dropped: the only holder of a placeholder, a tag that steers a template, a binding sentence that the user holds and
           what it hangs on, the last text.
Guarantees each accepted step is smaller than the one before and within the maximum savings; at most `most` candidates.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel

from dspy_programs.budget.measuring.measure import Measure, Verdict
from dspy_programs.budget.prompts.binding import binding_sentences
from dspy_programs.budget.prompts.literals import placeholders
from dspy_programs.budget.prompts.units import Unit, removals, without
from dspy_programs.types import Section

MOST_TRIED = 24  # candidates, where parts are tried in groups
_ROUNDING = 1e-9


class Step(BaseModel):
    """One candidate, measured or not, and the outcome. savings: share of the original's tokens."""

    action: str
    sections: list[str]
    texts: list[str] = []
    tokens: int
    savings: float
    score: float | None = None
    target: float | None = None
    margin: float = 0.0
    accepted: bool
    reason: str


class Part(NamedTuple):
    """What goes at once: the numbers of its units, and what to call it. order: the smallest goes first."""

    numbers: frozenset[int]
    section: str
    text: str
    order: tuple[float, ...]


@dataclass
class Ablation:
    """One search. sections: what it begins with; original: tokens of the whole prompt; gone: units left out so far."""

    sections: Sequence[Section]
    units: Sequence[Unit]
    measure: Measure
    count: Callable[[str], int]
    original: int
    min_savings: float
    max_savings: float
    progress: Callable[[], None] = lambda: None
    most: int = MOST_TRIED
    forbidden: Callable[[Sequence[Section]], str] = lambda candidate: ""
    gone: set[int] = field(default_factory=set)
    steps: list[Step] = field(default_factory=list)
    tried: int = 0

    def __post_init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lossless = False
        self.kept = without(self.sections, self.units, self.gone)
        contents = {section.name: section.content for section in self.sections}
        self._slices = {unit.number: contents[unit.section][unit.start : unit.end] for unit in self.units}

    def tokens(self, sections: Sequence[Section]) -> int:
        for section in sections:
            if section.content not in self._counts:
                self._counts[section.content] = self.count(section.content)
        return sum(self._counts[section.content] for section in sections)

    def savings(self, sections: Sequence[Section]) -> float:
        return 1 - self.tokens(sections) / self.original if self.original else 0.0

    def enough(self) -> bool:
        return self.savings(self.kept) >= self.min_savings - _ROUNDING

    def one_by_one(self, parts: Sequence[Part]) -> None:
        """Leave out one part after the other, until the minimum savings are reached."""
        for part in sorted(parts, key=lambda part: part.order):
            if self.enough():
                return
            self._try([part])

    def in_groups(self, parts: Sequence[Part], lossless: bool = False) -> None:
        """Leave out as many parts at once as the minimum savings ask for, and halve what fails.

        lossless: only what loses nothing.
        """
        self._lossless = lossless
        left = deque(sorted((part for part in parts if not part.numbers <= self.gone), key=lambda part: part.order))
        while left and not self.enough() and self.tried < self.most:
            self._settle(self._next_group(left))

    def _next_group(self, left: deque[Part]) -> list[Part]:
        """Take as many parts as are needed, by their own sizes; what cannot go at all is noted, or passed over in a group."""
        saved = self.savings(self.kept)
        needed, most = ((share - saved) * self.original for share in (self.min_savings, self.max_savings))
        units = [unit for unit in self.units if unit.number not in self.gone]
        names = {unit.number: found for unit in units if (found := placeholders(unit.text))}
        holders = Counter(name for found in names.values() for name in found)
        group: list[Part] = []
        size = 0
        while left and size < needed:
            part = left.popleft()
            held = Counter(name for number in part.numbers for name in names.get(number, ()))
            tokens = sum(self.count(self._slices[number]) for number in part.numbers - self.gone)
            if size + tokens > most or any(holders[name] <= held[name] for name in held):
                if not group:
                    self._try([part])
                continue
            group.append(part)
            size += tokens
            holders -= held
        return group

    def _settle(self, group: Sequence[Part]) -> None:
        if not group or self.enough() or self.tried >= self.most or self._try(group) or len(group) == 1:
            return
        half = len(group) // 2
        self._settle(group[:half])
        self._settle(group[half:])

    def _refused(self, candidate: Sequence[Section]) -> str:
        """Say why a candidate is not even measured."""
        if not any(section.content.strip() for section in candidate):
            return "would leave nothing"
        if self.tokens(candidate) >= self.tokens(self.kept):
            return "would save nothing"
        if self.savings(candidate) > self.max_savings + _ROUNDING:
            return "would exceed the maximum savings"
        if gone := _placeholders(self.sections) - _placeholders(candidate):
            return f"has the only placeholder {min(gone)}"
        return ""

    def _try(self, parts: Sequence[Part]) -> bool:
        candidate = without(self.sections, self.units, self.gone.union(*(part.numbers for part in parts)))
        if reason := self._refused(candidate) or self.forbidden(candidate):
            self._note(parts, candidate, None, False, reason)
            return False
        self.tried += 1
        verdict = self.measure.reaches(candidate, self._lossless)
        self._note(parts, candidate, verdict, verdict.reached, reached(verdict))
        if verdict.reached:
            self.kept = candidate
            for part in parts:
                self.gone |= part.numbers
        self.progress()
        return verdict.reached

    def _note(
        self, parts: Sequence[Part], candidate: Sequence[Section], verdict: Verdict | None, accepted: bool, reason: str
    ) -> None:
        found = verdict._asdict() if verdict else {}
        self.steps.append(
            Step(
                action="remove",
                sections=list(dict.fromkeys(part.section for part in parts)),
                texts=[part.text for part in parts if part.text],
                tokens=self.tokens(candidate),
                savings=self.savings(candidate),
                accepted=accepted,
                reason=reason,
                **{key: found[key] for key in ("score", "target", "margin") if key in found},
            )
        )


def reached(verdict: Verdict) -> str:
    if verdict.reached:
        return "reaches the target"
    if verdict.score is not None and verdict.score >= verdict.target - verdict.margin:
        return "not clearly above the target, so it is kept"
    return "falls below the target"


def sentence_parts(sections: Sequence[Section], units: Sequence[Unit], held: Collection[int]) -> list[Part]:
    """Return the units that may go, what binds last. held: numbers of the units that stay."""
    priorities = {section.name: section.priority for section in sections}
    rank = {(one.section, one.number): 1.0 if one.kind == "statement" else 2.0 for one in binding_sentences(sections)}
    found = []
    for group in removals(units, sections):
        numbers = frozenset(unit.number for unit in group)
        if numbers.isdisjoint(held):
            binds = max(rank.get(unit.place, 0.0) for unit in group)
            order = (1.0, binds, float(priorities[group[0].section]), float(group[0].number))
            found.append(Part(numbers, group[0].section, group[0].text, order))
    return found


def section_parts(sections: Sequence[Section], units: Sequence[Unit], held: Collection[int]) -> list[Part]:
    """Return each section without what is held, and with what hangs on it, the lowest priority first."""
    own: dict[str, set[int]] = {section.name: set() for section in sections}
    for group in removals(units, sections):
        own[group[0].section].update(unit.number for unit in group)
    spoken = {unit.section for unit in units if not unit.is_frame}
    for unit in units:
        if unit.section not in spoken:  # a heading alone
            own[unit.section].add(unit.number)
    return [
        Part(numbers, section.name, "", (0.0, float(section.priority), float(at)))
        for at, section in enumerate(sections)
        if (numbers := frozenset(own[section.name]) - frozenset(held))
    ]


def _placeholders(sections: Sequence[Section]) -> frozenset[str]:
    return frozenset().union(*(placeholders(section.content) for section in sections))
