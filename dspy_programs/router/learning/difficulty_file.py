"""What `route fit` has learnt, as a file, and the rows that it learns from.

Raises     UsageError: with the line of a row, or the file.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dspy_programs.atomic_file import write_atomically
from dspy_programs.errors import UsageError
from dspy_programs.router.learning.difficulty import SIZE, Difficulty, Row

_FORM = "dspy-programs route difficulty 1"


class Easy(NamedTuple):
    """For a program: where `cheap` is as good as `strong`. Both are ids of the catalogue."""

    program: str
    cheap: str
    strong: str
    difficulty: Difficulty


def read_rows(path: Path, cheap: str, strong: str) -> list[Row]:
    """Read lines {"text": ..., "scores": {MODEL: SHARE, ...}}; a row without both models is left out."""
    rows = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            text, scores = row["text"], row["scores"]
            if not isinstance(text, str) or not all(0 <= float(score) <= 1 for score in scores.values()):
                raise ValueError("text is a text, and scores are shares in [0, 1]")
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            said = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise UsageError(f'{path}:{number}: not a row {{"text": ..., "scores": {{MODEL: SHARE}}}} ({said})') from None
        if cheap in scores and strong in scores:
            rows.append(Row(text, float(scores[cheap]), float(scores[strong])))
    return rows


def read_easy(path: Path | None) -> Easy | None:
    """Return what a file has; None where there is none."""
    if path is None or not path.exists():
        return None
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["form"] != _FORM:
            raise ValueError("of another version")
        weights = np.array(said["weights"], dtype=float)
        difficulty = Difficulty(weights, float(said["base"]), float(said["threshold"]))
        if weights.shape != (SIZE,) or not np.isfinite([*weights, difficulty.base, difficulty.threshold]).all():
            raise ValueError("other weights")
        return Easy(str(said["program"]), str(said["cheap"]), str(said["strong"]), difficulty)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise UsageError(f"{path}: not what `route fit` writes ({error}); move it away, and fit again") from None


def write_easy(easy: Easy, path: Path) -> None:
    told = easy._asdict() | {
        "form": _FORM,
        "weights": [round(float(one), 6) for one in easy.difficulty.weights],
        "base": easy.difficulty.base,
        "threshold": easy.difficulty.threshold,
    }
    del told["difficulty"]
    write_atomically(path, json.dumps(told) + "\n")
