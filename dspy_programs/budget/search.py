"""Which sections can go: the greedy search that others have, and one that finds more with the same number of scoring calls.

greedy     in ascending order of priority, one section at a time: dropped if the rest reaches the target; ends at the least
           savings that were asked for; what would save more than the most is passed over.
ours       what the words of prompt and rubric say (coverage.py, free of cost) orders the sections by expected loss for a token
           saved; the group that is expected to save most is dropped at once, and halved where that fails. First goes what
           costs no quality; what the threshold allows to lose is then spent where it buys most tokens. Of sections that
           ask for the same the cheapest is kept. For a scorer that reads prompts by a rubric, no sentence that demands
           something goes unseen (demands.py).
Never      dropped by `ours`: the instruction of the highest priority (of several the last; without instructions the section of
           the highest priority), and a section with a place to fill in that no other has.
Holds      every accepted step is smaller than the one before and reached the target; savings stay at or below the most; at
           least one section with text is left; within the calls that the meter allows, else what was accepted so far.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import BaseModel

from dspy_programs.budget.demands import lost, placeholders, unseen
from dspy_programs.budget.noise import SAME, Meter, OutOfCalls, Verdict
from dspy_programs.coverage import shares_by_rules
from dspy_programs.section_scorer import overall_without
from dspy_programs.types import Rubric, Section

SURE, MAYBE, HARDLY = 0.95, 0.6, 0.2  # chances that a section can go: nothing of the rubric in it, little, much
MOST_COMBINED = 12  # sections whose every combination is weighed
BASE_RISK = 0.02  # loss that is expected of the section of the lowest priority, where the words tell nothing
ROUNDING = 1e-9


class Move(NamedTuple):
    """What may be done to a section: dropped (content None), or replaced by a shorter form. saved: tokens."""

    name: str
    saved: int
    content: str | None = None


class Step(BaseModel):
    """One candidate that was scored, or one that was not, and what came of it. savings: share of the original's tokens."""

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
    """One search: what is kept so far, what it may cost, and all that was tried."""

    sections: Sequence[Section]
    count: Callable[[str], int]
    meter: Meter
    least: float
    most: float
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
        return self.savings(self.kept) >= self.least - ROUNDING

    def allowed(self, sections: Sequence[Section]) -> bool:
        """Tell whether a prompt is smaller than the one kept, within the most savings, and not empty."""
        if not any(section.content.strip() for section in sections) or self.tokens(sections) >= self.tokens(self.kept):
            return False
        return self.savings(sections) <= self.most + ROUNDING

    def try_moves(
        self, moves: Sequence[Move], chance: float = 0.5, loss: float = 0.0, free_only: bool = False
    ) -> tuple[bool, Verdict]:
        """Score the prompt after the moves, and keep it where it reaches the target; free_only: only where nothing is lost.

        chance, loss: see Meter.verdict.
        """
        candidate = after(self.kept, moves)
        before = self.meter.mean(self.kept)
        verdict = self.meter.verdict(candidate, chance, loss)
        free = self.meter.noisy or verdict.score >= before - SAME
        accepted = verdict.answer == "yes" and (free or not free_only)
        reason = reached(verdict) if accepted or verdict.answer != "yes" else "reaches the target but loses something: later"
        self.note(moves, candidate, verdict, accepted, reason)
        if accepted:
            self.before.append((len(self.steps) - 1, self.kept))
            self.kept = candidate
        self.progress(len(self.steps))
        return accepted, verdict

    def take_back(self) -> None:
        """Undo the last accepted steps as long as later answers of a noisy scorer put the prompt below its target."""
        meter = self.meter
        while self.before and meter.mean(self.kept) < meter.threshold * meter.mean(meter.whole) - SAME:
            number, self.kept = self.before.pop()
            self.steps[number].accepted = False
            self.steps[number].reason = "reached the target at first, later answers put it below"

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


