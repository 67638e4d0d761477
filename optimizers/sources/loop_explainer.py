"""Slow loops of published packages, and loops from templates that can be run, as rows of loop_explainer.

Input      raw: a folder of installed packages (site-packages) with those of PACKAGES.
Output     {"train": rows, "val": rows, "test": rows}; a row is {id, code, pattern, suggestion, types, keeps, variables, cost,
           rewrite, harness, source, package, version, licence}.
Guarantees the same input gives the same rows, bit for bit; a package and a template are in one split only; no two rows have the
           same code; a rewrite has no fault, and of a row with a harness it gives what the code gives on every input.
Raises     DatasetError if a package is missing or says no licence, or if a rewrite is not what it should be.
Source     the packages named in the data card.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from string import Template as Words
from typing import Any

from dspy_programs.errors import DatasetError
from dspy_programs.lint_loops import BY_NAME, excerpts_of, explain_by_rules, fault_of, lint, suggestion_in, text_of
from metrics.loop_explainer import Harness
from optimizers.recipes import results_of
from optimizers.sources.loop_templates import TEMPLATES, THEMES, Template
from optimizers.sources.packages import told_of

SEED = 20261201
PACKAGES: Mapping[str, Mapping[str, str]] = {
    "train": {
        "alembic": "alembic",
        "botocore": "botocore",
        "fontTools": "fonttools",
        "pygments": "Pygments",
        "sqlalchemy": "SQLAlchemy",
    },
    "val": {"_pytest": "pytest", "datasets": "datasets", "jedi": "jedi", "libcst": "libcst"},
    "test": {"IPython": "ipython", "aiohttp": "aiohttp", "mypy": "mypy"},
}
"""split -> folder in site-packages -> the name it is published under."""
_OF_PACKAGES = {"train": 150, "val": 45, "test": 45}
_MOST_OF_PATTERN = 0.2  # of the rows of a split that come from packages
_MOST_LINES, _MOST_CHARACTERS = 25, 1_100
_SIZES = (0, 1, 3, 6, 9)

Row = dict[str, Any]


def build(raw: Path, packages: Mapping[str, Mapping[str, str]] = PACKAGES) -> dict[str, list[Row]]:
    """Draw the rows of each split."""
    seen: set[str] = set()
    splits = {}
    for split in ("train", "val", "test"):
        draw = random.Random(f"{SEED} {split}")
        made = [_made(template, theme, draw) for template in TEMPLATES for theme in THEMES if template.split == split]
        found = _drawn([*_found(raw, packages[split])], _OF_PACKAGES[split], seen, draw)
        draw.shuffle(made)
        rows = [row for pair in zip_longest(found, made) for row in pair if row]
        splits[split] = [{"id": f"{split}-{at:03}", **row} for at, row in enumerate(rows)]
    return splits


def _made(template: Template, theme: Mapping[str, str], draw: random.Random) -> Row:
    """Fill a template with words, and run it on inputs."""

    def said(text: str) -> str:
        return Words(text).substitute(theme)

    code, types = said(template.code), {said(name): kind for name, kind in template.types.items()}
    keeps = [said(name) for name in template.keeps]
    names = {name: theme.get(name, name) for name in template.inputs}
    inputs = [{names[name]: make(draw, size) for name, make in template.inputs.items()} for size in _SIZES]
    row = _row(code, template.pattern, suggestion_in(code, BY_NAME[template.pattern], types, keeps), types, keeps)
    if row is None:
        raise DatasetError(f"loop_templates.py: {template.pattern} is not found in {code!r}")
    row["rewrite"] = said(template.rewrite) or row["rewrite"]
    harness = Harness(setup=template.setup, inputs=inputs, results=keeps, expected=[])
    expected, mended = results_of(code, harness), results_of(row["rewrite"], harness)
    fault = fault_of(row["rewrite"], code, BY_NAME[template.pattern], row["suggestion"], types, keeps)
    if expected is None or expected != mended or fault:
        raise DatasetError(f"loop_templates.py: {row['rewrite']!r} does not do what {code!r} does: {fault or mended}")
    told = {"source": "template", "package": "", "version": "", "licence": ""}
    return row | {"harness": harness.model_copy(update={"expected": [*expected]}).model_dump(), **told}


def _found(raw: Path, packages: Mapping[str, str]) -> Iterator[Row]:
    """Yield a row for each finding in packages whose loop can be cut out and explained."""
    for folder, package in told_of(raw, packages).items():
        findings = lint([raw / folder], processes=1).findings
        for file in sorted({each.file for each in findings}):
            cut = excerpts_of(text_of(Path(file).read_bytes()), [each for each in findings if each.file == file])
            for finding, excerpt in cut.items():
                code = excerpt.code
                row = _row(code, finding.pattern.name, finding.suggestion, excerpt.types, excerpt.keeps)
                is_short = code.count("\n") < _MOST_LINES and len(code) <= _MOST_CHARACTERS
                if row is not None and is_short and suggestion_in(code, finding.pattern, excerpt.types, excerpt.keeps):
                    yield row | {"harness": None, "source": "package", **package}


def _row(code: str, pattern: str, suggestion: str, types: Mapping[str, str], keeps: Sequence[str]) -> Row | None:
    """Return a row with what the linter's rules know of it; None if they cannot find the pattern in it."""
    found = explain_by_rules(code, BY_NAME[pattern], suggestion, types, keeps)
    if not found.cost or not suggestion:
        return None
    inputs = {"code": code, "pattern": pattern, "suggestion": suggestion, "types": dict(types), "keeps": list(keeps)}
    return inputs | {"variables": list(found.variables), "cost": found.cost, "rewrite": found.rewrite}


def _drawn(rows: Sequence[Row], most: int, seen: set[str], draw: random.Random) -> list[Row]:
    """Draw rows of every pattern in turn, none of them more often than its share; no code twice."""
    by_pattern: dict[str, list[Row]] = {}
    for row in draw.sample(rows, len(rows)):
        plain = " ".join(row["code"].split())
        if plain not in seen:
            seen.add(plain)
            by_pattern.setdefault(row["pattern"], []).append(row)
    share = int(most * _MOST_OF_PATTERN)
    turns = zip_longest(*(by_pattern[pattern][:share] for pattern in sorted(by_pattern)))
    return [row for turn in turns for row in turn if row][:most]
