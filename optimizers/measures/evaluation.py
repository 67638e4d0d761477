"""One program on its test rows: rules without a model, uncompiled, and compiled.

Guarantees every variant sees the same rows; answers that a training run in the same folder has paid for are replayed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dspy

from dspy_programs.registry import Compiled, is_own
from metrics.score import Score
from optimizers.calls import Progress
from optimizers.recipes import Recipe
from optimizers.scoring import Interval, Runner, bootstrap

_Scores = Mapping[str, Sequence[Score]]


@dataclass(frozen=True)
class Evaluation:
    """Scores of each variant ("twin": rules, "seed": uncompiled, "compiled"), row by row. `compiled_by`: compiling cost."""

    program: str
    rows: Sequence[dspy.Example]
    groups: Sequence[str]
    scores: _Scores
    compiled_by: Mapping[str, Any]

    def interval(self, variant: str, of: Sequence[int] | None = None) -> Interval:
        """Mean of a variant over all rows, or over the rows with these indices."""
        values = [score.value for score in self.scores[variant]]
        return bootstrap(values if of is None else [values[i] for i in of])

    @property
    def differences(self) -> list[float]:
        """Compiled - seed, row by row; empty if nothing is compiled."""
        if "compiled" not in self.scores:
            return []
        pairs = zip(self.scores["seed"], self.scores["compiled"], strict=True)
        return [after.value - before.value for before, after in pairs]

    @property
    def lift(self) -> Interval | None:
        """The paired difference compiled - seed; None if nothing is compiled."""
        return bootstrap(self.differences) if self.differences else None

    def members(self, field: str) -> dict[str, list[int]]:
        """Map each value of a row's field to the indices of its rows, most frequent first."""
        found: dict[str, list[int]] = defaultdict(list)
        for i, row in enumerate(self.rows):
            found[str(row[field])].append(i)
        return dict(sorted(found.items(), key=lambda item: (-len(item[1]), item[0])))


def evaluate_program(
    recipe: Recipe,
    rows: Sequence[dspy.Example],
    runner: Runner,
    compiled: tuple[dspy.Module, Compiled] | None,
    progress: Progress,
) -> Evaluation:
    """Score all variants. Raises ModelFailing if the model stops answering: a missing answer is never scored."""
    variants = {"seed": (_as_written(recipe), runner)}
    if not is_own(recipe.name):  # ours have rules that answer without a model
        variants = {"twin": (recipe.new_program(), replace(runner, lm=None))} | variants
    if compiled:
        variants["compiled"] = (compiled[0], runner)
    scores = {}
    for name, (program, each) in variants.items():
        progress.phase = f"{recipe.name}, {name}"
        scores[name] = each.scores(program, rows, recipe.scorer)
    used = compiled[1].provenance.training["used"] if compiled else {}
    groups = [field for field in recipe.groups if any(row.get(field) for row in rows)]  # a user's own rows need not have them
    return Evaluation(recipe.name, rows, groups, scores, used)


def _as_written(recipe: Recipe) -> dspy.Module:
    """Build the uncompiled program as a search does. DSPy renames a signature when its instructions are set, even to the same
    text, and the name is part of the request: only this way are a training run's paid answers found."""
    program = recipe.new_program()
    for predictor in program.predictors():
        predictor.signature = predictor.signature.with_instructions(predictor.signature.instructions)
    return program
