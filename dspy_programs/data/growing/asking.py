"""Ask a model many things, several at once: their answers in order, or why there is none; a model that died is noticed.

Guarantees what was lost is asked for once more when all else is answered: a server that died near the end has lost too little
           for `Health` to notice. An answer then is the only proof of life, for those from before the death may be kept ones.
Raises     ModelFailing where the model stopped answering, be it for the last thing; what `may_go_on` raises.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from dspy_programs.data.growing.in_order import in_order
from dspy_programs.data.judging.judges import Unjudged
from dspy_programs.data.judging.run import Health, Outcome
from dspy_programs.errors import ModelFailing

T = TypeVar("T")
R = TypeVar("R")


def answers_of(
    work: Callable[[T], R],
    things: Sequence[T],
    at_once: int,
    health: Health,
    failure_of: Callable[[R], Unjudged | None] = lambda found: None,
    may_go_on: Callable[[], None] = lambda: None,
) -> Iterator[tuple[T, R | Unjudged]]:
    """Yield each thing with what came out, or why nothing did.

    failure_of: why what came out counts as none, to `health`; may_go_on: called before each thing, may raise.
    """

    def tried(thing: T) -> tuple[T, R | Unjudged]:
        try:
            return thing, work(thing)
        except Unjudged as failure:
            return thing, failure

    def watched(some: Sequence[T]) -> Iterator[T]:
        for thing in some:
            may_go_on()
            yield thing

    held: list[tuple[T, R | Unjudged]] = []  # the first that was lost, and all behind it
    for thing, found in in_order(tried, watched(things), at_once):
        _note(health, found if isinstance(found, Unjudged) else failure_of(found))
        if held or _is_lost(found):
            held.append((thing, found))
        else:
            yield thing, found
    again = [found for _, found in in_order(tried, watched([thing for thing, found in held if _is_lost(found)]), at_once)]
    if again and all(map(_is_lost, again)):
        raise ModelFailing(f"the model does not answer: {again[-1]}")
    answers = iter(again)
    for thing, found in held:
        yield thing, next(answers) if _is_lost(found) else found


def _is_lost(found: object) -> bool:
    return isinstance(found, Unjudged) and found.kind in ("lost", "unreachable")


def _note(health: Health, failure: Unjudged | None) -> None:
    """Count an answer or a failure. Raises ModelFailing when asking on is no use; at once if there never was an answer."""
    health.note(Outcome("", None, failure))
    if failure is not None and failure.kind == "lost" and not health.answers:
        health.stopped = health.stopped or f"the model does not answer: {failure.reason}"
    if health.stopped:
        raise ModelFailing(health.stopped) from failure
