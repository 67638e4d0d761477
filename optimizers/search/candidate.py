"""A candidate program, identified by its instructions, its demonstrations, and whether it reasons first.

A candidate is a mapping of texts as in GEPA (component -> text), so that all kinds of change have one form:

    "plan"            the instruction of the predictor `plan`
    "plan:shown"      its demonstrations: "" none, "[...]" train rows by id, a quoted name a set of the store
    ":reasoning"      "on" if every predictor writes its reasoning before its answer
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dspy

from dspy_programs.predict import ALL_SHOWN, FIELD, NEAREST, add_reasoning, shown_length
from dspy_programs.registry import digest, has_reasoning, shape_of
from dspy_programs.text import quantity
from metrics.score import Metric
from optimizers.json_text import as_json
from optimizers.search.demonstrations import Demonstration, DemonstrationStore, demonstrations_key, with_instructions

SHOWN = ":shown"
REASONING = ":reasoning"
SEED = "seed"  # the uncompiled program
IN_USE = "in use"  # the program that `load` currently returns

Texts = Mapping[str, str]


@dataclass(frozen=True)
class InitialProgram:
    """A program that a search starts from, by its name in reports. `seed` is the uncompiled program."""

    name: str
    texts: Texts


@dataclass(frozen=True)
class Job:
    """What to compile: the program, its metric, its rows, what can be shown, and the starts of the search.

    trainset: rows that proposals are made from and tried on; no row is ever its own demonstration.
    kind: a row's kind; demonstrations are spread over the kinds.
    """

    program: dspy.Module
    metric: Metric
    trainset: Sequence[dspy.Example]
    valset: Sequence[dspy.Example]
    store: DemonstrationStore
    kind: Callable[[dspy.Example], Hashable]
    starts: Sequence[InitialProgram]

    @property
    def predictors(self) -> list[str]:
        return [name for name, _ in self.program.named_predictors()]

    def build(self, texts: Texts, without: dspy.Example | None = None) -> dspy.Module:
        """Return the program of a candidate; `without`: a row whose own answer must not be shown."""
        program = with_instructions(self.program, texts)
        if texts.get(REASONING):
            add_reasoning(program)
        for name, predictor in program.named_predictors():
            predictor.demos = self.store.demonstrations(texts[name + SHOWN], name, without)
        return program

    def candidate(self, candidate: "Candidate") -> dspy.Module:
        """Build the program of a result's candidate."""
        return self.build(candidate.texts)

    def for_rows(self, texts: Texts) -> Callable[[dspy.Example], dspy.Module]:
        """Return a function that gives each row the candidate's program, never with the row's own answer."""
        program = self.build(texts)
        return lambda row: self.build(texts, without=row) if self.shows(texts, row) else program

    def asked(self, texts: Texts) -> dict[str, list[str]]:
        """Return a digest of each demonstration's inputs, by predictor, so that a later search can leave them out."""
        return {name: self.store.asked_in(texts[name + SHOWN], name) for name in self.predictors}

    def shows(self, texts: Texts, row: dspy.Example) -> bool:
        """Return whether the candidate would show a row its own answer."""
        return any(self.store.shows(texts[name + SHOWN], name, row) for name in self.predictors)


def uncompiled(program: dspy.Module) -> dict[str, str]:
    """Return the texts of an uncompiled program."""
    predictors = dict(program.named_predictors())
    texts = {name: predictor.signature.instructions for name, predictor in predictors.items()}
    return texts | {name + SHOWN: "" for name in predictors} | {REASONING: ""}


def showing(texts: Texts, shown: str | Sequence[str]) -> dict[str, str]:
    """Return the texts with every predictor showing a set, or rows by their ids."""
    return dict(texts) | {key: demonstrations_key(shown) for key in texts if key.endswith(SHOWN)}


