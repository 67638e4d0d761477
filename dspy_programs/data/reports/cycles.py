"""The cycles that a data set grew in, from its last checkpoint, in the data flywheel's form or ours."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.data.folder import DataFolder

_CHECKPOINT = re.compile(r"checkpoint_(\d{1,6})\.json")
_GROWN = "grown"


class Cycle(NamedTuple):
    """total: pairs with a verdict; quality: mean overall score, as judged."""

    number: int
    total: int
    passed: int
    quality: float


def checkpoint_of(folder: DataFolder, name: str) -> Path | None:
    """Return the last checkpoint of the growth that made a data set."""
    root = folder.checkpoints if name == _GROWN else folder.checkpoints_of(name)
    found = [(int(match[1]), path) for path in root.glob("*.json") if (match := _CHECKPOINT.fullmatch(path.name))]
    return max(found)[1] if found else None


def cycles_in(path: Path) -> list[Cycle]:
    """Return the cycles; none if the file is no checkpoint."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    listed = content.get("cycles") if isinstance(content, dict) else None
    return [_cycle(each, number) for number, each in enumerate(listed or [], 1) if isinstance(each, dict)]


def _cycle(each: dict[str, Any], number: int) -> Cycle:
    metrics = each.get("eval_metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    said = each.get("cycle_id")
    number = said if isinstance(said, int) else number
    total, passed = (_number(metrics.get(name)) for name in ("total", "passed"))
    return Cycle(number, int(total), int(min(passed, total)), _number(each.get("avg_quality_score")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value == value and value >= 0 else 0.0
