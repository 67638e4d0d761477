"""Checks of one value by its type: scalars, lists, and their limits."""

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dspy_programs.programs.actor.arguments.report import DEEPEST, Check, Report, exhausted

_LONGEST_NUMBER = 30  # characters of a string that may be a number
_INTEGER = re.compile(r"[+-]?[0-9]{1,15}(\.0+)?")
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?")


def anything(value: Any, path: str, report: Report, depth: int) -> Any:
    return value


def nothing(value: Any, path: str, report: Report, depth: int) -> Any:
    return report.problem(path, value, "may not be there")


def integer(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int:
        return value
    if type(value) is float and value.is_integer() and abs(value) < 1e15:
        return report.repair(path, value, int(value))
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _INTEGER.fullmatch(value.strip()):
        return report.repair(path, value, int(value.strip().partition(".")[0]))
    return report.problem(path, value, "is not an integer")


def number(value: Any, path: str, report: Report, depth: int) -> Any:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return value
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(text := value.strip()):
        return report.repair(path, value, int(text) if text.lstrip("+-").isdigit() else float(text))
    return report.problem(path, value, "is not a number")


def boolean(value: Any, path: str, report: Report, depth: int) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value[:9].strip().lower() in ("true", "false") and len(value) < 9:
        return report.repair(path, value, value.strip().lower() == "true")
    return report.problem(path, value, "is not true or false")


def string(value: Any, path: str, report: Report, depth: int) -> Any:
    if isinstance(value, str):
        return value
    if (type(value) is int and abs(value) < 1e15) or (type(value) is float and math.isfinite(value)):
        return report.repair(path, value, str(value))
    return report.problem(path, value, "is not a string")


def null(value: Any, path: str, report: Report, depth: int) -> Any:
    return None if value is None else report.problem(path, value, "is not null")


SCALARS: dict[str, Check] = {"integer": integer, "number": number, "boolean": boolean, "string": string, "null": null}


def array(item: Check, first: Sequence[Check] = ()) -> Check:
    def check_array(value: Any, path: str, report: Report, depth: int) -> Any:
        value = read_json(value, list, path, report)
        if not isinstance(value, list):
            trial = Report(report.visits)
            alone = None if value is None else (first[0] if first else item)(value, path, trial, depth + 1)
            if value is None or trial.problems:
                return report.problem(path, value, "is not a list")
            return report.repair(path, value, [alone])
        if depth > DEEPEST or exhausted(report):
            return report.problem(path, value, "is nested too deep, or too large, to be checked")
        report.visits[0] += len(value)
        checks = itertools.chain(first, itertools.repeat(item))
        return [
            check(inner, f"{path}[{i}]", report, depth + 1) for i, (inner, check) in enumerate(zip(value, checks, strict=False))
        ]

    return check_array


def all_different(inner: Check) -> Check:
    def check_different(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        if isinstance(value, list) and not exhausted(report) and len(set(map(_whole_text, value))) < len(value):
            report.problem(path, value, "has the same item twice")
        return value

    return check_different


def _whole_text(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):  # no JSON: like nothing else
        return str(id(value))


def within(inner: Check, schema: Mapping[str, Any]) -> Check:
    """Check a number against its limits; return the check itself if there are none."""
    tests: list[tuple[str, Callable[[Any, Any], bool], Any]] = [
        (words, test, schema[key])
        for key, words, test in (
            ("minimum", "below", lambda value, limit: value < limit),
            ("maximum", "above", lambda value, limit: value > limit),
            ("exclusiveMinimum", "not above", lambda value, limit: value <= limit),
            ("exclusiveMaximum", "not below", lambda value, limit: value >= limit),
        )
        if type(schema.get(key)) in (int, float)
    ]
    for limit, exclusive, words, test in (
        ("minimum", "exclusiveMinimum", "not above", lambda value, limit: value <= limit),
        ("maximum", "exclusiveMaximum", "not below", lambda value, limit: value >= limit),
    ):
        if schema.get(exclusive) is True and type(schema.get(limit)) in (int, float):  # as draft 4 wrote it
            tests.append((words, test, schema[limit]))
    if type(step := schema.get("multipleOf")) is int and step > 0:
        tests.append(("no multiple of", lambda value, step: math.isfinite(value) and value % step != 0, step))
    if not tests:
        return inner

    def check_within(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        for words, test, limit in tests if type(value) in (int, float) else ():
            if test(value, limit):
                report.problem(path, value, f"is {words} {limit}")
        return value

    return check_within


def of_length(inner: Check, schema: Mapping[str, Any], least: str, most: str, unit: str, of: Any = (str, list)) -> Check:
    low, high = (limit if type(limit := schema.get(key)) is int else None for key in (least, most))
    if low is None and high is None:
        return inner

    def check_length(value: Any, path: str, report: Report, depth: int) -> Any:
        value = inner(value, path, report, depth)
        if isinstance(value, of):
            if low is not None and len(value) < low:
                report.problem(path, value, f"has {len(value)} {unit}, fewer than {low}")
            if high is not None and len(value) > high:
                report.problem(path, value, f"has {len(value)} {unit}, more than {high}")
        return value

    return check_length


def read_json(value: Any, wanted: type, path: str, report: Report) -> Any:
    """Read JSON inside a string, if it is of the wanted type."""
    if not (isinstance(value, str) and value.lstrip()[:1] == ("{" if wanted is dict else "[")):
        return value
    try:
        inner = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return report.repair(path or "arguments", value, inner) if isinstance(inner, wanted) else value
