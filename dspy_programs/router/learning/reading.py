"""Reads how good models were: what `evaluate --json` wrote, judged traces, or plain rows.

evaluate   {"lm": SPEC, "programs": [{"program": ..., "variants": {"compiled": {"rows": [{"value": 0.8, ...}]}}}]}: the compiled
           variant counts, else the uncompiled one
judged     one report of `failures` a line, as it is or as `report` beside `model` and `program`: a run that failed counts 0,
           one that did not 1; what nobody could tell is left out
rows       one {"model": ID, "program": NAME, "score": SHARE} a line
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dspy_programs.errors import UsageError
from dspy_programs.router.catalogue import Catalogue

_VARIANTS = ("compiled", "seed")


class Scored(NamedTuple):
    """One row: a program's answer on a model, as a share in [0, 1]."""

    program: str
    model: str
    score: float


def scores_in(path: Path, catalogue: Catalogue, model: str | None = None, program: str | None = None) -> list[Scored]:
    """Return the rows of a file. model, program: where it does not say. Raises UsageError, with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "programs" in whole:
        found = list(_of_evaluate(whole, path))
    else:
        found = list(_of_lines(text, path, program))
    ids = {one.spec: one.id for one in catalogue.models} | {one.id: one.id for one in catalogue.models}
    scored = []
    for each in found:
        name = model or each.model
        if name not in ids:
            raise UsageError(f"{path}: {name or 'a row'} names no model of the catalogue; say which with --model")
        scored.append(each._replace(model=ids[name]))
    if not scored:
        raise UsageError(f"{path}: has no scores; give what `evaluate --json` writes, judged traces, or rows with a score")
    return scored


def _of_evaluate(whole: dict[str, Any], path: Path) -> Iterator[Scored]:
    try:
        for each in whole["programs"]:
            variants = each["variants"]
            variant = next(name for name in _VARIANTS if name in variants)
            for row in variants[variant]["rows"]:
                yield Scored(each["program"], str(whole.get("lm") or ""), _share(row["value"]))
    except (KeyError, TypeError, ValueError, StopIteration, AttributeError) as error:
        raise UsageError(f"{path}: not what `evaluate --json` writes ({type(error).__name__}: {error})") from None


def _of_lines(text: str, path: Path, program: str | None) -> Iterator[Scored]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            score = _score_of(row)
            if score is not None:
                yield Scored(program or row["program"], str(row.get("model") or ""), score)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            said = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise UsageError(f"{path}:{number}: not a row with program, model and score, nor a judged trace ({said})") from None


def _score_of(row: dict[str, Any]) -> float | None:
    """Return what a row is worth, None where nobody could tell."""
    if "score" in row:
        return _share(row["score"])
    mode = (row.get("report") or row)["classified_failure_mode"]
    return None if mode == "UNKNOWN" else float(mode == "none")


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise ValueError(f"a score of {value!r}; scores are shares in [0, 1]")
    return float(value)
