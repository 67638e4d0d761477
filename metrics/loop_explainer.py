"""Does the explanation name the right variables and the right growth and nothing that is not there; does the rewrite hold?

Input      gold: Example with `code`, `pattern`, `suggestion`, `types`, `keeps`, and its labels `variables`, `cost`, `rewrite`
           ("" if none surely does the same) and `harness`; pred: a LoopExplainer's Prediction (`explanation`, `rewrite`,
           `refused`, `failure`). Any field may be missing or malformed.
Output     Score: variables, cost, names, rewrite, each in [0, 1], and a line of feedback for each that is not 1.
Guarantees never raises, never draws at random; an unreadable reply scores 0. A rewrite scores 1 if it passes the linter's
           checks and gives what the code gives on every input of the harness; without a harness, if it is the known rewrite
           but for its new names, else UNPROVEN. Where no rewrite is known to be sure, none scores 1 and any 0.
"""

import ast
import builtins
import keyword
import re
from collections.abc import Callable, Sequence
from typing import Any

import dspy
from pydantic import BaseModel

from dspy_programs.lint_loops import BY_NAME, fault_of
from metrics.complexity import class_of
from metrics.score import Component, Metric, Score, composite, strings, unreadable

WEIGHTS = {"variables": 0.2, "cost": 0.2, "names": 0.1, "rewrite": 0.5}
UNPROVEN = 0.8
"""The score of another rewrite than the known one that passes the checks, where nothing can be run."""
_QUOTED = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"(?<![\w\\])[A-Za-z_]\w*")
_LIKE_CODE = re.compile(r"\b[A-Za-z]\w*_\w+|\b[a-z]+[A-Z]\w*|\b[A-Za-z_]\w*(?=\()")
_WORDS = frozenset(
    "n m k O log re itertools collections functools operator combinations deque Counter defaultdict join append extend add "
    "appendleft setdefault get items keys values compile match search sub findall fullmatch split known parts "
    "pattern ordered size value item CPython Python PyPy".split()
)


class Harness(BaseModel):
    """How a row's code is run. setup: Python that runs first, after the inputs have their names.

    inputs: values by name, one mapping for each run; results: the names compared afterwards; expected: what they are, in words.
    """

    setup: str = ""
    inputs: list[dict[str, Any]]
    results: list[str]
    expected: list[str]


Run = Callable[[str, Harness], Sequence[str] | None]
"""Code and how to run it -> what the results are, in the words of `expected`; None if it could not be run to its end."""


def explanation_holds(run: Run) -> Metric:
    """Return the metric. run: runs code that a model wrote, where it can do no harm."""

    def metric(gold: dspy.Example, pred: dspy.Prediction) -> Score:
        explanation, rewrite = getattr(pred, "explanation", None), getattr(pred, "rewrite", None)
        if getattr(pred, "failure", None) is not None or not isinstance(explanation, str) or not isinstance(rewrite, str):
            right = f"{', '.join(strings(gold, 'variables'))} with {getattr(gold, 'cost', '')}"
            return unreadable({**WEIGHTS, "format": 0.0}, pred, "an explanation", "it has none", right)
        return composite(
            [
                _variables(gold, explanation),
                _cost(gold, explanation),
                _names(gold, explanation, rewrite),
                _rewrite(gold, pred, rewrite, run),
            ]
        )

    return metric


def _variables(gold: dspy.Example, explanation: str) -> Component:
    wanted = strings(gold, "variables")
    missing = [name for name in wanted if not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", explanation)]
    value = 1 - len(missing) / len(wanted) if wanted else 1.0
    return Component("variables", value, WEIGHTS["variables"], f"it does not name {', '.join(missing)}" if missing else "")


def _cost(gold: dspy.Example, explanation: str) -> Component:
    right = str(getattr(gold, "cost", ""))
    wanted, said = class_of(right), class_of(explanation)
    if wanted is None or said == wanted:
        return Component("cost", 1.0, WEIGHTS["cost"])
    fault = f"say how the time grows now, first of all: {right}"
    return Component("cost", 0.0, WEIGHTS["cost"], f"{fault}; it says another" if said else f"{fault}; it says none")


def _names(gold: dspy.Example, explanation: str, rewrite: str) -> Component:
    """Look for names that stand in neither the code nor Python: in backticks, or written like code."""
    known = {*_WORDS, *dir(builtins), *keyword.kwlist, *_NAME.findall(rewrite)}
    for field in ("code", "suggestion", "rewrite", "pattern"):
        known.update(_NAME.findall(str(getattr(gold, field, ""))))
    spans = _QUOTED.findall(explanation)
    said = [name for span in spans for name in _NAME.findall(span)] + _LIKE_CODE.findall(_QUOTED.sub(" ", explanation))
    foreign = [name for name in dict.fromkeys(said) if name not in known]
    fault = f"it names {', '.join(foreign[:3])}, which is not in the code" if foreign else ""
    return Component("names", 0.0 if foreign else 1.0, WEIGHTS["names"], fault)


def _rewrite(gold: dspy.Example, pred: Any, rewrite: str, run: Run) -> Component:
    known = str(getattr(gold, "rewrite", ""))
    value, fault = _of_rewrite(gold, rewrite, known, run)
    refused = getattr(pred, "refused", None)
    if not rewrite and isinstance(refused, str) and refused:
        value, fault = 0.0, f"the rewrite is refused: {refused}" + (f"; right: {known!r}" if known else "; leave it empty")
    return Component("rewrite", value, WEIGHTS["rewrite"], fault)


def _of_rewrite(gold: dspy.Example, rewrite: str, known: str, run: Run) -> tuple[float, str]:
    if not rewrite:
        return (0.0, f"there is a rewrite that does the same: {known!r}") if known else (1.0, "")
    if not known:
        return 0.0, "no rewrite is known to do the same here; leave it empty"
    pattern, code = BY_NAME.get(str(getattr(gold, "pattern", ""))), str(getattr(gold, "code", ""))
    if pattern is None:
        return 0.0, "the row names no pattern"
    types = getattr(gold, "types", None)
    fault = fault_of(
        rewrite, code, pattern, str(getattr(gold, "suggestion", "")), dict(types) if types else {}, strings(gold, "keeps")
    )
    if fault:
        return 0.0, f"{fault}; right: {known!r}"
    harness = getattr(gold, "harness", None)
    if isinstance(harness, Harness):
        return _as_expected(run(rewrite, harness), harness)
    return (1.0, "") if _shape(rewrite, code) == _shape(known, code) else (UNPROVEN, f"compare with {known!r}")


def _as_expected(got: Sequence[str] | None, harness: Harness) -> tuple[float, str]:
    if got is None:
        return 0.0, "the rewrite does not run to its end"
    for values, is_, wanted in zip(harness.inputs, got, harness.expected, strict=False):
        if is_ != wanted:
            return 0.0, f"with {str(values)[:150]} the rewrite gives {is_[:100]}, and the code {wanted[:100]}"
    return (1.0, "") if len(got) == len(harness.expected) else (0.0, "the rewrite does not run to its end")


def _shape(text: str, code: str) -> str:
    """Return the tree of a rewrite with its new names numbered in order."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    known, new = {*_NAME.findall(code), *dir(builtins)}, dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in known:
            node.id = new.setdefault(node.id, f"new {len(new)}")
    return ast.dump(tree)
