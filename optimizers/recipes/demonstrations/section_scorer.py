"""A section_scorer row as a demonstration: its most doubtful pair for the rules, with the right answer."""

from typing import Any

import dspy

from dspy_programs.programs.section_scorer import DOUBT, as_shown, shares_by_rules
from dspy_programs.types import Criterion, Section

LONGEST_SECTION = 240  # characters


def as_demonstration(row: dspy.Example) -> dict[str, dict[str, Any]]:
    """Show a row's most doubtful pair for the rules, as the scorer's predictor would have answered it."""
    section, criterion = pair_shown(row)
    inputs = as_shown(row.task, section.content, str(criterion), LONGEST_SECTION)
    return {"check": {**inputs, "asks": kind_shown(row)}}


def kind_shown(row: dspy.Example) -> str:
    """Return whether the demonstration of a row shows a yes or a no."""
    section, criterion = pair_shown(row)
    return "yes" if section.name in row.covering.get(criterion.name, []) else "no"


def pair_shown(row: dspy.Example) -> tuple[Section, Criterion]:
    shares = shares_by_rules(row.sections, row.rubric)
    pairs = [(section, criterion) for section in row.sections for criterion in row.rubric.criteria]
    return min(pairs, key=lambda pair: abs(shares[pair[0].name][pair[1].name] - sum(DOUBT) / 2))
