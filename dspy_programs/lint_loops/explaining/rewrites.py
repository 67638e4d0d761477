"""The mended loop as code, where it surely does the same: what --fix would write, or one of edits.py.

Guarantees what is returned parses, and the pattern is not in it any more (rewrite_checks.py); "" where no rewrite is sure.
"""

from collections.abc import Mapping, Sequence

from dspy_programs.errors import MissingExtra
from dspy_programs.lint_loops.explaining.context import Placed, all_placed, chosen
from dspy_programs.lint_loops.explaining.edits import edited
from dspy_programs.lint_loops.explaining.rewrite_checks import fault_of
from dspy_programs.lint_loops.fixing.fix import fixed
from dspy_programs.lint_loops.patterns import APPEND, STRING, Pattern


def rewrite_of(code: str, pattern: Pattern, suggestion: str, types: Mapping[str, str], keeps: Sequence[str] = ()) -> str:
    """Mend a cut-out, a loop with the lines before it. types, keeps: as in context.py."""
    places = all_placed(code, pattern, types, keeps)
    if not places:
        return ""
    found = chosen(places, suggestion)
    alike = [each.hit for each in places if each.hit.mend == found.hit.mend]
    new = _fixed(found) or found.context.cut(edited(found, alike, types))
    if pattern is STRING and new:
        loops = all_placed(new, APPEND, types, keeps)
        new = (_fixed(loops[0]) if loops else "") or new
    return new if new and not fault_of(new, code, pattern, suggestion, types, keeps) else ""


def _fixed(found: Placed) -> str:
    """Return what --fix makes of the cut-out; "" if it leaves it alone, or without its extra."""
    try:
        new, count = fixed(found.context.text.encode(), {found.hit.pattern.code}, {found.hit.node.lineno})
    except MissingExtra:
        return ""
    return found.context.cut(new.decode()) if count else ""