def greedy(run: Run) -> None:
    """Drop one section at a time, the lowest priority first."""
    for section in sorted(run.sections, key=lambda section: section.priority):
        if run.enough():
            return
        moves = [Move(section.name, run.tokens([section]))]
        candidate = after(run.kept, moves)
        if run.allowed(candidate):
            run.try_moves(moves)
        else:
            run.note(moves, candidate, None, False, "would save nothing, leave nothing, or save more than the most")


def ours(run: Run, blind: bool, moves: Sequence[Move] | None = None) -> None:
    """Make free moves in groups, then those that the threshold pays for; ends quietly where the calls do.

    blind: the scorer reads the prompt by the rubric alone; moves: by default, to drop any section that may be dropped.
    """
    guess = Guess(run.sections, run.meter.rubric, blind)
    offered = removals(run) if moves is None else moves
    try:
        free_moves(run, guess, offered)
        paid_moves(run, guess, offered)
    except OutOfCalls:
        pass
    noted = {name for step in run.steps for name in step.sections}
    for move in offered:
        if not run.enough() and move.name not in noted and (reason := guess.held(run.kept, move)):
            run.note([move], after(run.kept, [move]), None, False, reason)


def removals(run: Run) -> list[Move]:
    """Offer to drop every section but the one that says what to do, and the only holders of places to fill in."""
    instructions = [section for section in run.sections if section.type == "instruction" and section.content.strip()]
    main = max(reversed(instructions or list(run.sections)), key=lambda section: section.priority)
    moves = []
    for section in run.sections:
        others = "\n".join(other.content for other in run.sections if other is not section)
        if section is main or not placeholders(section.content) <= placeholders(others):
            continue
        if tokens := run.tokens([section]):
            moves.append(Move(section.name, tokens))
    return moves


class Guess:
    """What the words of sections and rubric say about the loss of a move, before anything is scored."""

    def __init__(self, sections: Sequence[Section], rubric: Rubric, blind: bool) -> None:
        self.rubric = rubric
        self.shares: dict[str, Mapping[str, float]] = dict(shares_by_rules(sections, rubric))
        self.whole = overall_without(self.shares, rubric)
        self.contents = {section.name: section.content for section in sections}
        self.blind, self.unseen = blind, unseen(sections, rubric)
        ranks = sorted({section.priority for section in sections})
        self.rank = {s.name: (1 + ranks.index(s.priority)) / len(ranks) for s in sections}

    def loss(self, kept: Sequence[Section], move: Move) -> float:
        """Return the share of the rubric's coverage that goes with the move."""
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
        """Say why a move must not even be tried: it would lose a demand that the scorer cannot see, or a place."""
        rest = [section.content for section in after(kept, [move])]
        if gone := placeholders(self.contents[move.name]) - placeholders("\n".join(rest)):
            return f"has the only place to fill in for {min(gone)}"
        if self.blind and (demanded := next(lost(self.unseen[move.name], rest), "")):
            return f"demands what the rubric does not name: {demanded[:80]!r}"
        return ""

    def cost(self, kept: Sequence[Section], move: Move) -> float:
        return (max(0.0, self.loss(kept, move)) + BASE_RISK * self.rank[move.name]) / move.saved

    def chance(self, kept: Sequence[Section], move: Move) -> float:
        loss = self.loss(kept, move)
        if loss > 0.05:
            return HARDLY
        rest = [section.content for section in after(kept, [move])]
        return MAYBE if loss > 0.01 or any(lost(self.unseen[move.name], rest)) else SURE

    def chance_of_all(self, kept: Sequence[Section], moves: Sequence[Move]) -> float:
        """Return the chance that none of the moves loses anything, one after the other."""
        chance = 1.0
        for move in moves:
            chance, kept = chance * self.chance(kept, move), after(kept, [move])
        return chance


