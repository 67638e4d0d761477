"""Which sections to drop: the usual greedy search, and one that finds more with the same number of scoring calls.

greedy     one section at a time, lowest priority first: dropped if the rest reaches the target; stops at the minimum savings;
           skips what would exceed the maximum.
ours       the words of prompt and rubric (coverage.py, free of cost) rank sections by expected loss per token saved; the
           group expected to save most is dropped at once, and halved if that fails. What costs no quality goes first; the
           loss that the threshold allows is then spent where it buys most tokens; then a needed section is exchanged for a
           shorter dropped one that serves the same purpose. For a scorer that reads prompts by a rubric, requirements the
           rubric omits are always kept (demands.py).
Never      dropped by `ours`: the highest-priority instruction (of several the last; without instructions the
           highest-priority section), and a section with a placeholder that no other has.
Guarantees every accepted step is smaller than the one before and reached the target; savings stay within the maximum; at
           least one section with text is left; never more calls than the meter allows: what was accepted so far is kept.
"""

import itertools
from collections.abc import Sequence

from dspy_programs.budget.moves import ROUNDING, Move, Run, after
from dspy_programs.budget.prior import MAYBE, Prior
from dspy_programs.budget.requirements import placeholders
from dspy_programs.budget.score_estimator import SAME, OutOfCalls
from dspy_programs.types import Section

ALIKE = 0.2  # similarity of two sections below which no exchange is tried
_MOST_COMBINED = 12  # sections whose every combination is considered


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
            run.note(moves, candidate, None, False, "would save nothing, leave nothing, or exceed the maximum savings")


def ours(run: Run, blind: bool, moves: Sequence[Move] | None = None) -> None:
    """Make free moves in groups, then those that the threshold pays for; stops quietly when the calls run out.

    blind: the scorer reads the prompt by the rubric only; moves: by default, dropping any section that may be dropped.
    """
    prior = Prior(run.sections, run.meter.rubric, blind)
    offered = _removals(run) if moves is None else moves
    try:
        _free_moves(run, prior, offered)
        _paid_moves(run, prior, offered)
        if moves is None:
            _exchanges(run, prior, offered)
    except OutOfCalls:
        pass
    noted = {name for step in run.steps for name in step.sections}
    for move in offered:
        if not run.enough() and move.name not in noted and (reason := prior.held(run.kept, move)):
            run.note([move], after(run.kept, [move]), None, False, reason)


def _removals(run: Run) -> list[Move]:
    """Offer to drop every section except the main instruction and the only holders of a placeholder."""
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


def _free_moves(run: Run, prior: Prior, offered: Sequence[Move]) -> None:
    """Make the moves that lose nothing, in groups."""
    left = {move.name: move for move in offered}
    while left and not run.enough():
        group = _group_to_try(run, prior, list(left.values()))
        if not group:
            return
        for move in group:
            del left[move.name]
        _settle(run, prior, group)


def _group_to_try(run: Run, prior: Prior, moves: list[Move]) -> list[Move]:
    """Return the group of moves expected to save most tokens in one call: chance that all succeed x tokens saved."""
    group: list[Move] = []
    kept, chance, saved, best = list(run.kept), 1.0, 0, (0.0, 0)
    while moves:
        move = min(moves, key=lambda move: prior.cost(kept, move))
        moves.remove(move)
        candidate = after(kept, [move])
        if not run.allowed(candidate) or prior.held(kept, move):
            continue
        chance, saved = chance * prior.chance(kept, move), saved + move.saved
        group.append(move)
        kept = candidate
        best = max(best, (chance * saved, len(group)))
        if run.savings(kept) >= run.min_savings - ROUNDING:
            break
    return group[: best[1]]


def _settle(run: Run, prior: Prior, group: Sequence[Move]) -> None:
    """Make the moves of a group that lose nothing, halving it until that is known, and note what each other one loses."""
    if run.enough() or not run.allowed(after(run.kept, group)):
        return
    before = run.meter.mean(run.kept)
    accepted, verdict = run.try_moves(group, prior.chance_of_all(run.kept, group), free_only=True)
    if accepted:
        return
    if len(group) == 1:
        run.losses[group[0].name] = before - verdict.score
        return
    _settle(run, prior, group[: len(group) // 2])
    _settle(run, prior, group[len(group) // 2 :])


def _exchanges(run: Run, prior: Prior, offered: Sequence[Move]) -> None:
    """Exchange a needed section for a shorter dropped one if both seem to serve the same purpose."""
    gone = {section.name for section in run.sections} - {section.name for section in run.kept}
    pairs = [
        (prior.likeness(move.name, back.name), move, back)
        for move in offered
        for back in offered
        if move.name in run.losses and back.name in gone and back.saved < move.saved
    ]
    for likeness, move, back in sorted(pairs, key=lambda pair: -pair[0] * (pair[1].saved - pair[2].saved)):
        candidate = run.with_back(after(run.kept, [move]), back.name)
        kept = {section.name for section in run.kept}
        if likeness < ALIKE or run.enough() or move.name not in kept or back.name in kept or not run.allowed(candidate):
            continue
        if not prior.held(run.with_back(run.kept, back.name), move):
            run.try_moves([move], likeness, free_only=True, back=back.name)


def _paid_moves(run: Run, prior: Prior, offered: Sequence[Move]) -> None:
    """Spend the loss that the threshold allows on the moves that save most tokens; remember what fails."""
    while not run.enough():
        here = {section.name: section.content for section in run.kept}
        left = [m for m in offered if m.name in here and here[m.name] != m.content and not prior.held(run.kept, m)]
        chosen, loss = _best_buy(run, prior, left)
        if not chosen:
            return
        spent = run.meter.mean(run.meter.whole) - run.meter.mean(run.kept)
        accepted, _ = run.try_moves(chosen, MAYBE, max(0.0, spent + loss))
        if not accepted:
            run.failed.append(frozenset(move.name for move in chosen))


def _best_buy(run: Run, prior: Prior, moves: Sequence[Move]) -> tuple[list[Move], float]:
    """Return the moves that reach the minimum savings at the smallest loss, else those that save most within the allowance.

    With them, the expected loss.
    """
    whole = run.meter.mean(run.meter.whole)
    allowance = run.meter.mean(run.kept) - run.meter.threshold * whole
    losses = {m.name: max(run.losses.get(m.name, prior.loss(run.kept, m) * whole), 0.0) for m in moves}
    cheap = sorted(moves, key=lambda move: (losses[move.name] / move.saved, -move.saved))[:_MOST_COMBINED]
    best: tuple[tuple[float, float], list[Move], float] = ((0.0, -1.0), [], 0.0)
    for size in range(1, len(cheap) + 1):
        for chosen in itertools.combinations(cheap, size):
            loss = sum(losses[move.name] for move in chosen)
            names = frozenset(move.name for move in chosen)
            if loss > allowance + SAME or any(failed <= names for failed in run.failed):
                continue
            candidate = after(run.kept, chosen)
            savings = run.savings(candidate)
            worth = (run.min_savings, -loss) if savings >= run.min_savings - ROUNDING else (savings, 0.0)
            if worth > best[0] and run.allowed(candidate) and not _holds_back(prior, run.kept, chosen):
                best = (worth, list(chosen), loss)
    return best[1:]


def _holds_back(prior: Prior, kept: Sequence[Section], moves: Sequence[Move]) -> bool:
    """Return whether moves that are fine alone must not be made together."""
    for move in moves:
        if prior.held(kept, move):
            return True
        kept = after(kept, [move])
    return False
