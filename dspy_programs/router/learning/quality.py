"""How good a model is at a program, as measured on your rows: a Beta distribution for each pair.

It begins at the catalogue's figure, worth `_PRIOR` rows. A row adds its score, a share in [0, 1], so graded scores count as
what they are. After `_MEMORY` rows old ones fade, so that a model which has changed is seen anew.

Input      scores from `evaluate --json`, judged traces (`reading.py`), or calls of `add`.
Output     mean(program, model), draw(...) for Thompson sampling; a JSON file.
"""

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError

_PRIOR = 4.0  # rows
_MEMORY = 300.0  # rows
_FORM = "dspy-programs route quality 1"


class Measured(NamedTuple):
    """rows: how many count (old ones fade); score: their sum."""

    rows: float
    score: float


class Quality:
    """What is known about models at programs."""

    def __init__(self, known: Mapping[str, Mapping[str, Measured]] | None = None) -> None:
        self.known: dict[str, dict[str, Measured]] = {program: dict(models) for program, models in (known or {}).items()}

    def add(self, program: str, model: str, score: float, rows: float = 1.0) -> None:
        """Add rows with this mean score. Raises UsageError for one outside [0, 1]."""
        if not 0 <= score <= 1:
            raise UsageError(f"{program}, {model}: a score of {score:g}; scores are shares in [0, 1]")
        of_program = self.known.setdefault(program, {})
        old = of_program.get(model, Measured(0.0, 0.0))
        kept = min(1.0, max(0.0, _MEMORY - rows) / old.rows) if old.rows else 1.0
        of_program[model] = Measured(old.rows * kept + rows, old.score * kept + rows * score)

    def mean(self, program: str | None, model: str, prior: float) -> float:
        """Return the quality to expect: the catalogue's where nothing was measured."""
        a, b = self.beta(program, model, prior)
        return a / (a + b)

    def draw(self, program: str | None, model: str, prior: float, rng: random.Random) -> float:
        return rng.betavariate(*self.beta(program, model, prior))

    def beta(self, program: str | None, model: str, prior: float) -> tuple[float, float]:
        rows, score = self.known.get(program or "", {}).get(model, (0.0, 0.0))
        sure = min(max(prior, 0.001), 0.999)  # of a prior of 1 nothing could be learnt
        return sure * _PRIOR + score, (1 - sure) * _PRIOR + rows - score


def read_quality(path: Path | None) -> Quality:
    """Return what a file has; nothing where there is none yet. Raises UsageError."""
    if path is None or not path.exists():
        return Quality()
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["form"] != _FORM:
            raise ValueError("of another version")
        known = {
            program: {model: Measured(float(rows), float(score)) for model, (rows, score) in models.items()}
            for program, models in said["programs"].items()
        }
        if any(not 0 <= one.score <= one.rows < math.inf for models in known.values() for one in models.values()):
            raise ValueError("scores outside [0, 1]")
        return Quality(known)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{path}: not what `route learn` writes ({error}); move it away, and learn again") from None


def write_quality(quality: Quality, path: Path) -> None:
    write_atomically(path, json.dumps({"form": _FORM, "programs": quality.known}, indent=1) + "\n")
