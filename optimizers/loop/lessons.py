"""What a failure should teach: a row with a right answer of the kind that went wrong.

For the actor, the call that mended the failed step, else the nearest row that calls the same tool; for the planner, the row
with the nearest goal whose plan has a tool in common with the plan that failed. A failure that is near nothing teaches nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dspy_programs.predict import Index
from optimizers.loop.variation import ANSWER, ASKED

_MOST_FAILURES = 200  # the latest
_MOST_ROWS = 2000  # that are searched for the nearest

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Lesson:
    """row: to be varied; failed: the id of the failure; feedback: what was wrong."""

    row: Line
    failed: str
    feedback: str


def lessons_of(module: str, failures: Sequence[Line], rows: Iterable[Line]) -> Iterator[Lesson]:
    """Yield a lesson for each failure that there is a right answer near to, the latest first."""
    known = list(islice(rows, _MOST_ROWS))
    if not known:
        return
    index = Index([{"asked": row[ASKED[module]]} for row in known], ("asked",))
    for failure in reversed(failures[-_MOST_FAILURES:]):
        row = _mend(failure, known) or _nearest(module, failure, known, index)
        if row is not None:
            yield Lesson(row, str(failure["id"]), str(failure["feedback"]))


def _mend(failure: Line, rows: Sequence[Line]) -> Line | None:
    """Return the row of the call that mended this failed step."""
    where = _place(failure)
    mends = (row for row in rows if row.get("provenance", {}).get("label") == "corrected")
    return next((row for row in mends if _place(row) == where), None)


def _place(line: Line) -> tuple[Any, ...]:
    told = line.get("provenance", {})
    return told.get("source"), told.get("trace"), told.get("turn")


def _nearest(module: str, failure: Line, rows: Sequence[Line], index: Index) -> Line | None:
    tools = _tools(failure["reply"].get(ANSWER[module]))
    likeness = index.likeness({"asked": failure["inputs"][ASKED[module]]})
    able = [at for at, row in enumerate(rows) if likeness[at] > 0 and tools & _tools(row[ANSWER[module]])]
    return rows[max(able, key=lambda at: likeness[at])] if able else None


def _tools(answer: Any) -> set[str]:
    return {str(each["tool"]) for each in answer or ()}
