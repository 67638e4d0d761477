"""What is asked for in a cycle: each seed once, templates and strategies in turn.

Guarantees a seed meets another template, strategy and turn in each cycle; a cycle that is begun again asks the same. What
           only names a subject ("rye bread") is not evolved: the first task about it has to be written.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from dspy_programs.data.growing.seed import Seed
from dspy_programs.errors import UsageError

STRATEGIES = ("seed", "evolve", "back-translate", "persona")
_SUBJECT = 3  # words
MOST_PAIRS = 8  # that the data generator writes for one seed


class Settings(BaseModel):
    """How pairs are asked for. per_seed: pairs, from 1 to 8. Raises UsageError for what there is not."""

    templates: list[str] = ["INSTRUCTION"]
    strategies: list[str] = ["seed"]
    per_seed: int = 2

    def checked(self) -> "Settings":
        from dspy_programs.programs.data_generator import MEANING  # imports DSPy, which `status` can do without

        for what, given, known in (("template", self.templates, tuple(MEANING)), ("strategy", self.strategies, STRATEGIES)):
            if wrong := [each for each in given if each not in known] or ([""] if not given else []):
                raise UsageError(f"unknown {what} {wrong[0]!r}; choose from {', '.join(known)}")
        if not 1 <= self.per_seed <= MOST_PAIRS:
            raise UsageError(f"{self.per_seed} pairs for each seed: give a number from 1 to {MOST_PAIRS}")
        return self


@dataclass(frozen=True)
class Request:
    """New pairs out of one seed. turn: counts on from cycle to cycle, for what takes turns: personas, kinds of change."""

    seed: Seed
    template: str
    strategy: str
    pairs: int
    cycle: int
    turn: int


def requests_of(cycle: int, seeds: Sequence[Seed], settings: Settings) -> Iterator[Request]:
    """Yield the requests of a cycle, from 1."""
    templates, strategies, per_seed = settings.templates, settings.strategies, settings.per_seed
    for place, seed in enumerate(seeds):
        turn = place + cycle - 1
        template = templates[turn % len(templates)]
        strategy = strategies[turn // len(templates) % len(strategies)]
        yield Request(seed, template, "seed" if strategy == "evolve" and _is_subject(seed) else strategy, per_seed, cycle, turn)


def _is_subject(seed: Seed) -> bool:
    """Return whether a seed only names something: there is no task in it that could be changed."""
    return not seed.output and len(seed.instruction.split()) <= _SUBJECT and seed.instruction[-1] not in ".?!:"
