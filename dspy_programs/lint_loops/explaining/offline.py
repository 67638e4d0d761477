"""The explanation without a model: the reason with this code's names, and the mended loop where that is sure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dspy_programs.lint_loops.explaining.context import placed
from dspy_programs.lint_loops.explaining.reasons import Reason, reason_of
from dspy_programs.lint_loops.explaining.rewrites import rewrite_of
from dspy_programs.lint_loops.patterns import Pattern


class Explanation(NamedTuple):
    """rewrite: "" where none surely does the same; variables, cost: what the explanation must name, () and "" if unknown."""

    explanation: str
    rewrite: str
    variables: tuple[str, ...] = ()
    cost: str = ""


def explain_by_rules(
    code: str, pattern: Pattern, suggestion: str, types: Mapping[str, str], keeps: Sequence[str] = ()
) -> Explanation:
    """Explain a pattern in a cut-out (context.py); what the linter cannot find in it is explained as the pattern in general."""
    found = placed(code, pattern, suggestion, types, keeps)
    if found is None:
        return Explanation(pattern.explanation, "")
    reason: Reason = reason_of(found.hit, found.loop)
    return Explanation(reason.text, rewrite_of(code, pattern, suggestion, types, keeps), reason.variables, reason.cost)


def suggestion_in(code: str, pattern: Pattern, types: Mapping[str, str], keeps: Sequence[str] = ()) -> str:
    """Return what the linter suggests for the first place with a pattern in a cut-out; "" if it is not there."""
    found = placed(code, pattern, "", types, keeps)
    return found.hit.mend if found else ""