def given_demonstrations(program: dspy.Module) -> dict[str, Sequence[Demonstration]]:
    """Return an uncompiled program's demonstrations by predictor; empty if it has none."""
    given: dict[str, Sequence[Demonstration]] = {
        name: [dict(demo) for demo in predictor.demos] for name, predictor in program.named_predictors()
    }
    return given if any(given.values()) else {}


def uses_reasoning(program: dspy.Module) -> bool:
    """Return whether a predictor of the uncompiled program already reasons: then there is nothing to add."""
    return any(FIELD in predictor.signature.output_fields for predictor in program.predictors())


def compiled_before(
    program: dspy.Module, name: str, thinking: bool = False
) -> tuple[dict[str, str], dict[str, Sequence[Demonstration]]]:
    """Return a compiled program's texts, with its demonstrations under the name of a set, and that set.

    thinking: the uncompiled program already reasons, so the texts do not mention it.
    """
    predictors = dict(program.named_predictors())
    texts = {each: predictor.signature.instructions for each, predictor in predictors.items()}
    texts |= {each + SHOWN: demonstrations_key(name) if predictor.demos else "" for each, predictor in predictors.items()}
    texts |= {REASONING: "on" if has_reasoning(shape_of(program)) and not thinking else ""}
    return texts, {each: [dict(demo) for demo in predictor.demos] for each, predictor in predictors.items()}


def identity(job: Job, texts: Texts) -> str:
    """Return a candidate's identity: two that would send the same prompts are the same."""
    shown = {name: job.store.demonstrations(texts[name + SHOWN], name) for name in job.predictors}
    return digest(as_json([[texts[name] for name in job.predictors], shown, texts.get(REASONING, "")]))


@dataclass(frozen=True)
class Candidate:
    """One program that was scored on validation; number 0 is the seed. `metric_calls`: calls made when it was found.

    start: the start or the change that it came from; demonstrations: ids of the rows it shows or draws from; scores: on the
    first validation rows; fell_out: why it was not tried on more of them, "" if nothing spoke against it; shown:
    characters of the demonstrations in one call; only_near: it shows them only to calls similar to them.
    """

    index: int
    parents: tuple[int, ...]
    start: str
    shows: str
    instructions: Mapping[str, str]
    demonstrations: tuple[str, ...]
    reasoning: bool
    scores: tuple[float, ...]
    fell_out: str
    shown: int
    only_near: bool
    metric_calls: int
    texts: Texts = field(repr=False)

    @property
    def score(self) -> float:
        """Mean score over the validation rows it was scored on, in [0, 1]."""
        return sum(self.scores) / len(self.scores) if self.scores else 0.0

    @property
    def length(self) -> int:
        """Characters of its prompt that are constant, or constant in number, for every call."""
        return self.shown + sum(map(len, self.instructions.values()))


def described(job: Job, texts: Texts) -> str:
    """Describe a candidate's demonstrations in a few words."""
    return ", ".join(dict.fromkeys(map(demonstration_count, filter(None, _numbers_shown(job, texts))))) or demonstration_count(
        0
    )


def _numbers_shown(job: Job, texts: Texts) -> list[int]:
    """Return how many demonstrations each predictor shows, or draws the nearest from."""
    return [len(job.store.demonstrations(texts[name + SHOWN], name)) for name in job.predictors]


def is_only_near(job: Job, texts: Texts) -> bool:
    """Return whether every demonstration is shown only to calls similar to it (few_shot.py)."""
    numbers = _numbers_shown(job, texts)
    return any(numbers) and all(number == 0 or number > ALL_SHOWN for number in numbers)


def demonstration_count(number: int) -> str:
    """Describe how many demonstrations a call shows."""
    return f"the {NEAREST} nearest of {number}" if number > ALL_SHOWN else quantity(number, "row") if number else "none"


def prompt_length(job: Job, texts: Texts) -> int:
    """Count the characters of the demonstrations in one call, for the predictor that shows most."""
    lengths: list[Any] = [shown_length(job.store.demonstrations(texts[name + SHOWN], name)) for name in job.predictors]
    return int(max(lengths, default=0))
