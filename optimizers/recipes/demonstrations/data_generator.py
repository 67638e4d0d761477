"""A data_generator row as a demonstration: a human pair of the same template."""

from collections.abc import Mapping
from typing import Any

import dspy

from dspy_programs.programs.data_generator import MEANING, subject


def as_demonstration(row: dspy.Example) -> Mapping[str, dict[str, Any]]:
    """Show a row as the one predictor would have answered it: with a human pair of the same template."""
    (example, *_) = row.examples
    inputs = {"kind": f"{row.template}: {MEANING[row.template]}", "failures": row.failures, "subject": subject(row.seed)}
    return {"write": {**inputs, "written": [], "pair": example.model_dump()}}
