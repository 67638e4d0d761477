"""Whether a run of WorkBench went well: whether its calls leave the same behind as those of the gold answer.

Input      raw: the folder that holds actor/workbench/; the steps of a run; the calls of the gold answer as Python text.
Output     True, False, or None where the source and a reader differ: it counts a plot until today as wrong, because there
           are visits until yesterday only.
Guarantees calls count in any order, letters in any case; not those that a tool turned down, nor what is set to the value it
           has, made and deleted again, or changed and then deleted. Nothing of a source is executed.
Source     WorkBench (Styles et al. 2024) compares the state after the run in the same way.
"""

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optimizers.sources.failure_judge_runs import WRITES, Step
from optimizers.sources.reading import read_csv

_TODAY, _LAST_DAY = "2023-11-30", "2023-11-29"
_TURNED_DOWN = re.compile(
    r"not (?:found|provided|valid)|^Invalid |^Missing |must be one of|is not a valid tool|only access|^Error"
)
_TABLES = {
    "calendar": ("calendar_events", "event_id"),
    "customer_relationship_manager": ("customer_relationship_manager_data", "customer_id"),
    "project_management": ("project_tasks", "task_id"),
}

Stored = Mapping[tuple[str, str], Mapping[str, str]]
"""The records that can be updated, by tool and id, as they are before every run."""


def stored_records(raw: Path) -> Stored:
    """Read them. Raises DatasetError if a file is missing."""
    return {
        (room, row[key]): row
        for room, (file, key) in _TABLES.items()
        for row in read_csv(raw / f"actor/workbench/processed/{file}.csv")
    }


def went_well(steps: Sequence[Step], gold: Sequence[str], stored: Stored) -> bool | None:
    """Compare what the steps change with what the gold calls change."""
    done, right = _Changes(stored), _of_gold(gold, stored)
    for name, given, output, _ in steps:
        if WRITES.search(name) and isinstance(given, dict) and not _TURNED_DOWN.search(str(output)[:200]):
            done.apply(name, given, output)
    if done.result() == right.result():
        return True
    return None if done.result(_TODAY) == right.result(_TODAY) else False


def changes_something(gold: Sequence[str], stored: Stored) -> bool:
    """Whether a run has to do anything to go well; one that broke off at once has if not."""
    return any(_of_gold(gold, stored).result())


def _of_gold(gold: Sequence[str], stored: Stored) -> "_Changes":
    right = _Changes(stored)
    for text in gold:
        node = ast.parse(text, mode="eval").body
        if isinstance(node, ast.Call):
            given = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
            right.apply(ast.unparse(node.func).removesuffix(".func"), given)
    return right


class _Changes:
    """What calls have changed in the end."""

    def __init__(self, stored: Stored) -> None:
        self.stored = stored
        self.made: dict[str, dict[str, str]] = {}
        self.fields: dict[tuple[str, str, str], str] = {}
        self.gone: set[tuple[str, str]] = set()

    def apply(self, name: str, given: Mapping[str, Any], output: Any = "") -> None:
        """Take one call that changes something. output: the id of what was made, if there is one."""
        room, _, verb = name.rpartition(".")
        plain = {key: str(value).lower() for key, value in given.items() if value not in (None, "")}
        id_ = next((value for key, value in plain.items() if key.endswith("_id")), "")
        if not verb.startswith(("update_", "delete_")):
            place = str(output) if str(output).isdigit() else f"{len(self.made)} {name}"
            self.made[place] = {"tool": name, **plain}
        elif verb.startswith("delete_"):
            if not self.made.pop(id_, None):
                self.gone.add((room, id_))
        elif id_ in self.made:
            self.made[id_][plain.get("field", "")] = plain.get("new_value", "")
        else:
            self.fields[room, id_, plain.get("field", "")] = plain.get("new_value", "")

    def result(self, today: str = "") -> tuple[object, ...]:
        """Return it all in a form to compare. today: a plot until then counts as one until the last day with visits."""
        texts = [str(sorted(fields.items())) for fields in self.made.values()]
        made = Counter(text.replace(today, _LAST_DAY) if today and "create_plot" in text else text for text in texts)
        fields = {
            key: value
            for key, value in self.fields.items()
            if key[:2] not in self.gone and self.stored.get(key[:2], {}).get(key[2], "").lower() != value
        }
        return made, fields, self.gone
