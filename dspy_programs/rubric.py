"""Read a rubric from YAML or JSON, and apply its pass condition: an expression, checked when read, never executed.

A condition compares numbers: the criteria's names, `overall`, constants, + - * /, min, max, abs; joined by and, or, not.
"""

import ast
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError
from simpleeval import SimpleEval

from dspy_programs import strict_yaml
from dspy_programs.errors import UsageError, first_fault
from dspy_programs.text_stream import text_in
from dspy_programs.types import Rubric

DEFAULT = "quality"
LARGEST_FILE = 100_000  # bytes
FUNCTIONS = {"min": min, "max": max, "abs": abs}
_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)


def read_rubric(path: Path | str) -> Rubric:
    """Read a rubric from a YAML or JSON file.

    Args:
        path: The file.

    Returns:
        The rubric, its pass condition checked.

    Raises:
        UsageError: It cannot be read or used, as "file: field: why".
    """
    path = Path(path)
    text = text_in(path, LARGEST_FILE, "a rubric")
    try:
        rubric = Rubric.model_validate(strict_yaml.load(text))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_fault(error, 'rubric')}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from error
    if problem := _condition_problem(rubric):
        raise UsageError(f"{path}: {problem}")
    return rubric


def rubric_of(source: Rubric | Mapping[str, object] | str) -> Rubric:
    """Return a given rubric, one from a mapping, or a shipped one by name. Raises UsageError."""
    if isinstance(source, str):
        names = shipped_rubrics()
        if source not in names:
            choices = f"{', '.join(names)}, or give a YAML file (from Python: read_rubric)"
            raise UsageError(f"unknown rubric {source[:60]!r}; choose from {choices}")
        return read_rubric(names[source])
    try:
        rubric = Rubric.model_validate(source)
    except ValidationError as error:
        raise UsageError(f"rubric: {first_fault(error, 'rubric')}") from error
    if problem := _condition_problem(rubric):
        raise UsageError(f"rubric {rubric.name!r}: {problem}")
    return rubric


def shipped_rubrics() -> dict[str, Path]:
    return {path.stem: path for path in sorted(Path(str(files("dspy_programs") / "rubrics")).glob("*.yaml"))}


def passes(rubric: Rubric, scores: Mapping[str, float]) -> bool:
    """Evaluate the pass condition; a criterion without a score counts as 0, and dividing by zero is not passing."""
    names = {criterion.name: scores.get(criterion.name, 0.0) for criterion in rubric.criteria}
    evaluator = SimpleEval(names=names | {"overall": rubric.overall(scores)}, functions=FUNCTIONS)
    try:
        return bool(evaluator.eval(rubric.pass_condition))
    except ZeroDivisionError:
        return False


def _condition_problem(rubric: Rubric) -> str | None:
    """Say what is wrong with the criteria's names or the pass condition, or None."""
    names = {criterion.name for criterion in rubric.criteria}
    if "overall" in names:
        return "criteria: none may be named 'overall': that is the weighted mean of them all"
    try:
        _require_truth(ast.parse(rubric.pass_condition.strip(), mode="eval").body, names | {"overall"})
        passes(rubric, {})
    except (SyntaxError, RecursionError, MemoryError) as error:
        return f"pass_condition: {rubric.pass_condition!r} is not an expression ({getattr(error, 'msg', error)})"
    except ValueError as error:
        return f"pass_condition: {error}"
    return None


def _require_truth(node: ast.expr, names: set[str]) -> None:
    """Raise ValueError unless the node is a comparison of numbers, or several joined by and, or, not."""
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _require_truth(value, names)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _require_truth(operand, names)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(isinstance(op, _COMPARISONS) for op in ops):
            for side in (left, *others):
                _require_number(side, names)
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is not a comparison, like overall >= 0.6")


def _require_number(node: ast.expr, names: set[str]) -> None:
    match node:
        case ast.Constant(value=value) if isinstance(value, (int, float)) and not isinstance(value, bool):
            return
        case ast.Name(id=name):
            if name not in names:
                raise ValueError(f"unknown criterion {name!r}; choose from {', '.join(sorted(names))}")
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _require_number(operand, names)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            _require_number(left, names)
            _require_number(right, names)
        case ast.Call(func=ast.Name(id="min" | "max"), args=[_, _, *_] as args, keywords=[]):
            for arg in args:
                _require_number(arg, names)
        case ast.Call(func=ast.Name(id="abs"), args=[arg], keywords=[]):
            _require_number(arg, names)
        case _:
            raise ValueError(
                f"{ast.unparse(node)!r} is not allowed in a pass condition (use numbers, names, + - * /, min, max, abs)"
            )
