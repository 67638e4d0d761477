"""What a generated row must not be near: the tasks of the test, the rows to compare on, and what there is already.

Rule       contamination as in `data validate --checks contamination`, near duplicates as in `data run`; besides, a goal that
           differs from one of the test's or from a held-back one only in numbers is one of those.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dspy_programs.data import DataPair
from dspy_programs.data.checks import Checker, CheckOptions
from dspy_programs.data.growing import Known
from optimizers.harvesting import goal_key
from optimizers.loop.variation import ANSWER, ASKED

_CHECKS = ("schema", "length", "secrets", "refusals", "placeholders")

Line = Mapping[str, Any]


class Unseen:
    """Says why a row may not be used. files: of what must stay unseen, as JSONL with a goal or task in each line."""

    def __init__(self, module: str, files: Sequence[Path], known: Iterable[Line]) -> None:
        self.module = module
        files = [path for path in files if path.is_file() and path.stat().st_size]
        checks = (*_CHECKS, "contamination") if files else _CHECKS
        self._checker = Checker(CheckOptions(checks=checks, against=tuple(map(str, files))))
        self._keys = {goal_key(goal) for path in files for goal in _goals_in(path)}
        self._known = Known(by_meaning=False)
        self._known.add(map(self._pair_of, known), "the train rows")

    def fault(self, row: Line) -> str:
        """Return why a row may not be used, "" if it may; from then on it is known."""
        pair = self._pair_of(row)
        if goal_key(pair.instruction) in self._keys:
            return "the goal is one of the test's or a held-back one, but for its numbers"
        if found := [each for each in self._checker.check(pair) if each.severity == "error"]:
            return f"{found[0].check}: {found[0].message}"
        if near := self._known.near(pair):
            return f"near {near.where.partition(' of ')[2]}: {near.by} {near.likeness:.2f}"
        self._known.add([pair], "the generated rows")
        return ""

    def _pair_of(self, row: Line) -> DataPair:
        given = [row.get("context") or "", row.get("trajectory") or ""]
        return DataPair(
            instruction=str(row[ASKED[self.module]]),
            input="\n".join(each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in given).strip(),
            output=json.dumps(row[ANSWER[self.module]], ensure_ascii=False),
        )


def _goals_in(path: Path) -> Iterable[str]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield from (str(row[name]) for name in ASKED.values() if row.get(name))
