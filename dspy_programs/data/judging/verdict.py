"""From scores to a verdict: the rubric's pass condition, on its own scale, and minimums that the user adds.

Formats    a rubric of the data flywheel compares with numbers from 0 to 10 (`overall >= 7`), ours with shares: a condition
           in which some score is compared with a number above 1 is on the larger scale.
"""

import ast
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from dspy_programs.data.judging.judgment import OVERALL, TOP
from dspy_programs.errors import UsageError
from dspy_programs.rubric import passes
from dspy_programs.types import Rubric

_MINIMUM = "QUALITY_MIN_"
_OVERALL_ALSO = "score"  # QUALITY_MIN_SCORE
_ROUNDED = 4  # digits of a score in a file
_SAME = 1e-9


class Verdict(NamedTuple):
    """scores: from 0 to 10, with `overall`."""

    scores: dict[str, float]
    passed: bool


def scale_of(rubric: Rubric) -> float:
    """Return the largest score of the scale that the pass condition speaks of: 1 or 10."""
    return _scale_in(rubric.pass_condition)


@lru_cache(maxsize=64)
def _scale_in(condition: str) -> float:
    compared = [node for node in ast.walk(ast.parse(condition.strip(), mode="eval")) if isinstance(node, ast.Compare)]
    sides = [side for node in compared for side in (node.left, *node.comparators)]
    return TOP if any(isinstance(side, ast.Constant) and _is_above_one(side.value) for side in sides) else 1.0


def _is_above_one(value: object) -> bool:
    return isinstance(value, int | float) and value > 1


def verdict_on(rubric: Rubric, shares: Mapping[str, float], minimums: Mapping[str, float]) -> Verdict:
    """Return the scores and whether they pass.

    shares: criterion -> share in [0, 1]. minimums: criterion or `overall` -> the least share that passes.
    """
    scale = scale_of(rubric)
    all_shares = {**shares, OVERALL: rubric.overall(shares)}
    passed = passes(rubric, {name: share * scale for name, share in shares.items()}) and all(
        all_shares.get(name, 0.0) >= least - _SAME for name, least in minimums.items()
    )
    return Verdict({name: round(share * TOP, _ROUNDED) for name, share in all_shares.items()}, passed)


def minimums_of(rubric: Rubric, environment: Mapping[str, str] = os.environ) -> dict[str, float]:
    """Return what QUALITY_MIN_SCORE and QUALITY_MIN_<CRITERION> ask for, as shares.

    A number above 1 is on the scale from 0 to 10. Raises UsageError for what is no such number. One for a criterion that the
    rubric does not have is none of this rubric's.
    """
    found = {}
    for name in (OVERALL, *(criterion.name for criterion in rubric.criteria)):
        variables = [_MINIMUM + name.upper()] + ([_MINIMUM + _OVERALL_ALSO.upper()] if name == OVERALL else [])
        for variable in variables:
            if said := environment.get(variable, "").strip():
                found[name] = _share_of(variable, said)
    return found


def _share_of(variable: str, said: str) -> float:
    try:
        value = float(said)
    except ValueError:
        value = -1.0
    if not 0 <= value <= TOP:
        raise UsageError(f"{variable}={said[:40]}: give a number from 0 to 10")
    return value / TOP if value > 1 else value
