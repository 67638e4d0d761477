"""Check a call's arguments against the function's JSON schema, and repair values that are merely in the wrong format.

Input      function: Function; arguments: what a model wrote, any JSON value.
Output     arguments: dict, repaired; repairs: list[str], what was changed; problems: list[str], what is still wrong.
           A call may be made if `problems` is empty. Nothing is filled in: defaults are up to the function.
Guarantees never raises and always terminates, whatever the schema or the value; the given arguments are not changed;
           repairs lose nothing: valid values are returned unchanged, and repairing is idempotent.
Repaired   "5" for an integer, "2.5" for a number, "true" for a boolean, 5 for a string, 5.0 for an integer; JSON in a
           string for a list or an object; one value for a list of such; an enum or a name in another case or spacing;
           null for an optional value, which is then dropped.
Unchecked  pattern, format, contains, propertyNames, the names of patternProperties: a pattern can take forever to match.
"""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic_core import to_json

from dspy_programs.programs.actor.arguments.compiler import Compiler
from dspy_programs.programs.actor.arguments.report import Check, Report
from dspy_programs.types import Function


class _Checked(NamedTuple):
    """The arguments after repair, what was repaired, and what is still wrong."""

    arguments: dict[str, Any]
    repairs: list[str]
    problems: list[str]


def check(function: Function, arguments: Any) -> _Checked:
    """Check the arguments of one call; the function's checker is built once and cached."""
    report = Report([0])
    try:
        checker = _checker_of(to_json(function.parameters))
    except ValueError as error:  # a lone surrogate in it, or hundreds of levels
        return _Checked({}, [], [f"the schema of {function.name} cannot be read: {str(error)[:100]}"])
    repaired = checker(arguments, "", report, 0)
    return _Checked(repaired if isinstance(repaired, dict) else {}, report.repairs_told(), report.problems_told())


@lru_cache(maxsize=1024)
def _checker_of(parameters: bytes) -> Check:
    root = json.loads(parameters)
    return Compiler(root).whole()