def free_moves(run: Run, guess: Guess, offered: Sequence[Move]) -> None:
    """Make the moves that lose nothing, in groups."""
    left = {move.name: move for move in offered}
    while left and not run.enough():
        group = group_to_try(run, guess, list(left.values()))
        if not group:
            return
        for move in group:
            del left[move.name]
        settle(run, guess, group)


def group_to_try(run: Run, guess: Guess, moves: list[Move]) -> list[Move]:
    """Return the group of moves that is expected to save most tokens by one call: chance that all hold x tokens saved."""
    group: list[Move] = []
    kept, chance, saved, best = list(run.kept), 1.0, 0, (0.0, 0)
    while moves:
        move = min(moves, key=lambda move: guess.cost(kept, move))
        moves.remove(move)
        candidate = after(kept, [move])
        if not run.allowed(candidate) or guess.held(kept, move):
            continue
        chance, saved = chance * guess.chance(kept, move), saved + move.saved
        group.append(move)
        kept = candidate
        best = max(best, (chance * saved, len(group)))
        if run.savings(kept) >= run.least - ROUNDING:
            break
    return group[: best[1]]


def settle(run: Run, guess: Guess, group: Sequence[Move]) -> None:
    """Make the moves of a group that lose nothing; halve it until that is known, and note what each other one loses."""
    if run.enough() or not run.allowed(after(run.kept, group)):
        return
    before = run.meter.mean(run.kept)
    accepted, verdict = run.try_moves(group, guess.chance_of_all(run.kept, group), free_only=True)
    if accepted:
        return
    if len(group) == 1:
        run.losses[group[0].name] = before - verdict.score
        return
    settle(run, guess, group[: len(group) // 2])
    settle(run, guess, group[len(group) // 2 :])


def paid_moves(run: Run, guess: Guess, offered: Sequence[Move]) -> None:
    """Spend what the threshold allows to lose on the moves that buy most tokens; what fails is learnt from."""
    while not run.enough():
        here = {section.name: section.content for section in run.kept}
        left = [m for m in offered if m.name in here and here[m.name] != m.content and not guess.held(run.kept, m)]
        chosen, loss = best_buy(run, guess, left)
        if not chosen:
            return
        spent = run.meter.mean(run.meter.whole) - run.meter.mean(run.kept)
        accepted, _ = run.try_moves(chosen, MAYBE, max(0.0, spent + loss))
        if not accepted:
            run.failed.append(frozenset(move.name for move in chosen))


def best_buy(run: Run, guess: Guess, moves: Sequence[Move]) -> tuple[list[Move], float]:
    """Return the moves that reach the least savings at the smallest loss, else those that save most within the allowance.

    With them, the loss that is expected.
    """
    whole = run.meter.mean(run.meter.whole)
    allowance = run.meter.mean(run.kept) - run.meter.threshold * whole
    losses = {m.name: max(run.losses.get(m.name, guess.loss(run.kept, m) * whole), 0.0) for m in moves}
    cheap = sorted(moves, key=lambda move: (losses[move.name] / move.saved, -move.saved))[:MOST_COMBINED]
    best: tuple[tuple[float, float], list[Move], float] = ((0.0, -1.0), [], 0.0)
    for size in range(1, len(cheap) + 1):
        for chosen in itertools.combinations(cheap, size):
            loss = sum(losses[move.name] for move in chosen)
            names = frozenset(move.name for move in chosen)
            if loss > allowance + SAME or any(failed <= names for failed in run.failed):
                continue
            candidate = after(run.kept, chosen)
            savings = run.savings(candidate)
            worth = (run.least, -loss) if savings >= run.least - ROUNDING else (savings, 0.0)
            if worth > best[0] and run.allowed(candidate) and not holds_back(guess, run.kept, chosen):
                best = (worth, list(chosen), loss)
    return best[1:]


def holds_back(guess: Guess, kept: Sequence[Section], moves: Sequence[Move]) -> bool:
    """Tell whether moves that could be made alone must not be made together."""
    for move in moves:
        if guess.held(kept, move):
            return True
        kept = after(kept, [move])
    return False
