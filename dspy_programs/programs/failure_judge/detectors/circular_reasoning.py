"""CIRCULAR_REASONING: two or three steps, in the agent's words or its calls, that come round again."""

import itertools
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TypeVar

from dspy_programs.programs.failure_judge.finding import Finding, called, found, quoted, strongest
from dspy_programs.programs.failure_judge.phrases import LETTERS
from dspy_programs.programs.failure_judge.trace_view import LONGEST, Call, View
from dspy_programs.programs.failure_judge.verbs import moves
from dspy_programs.types import Turn

_SHORTEST_CYCLE = 4  # steps: two, twice
_Step = TypeVar("_Step")
_LONGEST_STEP = 90  # characters of each of the two or three steps in the evidence


def detect_circular_reasoning(view: View) -> Finding | None:
    """Two or three steps, in the agent's words or its calls, that come round twice or more with nothing new of the user."""
    if len(view.said) < _SHORTEST_CYCLE and len(view.calls) < _SHORTEST_CYCLE:
        return None
    keys: dict[tuple[str, str], int] = {}
    new_calls = [call.place for call in view.calls if keys.setdefault(call.key, call.place) == call.place]
    said = view.said if len(view.said) >= _SHORTEST_CYCLE else []
    texts = [(place, _Text(view.words_before(place), view.turns[place].content[:LONGEST])) for place in said]
    known = [call for call in view.calls if call.given is not None] if view.repeats else []
    steps = [(call.place, (view.words_before(call.place), call)) for call in known]
    by_words, by_calls = cycle(texts, _alike), cycle(steps, _same_calls)
    waiting = [call.place for call in view.calls if call.waits or moves(call.name)] if by_words or by_calls else []
    findings = []
    for what in (by_words, by_calls):
        if what is not None:
            start, rounds, places = what
            excused = any(start <= place <= places[-1] for place in [*new_calls, *waiting])
            confidence = 0.4 if excused else min(0.95, 0.7 + 0.05 * rounds)
            named = [_worded(view.turns[place], what is by_calls) for place in places[: len(places) // rounds]]
            evidence = f"{rounds} rounds of: {' / '.join(named)}"
            numbers = [view.number(place) for place in places]
            findings.append(found("CIRCULAR_REASONING", view.number(start), confidence, evidence, numbers))
    return strongest([*findings, _standstill(view, texts, new_calls)])


def _worded(turn: Turn, as_call: bool) -> str:
    return quoted(called(turn.tool_name or "", turn.tool_input) if as_call else turn.content, _LONGEST_STEP)


class _Text:
    """What the agent says after the user has spoken so often: the words without digits, "attempt 2" is "attempt 3"."""

    def __init__(self, spoken: int, text: str) -> None:
        self.spoken = spoken
        self.words = LETTERS.findall(text.lower())
        self.different = frozenset(self.words)

    @cached_property
    def pairs(self) -> frozenset[tuple[str, ...]]:
        """Neighbouring words: "a of b" is not "b of a"."""
        return frozenset(itertools.pairwise(self.words)) or frozenset((word,) for word in self.words)


def _alike(a: _Text, b: _Text) -> bool:
    """Whether at least 0.7 of all pairs are in both, with nothing new of the user between."""
    if a.spoken != b.spoken or a.words == b.words:
        return a.spoken == b.spoken
    if len(a.different) + len(b.different) - 2 * len(a.different & b.different) > min(len(a.words), len(b.words)):
        return False  # every two words that only one has are a pair that only one has
    if a.pairs == b.pairs:
        return True
    common = len(a.pairs & b.pairs)
    return len(a.pairs) > 2 and common >= 0.7 * (len(a.pairs) + len(b.pairs) - common)


def _same_calls(a: tuple[int, Call], b: tuple[int, Call]) -> bool:
    return a[0] == b[0] and a[1].key == b[1].key and a[1].output == b[1].output


def cycle(steps: Sequence[tuple[int, _Step]], same: Callable[[_Step, _Step], bool]) -> tuple[int, int, Sequence[int]] | None:
    """Return (place of the first step that comes again, rounds, places of all steps) of the longest cycle of 2 or 3 steps."""
    best: tuple[int, int, Sequence[int]] | None = None
    for period in (2, 3):
        run = 0
        for i in range(period, len(steps)):
            run = run + 1 if same(steps[i][1], steps[i - period][1]) and not same(steps[i][1], steps[i - 1][1]) else 0
            rounds = 1 + run // period
            if rounds >= 2 and (best is None or rounds > best[1]):
                best = (steps[i - run + 1][0], rounds, range(i - run - period + 1, i + 1))
    return None if best is None else (best[0], best[1], [steps[i][0] for i in best[2]])


def _standstill(view: View, texts: Sequence[tuple[int, _Text]], new_calls: Sequence[int]) -> Finding | None:
    """One and the same sentence, four times in a row, and no new call meanwhile."""
    run = 1
    for i in range(1, len(texts)):
        run = run + 1 if _alike(texts[i][1], texts[i - 1][1]) else 1
        if run == 4:
            start = texts[i - 2][0]
            if not any(start <= place <= texts[i][0] for place in new_calls):
                numbers = [view.number(place) for place, _ in texts[i - 3 : i + 1]]
                return found("CIRCULAR_REASONING", view.number(start), 0.6, view.turns[start].content, numbers)
    return None
