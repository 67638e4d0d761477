"""Plans of a small model that are nearly right: what can be mended without a guess is mended."""

import re
from collections.abc import Sequence

from dspy_programs.text import words
from dspy_programs.types import Task

_AGAIN = re.compile(r"\b(?:again|once more|a second time)\b", re.IGNORECASE)


def without_loose_ends(tasks: Sequence[Task]) -> list[Task]:
    """Return a plan in which no task waits for one that there is not, or for itself, and none appears twice."""
    kept: list[Task] = []
    instead: dict[int, int] = {}
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for task in tasks:
        content = (task.tool, tuple(words(_AGAIN.sub("", task.title))))
        instead[task.id] = seen.setdefault(content, task.id)
        if instead[task.id] == task.id:
            kept.append(task)
    ids = {task.id for task in kept}
    waits = {task.id: dict.fromkeys(instead.get(one, one) for one in task.depends_on) for task in kept}
    return [
        task.model_copy(update={"depends_on": [one for one in waits[task.id] if one in ids and one != task.id]})
        for task in kept
    ]
