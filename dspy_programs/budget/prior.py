"""A prior from word overlap: what the text alone suggests about dropping a section, before any scoring call."""

from collections.abc import Mapping, Sequence

from dspy_programs.budget.moves import Move, after
from dspy_programs.budget.requirements import lost, placeholders, unseen
from dspy_programs.programs.section_scorer import overall_without, shares_by_rules
from dspy_programs.text import content_stems, jaccard
from dspy_programs.types import Rubric, Section

SURE, MAYBE, HARDLY = 0.95, 0.6, 0.2  # chances that a section can be dropped: nothing of the rubric in it, little, much
NOTHING, LITTLE = 0.01, 0.05  # shares of the rubric's coverage
_BASE_RISK = 0.02  # expected loss of the highest-priority section when the words say nothing


class Prior:
    """Expected loss of a move from the words of sections and rubric, before anything is scored."""

    def __init__(self, sections: Sequence[Section], rubric: Rubric, blind: bool) -> None:
        self.rubric = rubric
        self.shares: dict[str, Mapping[str, float]] = dict(shares_by_rules(sections, rubric))
        self.whole = overall_without(self.shares, rubric)
        self.contents = {section.name: section.content for section in sections}
        self.blind, self.unseen = blind, unseen(sections, rubric)
        self.demanded = list(dict.fromkeys(text for own in self.unseen.values() for text in own))
        ranks = sorted({section.priority for section in sections})
        self.rank = {s.name: (1 + ranks.index(s.priority)) / len(ranks) for s in sections}

    def loss(self, kept: Sequence[Section], move: Move) -> float:
        """Return the share of the rubric's coverage that the move loses."""
        if not self.whole:
            return 0.0
        shares = {s.name: self.shares[s.name] for s in kept}
        with_it = overall_without(shares, self.rubric)
        if move.content is not None:
            short = Section(name=move.name, content=move.content)
            shares[move.name] = shares_by_rules([short], self.rubric)[move.name]
            return (with_it - overall_without(shares, self.rubric)) / self.whole
        return (with_it - overall_without(shares, self.rubric, move.name)) / self.whole

    def held(self, kept: Sequence[Section], move: Move) -> str:
        """Say why a move must not even be tried: it would lose a requirement that the scorer cannot see, or a placeholder.

        All requirements of the original count, even if their own section is already gone because this one says the same.
        """
        rest = [section.content for section in after(kept, [move])]
        if gone := placeholders(self.contents[move.name]) - placeholders("\n".join(rest)):
            return f"has the only placeholder {min(gone)}"
        if self.blind and (demanded := next(lost(self.demanded, rest), "")):
            return f"has a requirement the rubric omits: {demanded[:80]!r}"
        return ""

    def cost(self, kept: Sequence[Section], move: Move) -> float:
        return (max(0.0, self.loss(kept, move)) + _BASE_RISK * self.rank[move.name]) / move.saved

    def chance(self, kept: Sequence[Section], move: Move) -> float:
        loss = self.loss(kept, move)
        if loss > LITTLE:
            return HARDLY
        rest = [section.content for section in after(kept, [move])]
        return MAYBE if loss > NOTHING or any(lost(self.unseen[move.name], rest)) else SURE

    def likeness(self, name: str, other: str) -> float:
        """Return how similar two sections are: serving one criterion, or in the same words."""
        both = max(min(share, self.shares[other][criterion]) for criterion, share in self.shares[name].items())
        texts = (frozenset(content_stems(self.contents[section])) for section in (name, other))
        return max(both, jaccard(*texts))

    def chance_of_all(self, kept: Sequence[Section], moves: Sequence[Move]) -> float:
        """Return the chance that none of the moves, made one after the other, loses anything."""
        chance = 1.0
        for move in moves:
            chance, kept = chance * self.chance(kept, move), after(kept, [move])
        return chance
